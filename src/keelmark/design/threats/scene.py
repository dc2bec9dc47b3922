"""What is known while one unit is observed: its facts, and the ids of the elements that others link to."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from keelmark.core.location import Location
from keelmark.core.project import Project
from keelmark.design.threats.builder import Builder
from keelmark.design.threats.signs import GENERATIVE_PACKAGES, imported_from, loads_model
from keelmark.design.threats.units import ImportGraph, Unit

if TYPE_CHECKING:
    from keelmark.core.facts import Call

__all__ = ["Scene"]

MAX_CALL_DEPTH = 8


@dataclass
class Scene:
    """One unit under observation.

    Attributes:
        program: Id of the element for the program itself.
        generative: Ids of models that write text.
        judging: Ids of models that judge, embed or draw.
        stores: Id of each retrieval store by the path of the module that searches it.
        is_reached: Whether a way in was found.
    """

    project: Project
    graph: ImportGraph
    unit: Unit
    builder: Builder
    program: str = ""
    generative: list[str] = field(default_factory=list)
    judging: list[str] = field(default_factory=list)
    stores: dict[str, str] = field(default_factory=dict)
    is_reached: bool = False

    @cached_property
    def model_modules(self) -> frozenset[str]:
        """Paths of modules that call or load a model."""
        return frozenset(
            seen.file.path
            for seen in self.unit.modules
            if imported_from(seen.fact, GENERATIVE_PACKAGES)
            or any(loads_model(call) for call in seen.fact.calls)
            or any("." in model.loader for model in seen.fact.models)
        )

    @cached_property
    def by_scope(self) -> dict[tuple[str, str], tuple[Call, ...]]:
        """Calls by the path of the module and the name of the function around them."""
        found: dict[tuple[str, str], list[Call]] = defaultdict(list)
        for path, call in self.unit.calls:
            found[path, call.scope.partition(".")[0]].append(call)
            if "." in call.scope:
                found[path, call.scope.rpartition(".")[2]].append(call)
        return {key: tuple(calls) for key, calls in found.items()}

    def names(self, file_name: str) -> bool:
        """Whether a call names a file."""
        texts = (argument.literal for _, call in self.unit.calls for argument in call.arguments)
        return any(isinstance(text, str) and text.rpartition("/")[2] == file_name for text in texts)

    def place(self, name: str, importer: str) -> tuple[str, str]:
        """Module and function that a dotted name stands for, ("", "") when it is none of the project."""
        path = self.graph.resolve(name, importer)
        return (path, name.rpartition(".")[2]) if path else ("", "")

    def reached_from(self, starts: tuple[tuple[str, str], ...]) -> frozenset[tuple[str, str]]:
        """Functions that are called from these, directly or not; the starts included."""
        seen = set(starts)
        frontier = list(starts)
        for _ in range(MAX_CALL_DEPTH):
            following = []
            for where in frontier:
                for call in self.by_scope.get(where, ()):
                    target = self._target(call.name, where[0])
                    if target[0] and target not in seen:
                        seen.add(target)
                        following.append(target)
            frontier = following
        return frozenset(seen)

    def _target(self, name: str, importer: str) -> tuple[str, str]:
        if "." not in name:
            return (importer, name) if (importer, name) in self.by_scope else ("", "")
        path = self.graph.resolve(name, importer)
        if not path:
            return ("", "")
        last = [part for part in name.split(".") if (path, part) in self.by_scope]
        return (path, last[-1]) if last else (path, name.rpartition(".")[2])

    def at(self, path: str, line: int) -> Location:
        """A place in the unit."""
        return Location(path=path, line=line)

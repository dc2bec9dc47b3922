"""Everything that rules may look at: the facts of one run, frozen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator  # noqa: TC003
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import PurePosixPath
from typing import Generic, TypeVar, cast

from keelmark.core.asset import Inventory
from keelmark.core.declaration import Declaration
from keelmark.core.facts import (
    AgentTool,
    Call,
    Document,
    DocumentKind,
    FileFacts,
    FileRole,
    Flow,
    Gap,
    Manifest,
    Module,
    Prompt,
    Reading,
    Route,
    Sink,
)
from keelmark.core.location import Location

__all__ = ["Project", "Seen"]

FactT_co = TypeVar("FactT_co", covariant=True)
ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Seen(Generic[FactT_co]):
    """A fact and the file it was seen in."""

    file: FileFacts
    reading: Reading
    fact: FactT_co

    def at(self, line: int | None = None, *, part: str = "", anchor: str | None = None) -> Location:
        """The place of the fact: its own line and anchor unless others are given."""
        own = getattr(self.fact, "line", 0) if line is None else line
        text = str(getattr(self.fact, "anchor", "")) if anchor is None else anchor
        return Location(path=self.file.path, line=own, part=part, anchor=text)

    @property
    def is_product(self) -> bool:
        """Whether the file is part of what is shipped, not a test, an example or documentation."""
        return self.file.role is FileRole.PRODUCT


@dataclass(frozen=True)
class Project:
    """The facts of one run.

    Attributes:
        name: Name of the assessed folder.
        files: Every file that was read, sorted by path.
        gaps: Everything that was not looked at, also inside files.
        inventory: What the system is made of.
        declaration: `keelmark.yaml`, None when there is none.
        declaration_path: Its path relative to the folder.
        today: The day of the assessment.
        is_partial: Whether only some files of the project were looked at (pre-commit).
        extras: Facts that an area prepares for its own rules, by name (advisories, life-cycle data).
    """

    name: str
    today: date
    files: tuple[FileFacts, ...] = ()
    gaps: tuple[Gap, ...] = ()
    inventory: Inventory = field(default_factory=Inventory)
    declaration: Declaration | None = None
    declaration_path: str = "keelmark.yaml"
    is_partial: bool = False
    extras: tuple[tuple[str, object], ...] = ()

    def extra(self, name: str) -> object | None:
        """A fact prepared by an area, None when there is none."""
        return next((value for key, value in self.extras if key == name), None)

    @cached_property
    def _derived(self) -> dict[object, object]:
        # No field: what follows from other facts must not travel with `dataclasses.replace`, nor count in a comparison.
        return {}

    def once(self, derive: Callable[[Project], ValueT]) -> ValueT:
        """What a function makes of the facts, computed once for each project.

        Rules run one after another. Two that asked at the same time would compute it twice, and get equal answers.

        Args:
            derive: A pure function of the project only. It is the key itself: name a function of a module, no lambda.
                What it raises is raised to each caller, and not kept.
        """
        if derive not in self._derived:
            self._derived[derive] = derive(self)
        return cast("ValueT", self._derived[derive])

    @cached_property
    def by_path(self) -> dict[str, FileFacts]:
        """Files by path."""
        return {file.path: file for file in self.files}

    @cached_property
    def readings(self) -> tuple[tuple[FileFacts, Reading], ...]:
        """Every reading with its file."""
        return tuple((file, reading) for file in self.files for reading in file.readings)

    @cached_property
    def modules(self) -> tuple[Seen[Module], ...]:
        """Every source module."""
        return tuple(Seen(f, r, r.module) for f, r in self.readings if r.module is not None)

    @cached_property
    def _calls(self) -> dict[str, list[Seen[Call]]]:
        index: dict[str, list[Seen[Call]]] = defaultdict(list)
        for seen in self.modules:
            for call in seen.fact.calls:
                index[call.name].append(Seen(seen.file, seen.reading, call))
        return index

    def calls(self, *names: str) -> Iterator[Seen[Call]]:
        """Calls with one of these resolved names, in order of path and line; `torch.*` stands for a prefix."""
        exact = [name for name in names if not name.endswith(".*")]
        prefixes = tuple(name[:-1] for name in names if name.endswith(".*"))
        wanted = set(exact)
        if prefixes:
            wanted.update(name for name in self._calls if name.startswith(prefixes))
        found = [seen for name in wanted for seen in self._calls.get(name, ())]
        return iter(sorted(found, key=lambda seen: (seen.file.path, seen.fact.line, seen.fact.column)))

    @cached_property
    def flows(self) -> tuple[Seen[Flow], ...]:
        """Every value that travels from an untrusted source to a sink."""
        return tuple(Seen(s.file, s.reading, flow) for s in self.modules for flow in s.fact.flows)

    def flows_to(self, *sinks: Sink) -> tuple[Seen[Flow], ...]:
        """Flows that end in one of these sinks."""
        return tuple(seen for seen in self.flows if seen.fact.sink in sinks)

    @cached_property
    def routes(self) -> tuple[Seen[Route], ...]:
        """Every way into the program over the network."""
        return tuple(Seen(s.file, s.reading, route) for s in self.modules for route in s.fact.routes)

    @cached_property
    def tools(self) -> tuple[Seen[AgentTool], ...]:
        """Every function that a model can call."""
        return tuple(Seen(s.file, s.reading, tool) for s in self.modules for tool in s.fact.tools)

    @cached_property
    def prompts(self) -> tuple[Seen[Prompt], ...]:
        """Every prompt, in code and in prompt files."""
        in_code = [Seen(s.file, s.reading, prompt) for s in self.modules for prompt in s.fact.prompts]
        in_files = [Seen(f, r, prompt) for f, r in self.readings for prompt in r.prompts]
        return tuple(in_code + in_files)

    @cached_property
    def manifests(self) -> tuple[Seen[Manifest], ...]:
        """Every dependency manifest and lock."""
        return tuple(Seen(f, r, r.manifest) for f, r in self.readings if r.manifest is not None)

    def documents(self, *kinds: DocumentKind) -> tuple[Seen[Document], ...]:
        """Documents of these kinds (all kinds when none is named)."""
        return tuple(
            Seen(f, r, r.document)
            for f, r in self.readings
            if r.document is not None and (not kinds or r.document.kind in kinds)
        )

    @cached_property
    def imported(self) -> frozenset[str]:
        """Top-level names that product code imports."""
        return frozenset(
            entry.name.split(".", 1)[0]
            for seen in self.modules
            if seen.is_product
            for entry in seen.fact.imports
            if not entry.name.startswith(".")
        )

    def imports(self, *packages: str) -> Iterator[tuple[FileFacts, int, str]]:
        """Imports of these packages or their parts: file, line, full name."""
        for seen in self.modules:
            for entry in seen.fact.imports:
                if any(entry.name == name or entry.name.startswith(f"{name}.") for name in packages):
                    yield seen.file, entry.line, entry.name

    def has_path(self, path: str) -> bool:
        """Whether a file or folder of that relative path was seen."""
        clean = str(PurePosixPath(path))
        return clean in self.by_path or any(name.startswith(f"{clean}/") for name in self.by_path)

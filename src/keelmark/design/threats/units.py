"""Which modules belong together: those that import each other on the way to something of AI.

A flow from one program of a repository into another that it never calls would be a false path, so links are only drawn inside
of one unit. A module that only holds what everybody needs (logging, settings without a model) joins nobody.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from keelmark.core.facts import Module
from keelmark.core.project import Seen
from keelmark.design.threats.signs import is_relevant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from keelmark.core.facts import Call
    from keelmark.core.project import Project

__all__ = ["ImportGraph", "Unit", "units_of"]

MAX_PARENTS = 2


@dataclass(frozen=True)
class Unit:
    """Modules that make up one program.

    Attributes:
        name: What people would call it: the folder that holds it.
        modules: In the order of their paths.
    """

    name: str
    modules: tuple[Seen[Module], ...]

    @cached_property
    def paths(self) -> frozenset[str]:
        """Paths of its modules."""
        return frozenset(seen.file.path for seen in self.modules)

    @cached_property
    def calls(self) -> tuple[tuple[str, Call], ...]:
        """Every call, with the path of its module."""
        return tuple((seen.file.path, call) for seen in self.modules for call in seen.fact.calls)

    def imports_any(self, packages: Iterable[str]) -> str:
        """The first of these packages that a module imports, "" when none does."""
        wanted = tuple(packages)
        for seen in self.modules:
            for entry in seen.fact.imports:
                for package in wanted:
                    if entry.name == package or entry.name.startswith((f"{package}.", f"{package}/")):
                        return package
        return ""


class ImportGraph:
    """Which product module imports which."""

    def __init__(self, project: Project) -> None:
        self.modules = {seen.file.path: seen for seen in project.modules if seen.is_product}
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in self.modules:
            stem = _stem(path)
            self._by_name[stem.rpartition("/")[2]].append(path)
        self.targets = {path: self._targets(path) for path in self.modules}

    def resolve(self, name: str, importer: str) -> str:
        """The path of the module that a dotted name of an importer stands for, "" when it is none of the project."""
        if name.startswith(("./", "../", "@/", "~/")):
            # Of a script the name of what is taken follows the last full stop, and files have full stops too.
            written = (name, name.rpartition(".")[0])
            return next(
                filter(None, (self._find(_script_parts(text, importer), importer) for text in written)), ""
            )
        parts = _parts(name, importer)
        for end in range(len(parts), 0, -1):
            found = self._find(parts[:end], importer)
            if found:
                return found
        return ""

    def closure(self, path: str) -> frozenset[str]:
        """A module and all that it imports, directly or not."""
        seen = {path}
        left = [path]
        while left:
            for target in self.targets.get(left.pop(), ()):
                if target not in seen:
                    seen.add(target)
                    left.append(target)
        return frozenset(seen)

    def _targets(self, path: str) -> tuple[str, ...]:
        found = (self.resolve(entry.name, path) for entry in self.modules[path].fact.imports)
        return tuple(sorted({target for target in found if target and target != path}))

    def _find(self, parts: Sequence[str], importer: str) -> str:
        if not parts:
            return ""
        tail = "/".join(parts)
        best, depth = "", -1
        for path in self._by_name.get(parts[-1], ()):
            stem = _stem(path)
            if stem != tail and not stem.endswith(f"/{tail}"):
                continue
            base = stem[: -len(tail)].rstrip("/")
            shared = _shared(base, importer)
            # Programs find modules beside themselves, above themselves, or one folder below those (`src`).
            if len(base.split("/")) - shared > 1 and base:
                continue
            if shared > depth:
                best, depth = path, shared
        return best


def units_of(project: Project, graph: ImportGraph) -> tuple[Unit, ...]:
    """The units that hold something of AI, sorted by their first path."""
    relevant = {path for path, seen in graph.modules.items() if is_relevant(seen.fact)}
    reaching = _reaching(graph, relevant)
    groups = _Groups(relevant | reaching)
    for path in sorted(reaching | relevant):
        if path.endswith(".ipynb"):
            continue  # Who tries something out in a notebook adds nothing to the program that the notebook imports.
        for target in graph.targets[path]:
            if target in reaching or target in relevant:
                groups.join(path, target)
    members = [sorted(group) for group in groups.all() if relevant.intersection(group)]
    taken: dict[str, int] = {}
    units = []
    for paths in sorted(members):
        name = _name([path for path in paths if path in relevant], project.name)
        taken[name] = taken.get(name, 0) + 1
        shown = name if taken[name] == 1 else f"{name} {taken[name]}"
        # What they import besides belongs to each of those who import it, and joins nobody.
        whole = sorted(set(paths).union(*(graph.closure(path) for path in paths)))
        units.append(Unit(name=shown, modules=tuple(graph.modules[path] for path in whole)))
    return tuple(units)


def _reaching(graph: ImportGraph, relevant: set[str]) -> set[str]:
    """The modules that import something of AI, directly or not."""
    importers: dict[str, list[str]] = defaultdict(list)
    for path, targets in graph.targets.items():
        for target in targets:
            importers[target].append(path)
    seen: set[str] = set(relevant)
    left = list(relevant)
    while left:
        for importer in importers[left.pop()]:
            if importer not in seen:
                seen.add(importer)
                left.append(importer)
    return seen


class _Groups:
    """Sets that are joined."""

    def __init__(self, members: Iterable[str]) -> None:
        self._parent = {member: member for member in members}

    def _root(self, member: str) -> str:
        while self._parent[member] != member:
            self._parent[member] = self._parent[self._parent[member]]
            member = self._parent[member]
        return member

    def join(self, one: str, other: str) -> None:
        first, second = sorted((self._root(one), self._root(other)))
        self._parent[second] = first

    def all(self) -> list[list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for member in self._parent:
            found[self._root(member)].append(member)
        return list(found.values())


def _stem(path: str) -> str:
    stem = path.rpartition(".")[0] or path
    return stem.removesuffix("/__init__").removesuffix("/index")


def _parts(name: str, importer: str) -> list[str]:
    dots = len(name) - len(name.lstrip("."))
    if not dots:
        return [part for part in name.split(".") if part]
    folder = importer.split("/")[:-1]
    kept = folder[: len(folder) - (dots - 1)] if dots > 1 else folder
    return [*kept, *(part for part in name[dots:].split(".") if part)]


def _script_parts(name: str, importer: str) -> list[str]:
    if name.startswith(("@/", "~/")):
        return [part for part in name[2:].split("/") if part]
    parts = importer.split("/")[:-1]
    for part in name.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return parts


def _shared(base: str, importer: str) -> int:
    count = 0
    for one, other in zip(base.split("/"), importer.split("/")[:-1], strict=False):
        if one != other:
            break
        count += 1
    return count


# Folders whose name says nothing of what lies in them.
_PLAIN = frozenset(
    {
        "src",
        "lib",
        "app",
        "apps",
        "packages",
        "backend",
        "server",
        "api",
        "core",
        "python",
        "main",
        "route",
        "page",
        "index",
        "utils",
    }
)


def _name(paths: Sequence[str], fallback: str) -> str:
    if len(paths) == 1:
        names = _stem(paths[0]).split("/")
        return next((name for name in reversed(names) if name not in _PLAIN), names[-1])
    folders = [path.split("/")[:-1] for path in paths]
    shared = []
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    telling = [part for part in shared if part not in _PLAIN]
    return telling[-1] if telling else fallback

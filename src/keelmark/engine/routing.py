"""Which readers are worth asking about a file: those whose clues let it pass; modules of the others are not even imported.

A scan meets thousands of small files and there are dozens of readers. Routing leaves out those that cannot recognise a
file and decides nothing else: whoever is left looks at the content, and a file that several recognise is read as each.

INVARIANT: whatever a reader recognises, its clues let pass. Tests hold every reader against its clues.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from keelmark.engine.clues import CONTAINERS, READERS
from keelmark.errors import RuleError
from keelmark.formats.source import HEAD_BYTES

if TYPE_CHECKING:
    from keelmark.core.facts import Reading
    from keelmark.engine.clues import Clue, Route
    from keelmark.formats.archives.container import Budget, Opened
    from keelmark.formats.source import Source

__all__ = ["CONTAINER_ROUTER", "READER_ROUTER", "Routed", "Router", "may_be", "offered"]

_Test = Callable[["Source"], bool]
_Kind = list[tuple["Routed", tuple[_Test, ...]]]
# Files of one kind share first byte and suffix; foreign names could make up any number of suffixes.
_MAX_REMEMBERED = 2_000


def offered(module: Any) -> tuple[Any, ...]:
    """What a module offers as `READER(S)` or `CONTAINER(S)`."""
    for single, several in (("READER", "READERS"), ("CONTAINER", "CONTAINERS")):
        if hasattr(module, several):
            return tuple(getattr(module, several))
        if hasattr(module, single):
            return (getattr(module, single),)
    return ()


class Routed:
    """A reader or container that is imported when a file passes its clues for the first time."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.name = route.name

    @cached_property
    def target(self) -> Any:
        """The reader or container itself.

        Raises:
            RuleError: The module does not offer it.
        """
        home = importlib.import_module(f"keelmark.formats.{self.route.module}")
        for each in offered(home):
            if each.name == self.name:
                return each
        raise RuleError(f"`{self.route.module}` offers no `{self.name}`")

    @property
    def version(self) -> int:
        """That of the reader."""
        return int(self.target.version)

    def recognises(self, source: Source) -> bool:
        """Whether the clues let the file pass and the reader recognises it."""
        return may_be(self.route, source) and bool(self.target.recognises(source))

    def read(self, source: Source) -> tuple[Reading, ...]:
        """As the reader."""
        return tuple(self.target.read(source))

    def open(self, source: Source, budget: Budget) -> Opened:
        """As the container."""
        return self.target.open(source, budget)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Router:
    """Finds the readers, or containers, that are worth asking about a file."""

    all: tuple[Routed, ...]
    _kinds: dict[tuple[bytes, str], _Kind] = field(default_factory=dict)

    def of(self, source: Source) -> list[Any]:
        """Those whose clues let the file pass, by name."""
        key = (source.head[:1], source.suffix)
        kind = self._kinds.get(key)
        if kind is None:
            if len(self._kinds) >= _MAX_REMEMBERED:
                self._kinds.clear()
            kind = self._kinds[key] = [
                (each, tests) for each in self.all if (tests := _tests(each.route, *key)) is not None
            ]
        found = []
        for each, tests in kind:
            for test in tests:
                if test(source):
                    found.append(each.target)
                    break
            else:
                if not tests:
                    found.append(each.target)
        return found


def may_be(route: Route, source: Source) -> bool:
    """Whether one of the clues lets the file pass."""
    tests = _tests(route, source.head[:1], source.suffix)
    return tests is not None and (not tests or any(test(source) for test in tests))


def _tests(route: Route, first: bytes, suffix: str) -> tuple[_Test, ...] | None:
    """What is left to look at once first byte and suffix are known, one of which is enough; None when they rule it out."""
    left = [
        clue
        for clue in route.clues
        if (not clue.first or (first and first in clue.first))
        and (not clue.suffixes or suffix in clue.suffixes)
    ]
    if not left:
        return None
    tests = tuple(_test(clue) for clue in left)
    return () if None in tests else tuple(test for test in tests if test is not None)


def _test(clue: Clue) -> _Test | None:
    """The rest of one clue; each states at most one of these."""
    if clue.ending:
        return lambda source: source.path.endswith(clue.ending)
    if clue.at:
        return lambda source: _stands(source.head, clue.at)
    if clue.number is not None:
        start, stop = clue.number
        return lambda source: source.head[start:stop].strip(b" \0").isdigit()
    if clue.holds:
        return lambda source: _holds(source.head, clue.holds, is_text=clue.is_text)
    return None


def _stands(head: bytes, marks: tuple[tuple[int, bytes], ...]) -> bool:
    for place, mark in marks:  # noqa: SIM110 - asked for every file; a generator takes three times as long
        if head.startswith(mark, place):
            return True
    return False


def _holds(head: bytes, words: tuple[bytes, ...], *, is_text: bool) -> bool:
    for word in words:
        if word in head:
            return True
    return len(head) >= HEAD_BYTES and not (is_text and b"\0" in head)


READER_ROUTER = Router(tuple(map(Routed, READERS)))
CONTAINER_ROUTER = Router(tuple(map(Routed, CONTAINERS)))

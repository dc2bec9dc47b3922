"""The machine: summaries of functions, entries and what is shared while values are followed."""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keelmark.formats.python.names import Scope
from keelmark.formats.python.taint.values import EMPTY, Cleaning, Hit, Summary, Taint, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.formats.python.index import Index
    from keelmark.formats.python.names import Function
    from keelmark.formats.python.taint.entries import Entry

__all__ = ["Frame", "Machine"]

# A look through so many variables takes about as long as the evaluation of one expression.
_VARIABLES_PER_EVALUATION = 64


@dataclass(slots=True, eq=False, kw_only=True)
class Frame:
    """One function while it is judged.

    Attributes:
        values: What variables carry; also attributes and items under paths such as `self.x` and `d['k']`.
        derived: Variables that a variable was computed from, so that a check of it speaks of them too.
        requests: Variables that hold a request object.
        is_page: Whether text that the function returns is shown as HTML.
    """

    scope: Scope
    values: dict[str, Value] = field(default_factory=dict)
    derived: dict[str, frozenset[str]] = field(default_factory=dict)
    requests: set[str] = field(default_factory=set)
    hits: set[Hit] = field(default_factory=set)
    returns: Value = EMPTY
    is_page: bool = False


class Machine:
    """Judges functions once each and remembers the summary.

    Args:
        index: The module.
        entries: Functions called from outside.
        judge: Runs the body of a function in a frame.
    """

    def __init__(
        self,
        index: Index,
        entries: dict[Function, tuple[Entry, dict[str, Value], set[str]]],
        judge: Callable[[Machine, Function, Frame], None],
    ) -> None:
        self.index = index
        self.left = index.bounds.max_evaluations
        self.module_values: dict[str, Value] = {}
        self.member_values: dict[tuple[str, str], Value] = defaultdict(frozenset)
        self.closures: dict[str, dict[str, Value]] = {}
        self._entries = entries
        self._judge = judge
        self._summaries: dict[Function, Summary] = {}
        self._depth = 0

    def summary(self, function: Function) -> Summary:
        """Summary of a function; an empty one while it is being judged, or too deep below another."""
        known = self._summaries.get(function)
        if known is not None:
            return known
        if self._depth >= self.index.bounds.max_depth:
            return Summary()
        self._summaries[function] = Summary()
        self._depth += 1
        try:
            self._summaries[function] = found = self._compute(function)
        finally:
            self._depth -= 1
        return found

    def forget(self) -> None:
        """Judge everything again: members hold values that were not known in the first round."""
        self._summaries.clear()

    def _compute(self, function: Function) -> Summary:
        frame = Frame(scope=function.scope)
        frame.values.update(self.closures.get(function.qualname, {}))
        entry = self._entries.get(function)
        if entry is not None:
            how, values, requests = entry
            frame.is_page = how.returns_page
            frame.values.update(values)
            frame.requests.update(requests)
        symbols: dict[str, Taint] = {}
        for argument, _ in function.parameters:
            if argument.arg not in frame.requests and (entry is None or argument.arg not in entry[1]):
                symbol = Taint(source=None, origin=argument.arg, line=function.line, parameter=argument.arg)
                symbols[argument.arg] = symbol
                frame.values[argument.arg] = frozenset({symbol})
        self._judge(self, function, frame)
        return Summary(
            returns=frame.returns, hits=frame.hits, checks=_checks(symbols, frame), members=_members(frame)
        )

    def charge(self, variables: int) -> None:
        """Count a look through so many variables as work, so that a function with thousands of them ends in time."""
        self.left -= variables // _VARIABLES_PER_EVALUATION

    def is_spent(self) -> bool:
        """Whether the bound on evaluations is reached."""
        self.left -= 1
        return self.left < 0


def _checks(symbols: dict[str, Taint], frame: Frame) -> dict[str, tuple[Cleaning, ...]]:
    found: dict[str, tuple[Cleaning, ...]] = {}
    for name in symbols:
        own = [taint for taint in frame.values.get(name, EMPTY) if taint.parameter == name]
        if own and all(taint.cleanings for taint in own):
            found[name] = own[0].cleanings
    return found


def _members(frame: Frame) -> dict[str, Value]:
    prefix = f"{frame.scope.self_name}."
    if frame.scope.owner is None or prefix == ".":
        return {}
    return {
        path.removeprefix(prefix): value
        for path, value in frame.values.items()
        if path.startswith(prefix) and any(taint.source is None for taint in value)
    }


def names_in(node: ast.AST) -> frozenset[str]:
    """Variables that an expression reads."""
    return frozenset(item.id for item in ast.walk(node) if isinstance(item, ast.Name))

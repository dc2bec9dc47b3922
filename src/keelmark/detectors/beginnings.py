"""Patterns of beginnings: what a text may end in, that more text could make into a match.

A text that arrives in parts may be handed on up to the first place from which a match could still come about. The
pattern made here finds that place:

1. Every beginning of every match of the given pattern is found; more than that may be, for counts are not kept.
2. It is made by reading the pattern, and refuses to guess: a construct that is not known is an error.

Known are literals, escapes, classes, groups, alternatives, and all repetitions of RE2; marks of word edges and line
edges take no room and are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keelmark.errors import RuleError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["beginnings_of"]

_EDGES = frozenset("bBAz")
_FLAGS = frozenset("ims")


@dataclass(slots=True)
class _Node:
    """One part of a pattern: a character, a sequence or alternatives, with how often it comes."""

    kind: str
    text: str = ""
    parts: list[_Node] = field(default_factory=list)
    least: int = 1
    is_repeated: bool = False


def beginnings_of(patterns: Iterable[str], *, after: str = "") -> str:
    """A pattern for all beginnings, the empty one left out, of what the patterns match; it has no anchors.

    Args:
        patterns: In RE2; flags in front hold for the whole of each.
        after: Characters, as a class, that may follow a match and still decide about it.

    Raises:
        RuleError: A pattern has something in it that is not known here.
    """
    made: dict[str, None] = {}
    for pattern in patterns:
        flags, tree = _Reader(pattern).read()
        tail = _Node(kind="one", text=after, least=0, is_repeated=True)
        whole = _Node(kind="all", parts=[tree, tail] if after else [tree])
        made[f"(?{flags}:{_begun(whole)})" if flags else _begun(whole)] = None
    return "(?:" + "|".join(made) + ")"


def _begun(node: _Node) -> str:
    """Beginnings of a part, however often it comes."""
    once = _begun_once(node)
    return f"(?:{_whole(node)}*{once})" if node.is_repeated and once else once


def _begun_once(node: _Node) -> str:
    if node.kind == "one":
        return node.text
    if node.kind == "any":
        return "(?:" + "|".join(filter(None, map(_begun, node.parts))) + ")"
    # Of a sequence: a beginning of the first part; or all of it, and a beginning of the rest.
    made = ""
    for part in reversed(node.parts):
        begun = _begun(part)
        if not begun:
            continue
        rest = f"{_loose(part)}{made}" if made else ""
        made = f"(?:{begun}|{rest})" if rest else begun
    return made


def _whole(node: _Node) -> str:
    """A part, once."""
    if node.kind == "one":
        return node.text
    if node.kind == "any":
        return "(?:" + "|".join(map(_loose, node.parts)) + ")"
    if len(node.parts) == 1:
        return _loose(node.parts[0]) if node.parts[0].kind == "one" else f"(?:{_loose(node.parts[0])})"
    return "(?:" + "".join(map(_loose, node.parts)) + ")"


def _loose(node: _Node) -> str:
    """All of a part, with "as often as may be" in place of counts."""
    whole = _whole(node)
    if whole == "(?:)":
        return ""
    if node.is_repeated:
        return whole + ("*" if node.least == 0 else "+")
    return whole + ("?" if node.least == 0 else "")


class _Reader:
    """Reads one pattern from left to right."""

    __slots__ = ("_at", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def read(self) -> tuple[str, _Node]:
        """Flags in front, and the tree."""
        flags = ""
        if self._text.startswith("(?") and (end := self._text.find(")")) > 0:
            named = self._text[2:end]
            if named and set(named) <= _FLAGS:
                flags, self._at = named, end + 1
        tree = self._alternatives()
        if self._at != len(self._text):
            raise self._unknown()
        return flags, tree

    def _unknown(self) -> RuleError:
        return RuleError(f"pattern `{self._text}` cannot be read at character {self._at + 1}")

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _alternatives(self) -> _Node:
        found = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            found.append(self._sequence())
        return found[0] if len(found) == 1 else _Node(kind="any", parts=found)

    def _sequence(self) -> _Node:
        parts: list[_Node] = []
        while self._peek() not in {"", "|", ")"}:
            part = self._part()
            if part is not None:
                parts.append(self._repeated(part))
        return _Node(kind="all", parts=parts)

    def _part(self) -> _Node | None:
        letter = self._peek()
        if letter == "(":
            return self._group()
        if letter == "[":
            return _Node(kind="one", text=self._class())
        if letter == "\\":
            return self._escape()
        self._at += 1
        if letter in "^$":
            return None
        if letter in "*+?{":
            raise self._unknown()
        return _Node(kind="one", text=letter)

    def _group(self) -> _Node:
        self._at += 1
        if self._peek() == "?":
            self._at += 1
            if self._text.startswith("P<", self._at):
                self._at = self._text.index(">", self._at) + 1
            elif self._peek() == ":":
                self._at += 1
            else:
                raise self._unknown()
        inner = self._alternatives()
        if self._peek() != ")":
            raise self._unknown()
        self._at += 1
        return _Node(kind="all", parts=[inner])

    def _class(self) -> str:
        start = self._at
        self._at += 1
        if self._peek() == "^":
            self._at += 1
        # A closing bracket that comes first stands for itself.
        if self._peek() == "]":
            self._at += 1
        while self._peek() != "]":
            if not self._peek():
                raise self._unknown()
            self._at += 2 if self._peek() == "\\" else 1
        self._at += 1
        return self._text[start : self._at]

    def _escape(self) -> _Node | None:
        letter = self._text[self._at + 1 : self._at + 2]
        if not letter or (letter.isalnum() and letter not in "bBAzdDwWsSntrx"):
            raise self._unknown()
        size = 4 if letter == "x" else 2
        text = self._text[self._at : self._at + size]
        self._at += size
        return None if letter in _EDGES else _Node(kind="one", text=text)

    def _repeated(self, part: _Node) -> _Node:
        """The part with what says how often it comes."""
        mark = self._peek()
        if mark not in {"*", "+", "?", "{"} or not mark:
            return part
        if mark == "{":
            end = self._text.index("}", self._at)
            least, _, most = self._text[self._at + 1 : end].partition(",")
            self._at = end + 1
            found = int(least or 0), (least, most) not in {("1", ""), ("0", "1"), ("1", "1")}
        else:
            self._at += 1
            found = {"*": (0, True), "+": (1, True), "?": (0, False)}[mark]
        if self._peek() == "?":
            self._at += 1
        # A part that has a count of its own already is wrapped, so that both hold.
        wrapped = _Node(kind="all", parts=[part])
        wrapped.least, wrapped.is_repeated = found
        return wrapped

"""Cedar text cut into its policies, with their lines, inside bounds that keep its parser safe.

The parser of Cedar recurses: text nested a thousand levels deep ends the whole process. So depth and length are measured
here, by a lexer that knows strings and comments and nothing else, before Cedar sees the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.errors import LimitExceededError, ParseError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Bounds", "Statement", "statements"]

# Strings and comments first: what looks like anything else inside of them is not. A lone quote is a string without end.
_TOKEN = re2.compile(r'"(?:[^"\\]|\\[\s\S])*"|//[^\n]*|"|&&|\|\||[<>=!]=|\w+|\S')
_OPEN = frozenset("([{")
_CLOSE = frozenset(")]}")
_CHAINING = frozenset(
    {"&&", "||", "==", "!=", "<=", ">=", ".", "+", "*", "<", ">", "-", "if", "in", "has", "like", "is"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of policies.

    Attributes:
        max_files: Files of one set.
        max_bytes: Of all of them.
        max_policies: In all of them.
        max_depth: Brackets inside of brackets.
        max_operators: In one policy.
    """

    max_files: int = 64
    max_bytes: int = 1024**2
    max_policies: int = 1_000
    max_depth: int = 32
    max_operators: int = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One policy as it is written, the semicolon included, and the line on which it begins."""

    text: str
    line: int


def statements(text: str, *, path: str = "", bounds: Bounds | None = None) -> tuple[Statement, ...]:
    """The policies in a text, in order.

    Raises:
        ParseError: A string or a policy does not end.
        LimitExceededError: A policy is nested too deeply, or has too many operators.
    """
    limits = bounds or Bounds()
    found: list[Statement] = []
    begin, depth, operators = -1, 0, 0
    line, counted = 1, 0
    for place, mark in _marks(text):
        if begin < 0:
            begin = place
            line, counted = line + text.count("\n", counted, place), place
        if mark == '"':
            raise ParseError("a policy with a string without an end", path=path, line=line)
        if mark in _OPEN:
            depth += 1
        elif mark in _CLOSE:
            depth -= 1
        elif mark in _CHAINING:
            operators += 1
        elif mark == ";":
            found.append(Statement(text=text[begin : place + 1], line=line))
            begin, depth, operators = -1, 0, 0
        if depth > limits.max_depth or operators > limits.max_operators:
            raise LimitExceededError(
                f"a policy has more than {limits.max_depth} levels or {limits.max_operators} operators",
                hint="write two policies instead of one",
                path=path,
                line=line,
            )
    if begin >= 0:
        raise ParseError("a policy without an end", hint="each ends with a semicolon", path=path, line=line)
    return tuple(found)


def _marks(text: str) -> Iterator[tuple[int, str]]:
    for match in _TOKEN.finditer(text):
        mark = match.group()
        if not mark.startswith("//"):
            yield match.start(), mark

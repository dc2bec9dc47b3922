"""A few passes over a text that tell which of many patterns occur in it, so that only those are looked for closely.

1. It never overlooks: a pattern that occurs is named, and a pass that could not be finished raises.
2. Its time is linear in the length of the text, whatever the text. Upper ends of counts are left out, so that its states
   stay few: it may name a pattern that does not occur, and what it names is looked for closely anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import re2

from keelmark.errors import LimitExceededError, RuleError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Sieve"]

_CACHE_BYTES = 8 * 1024**2


_COUNTED = re2.compile(r"(\\.)|\{(\d+),\d+\}")


def _unbounded(pattern: str) -> str:
    """The pattern without upper ends of counts."""
    return str(
        _COUNTED.sub(
            lambda match: match.group(1) or ("*" if match.group(2) == "0" else f"{{{match.group(2)},}}"),
            pattern,
        )
    )


class Sieve:
    """Patterns over bytes, each under a label; several may share one.

    The patterns of a group are looked for in one pass. Its states are made as texts ask for them, and may be as many as those
    of all its patterns multiplied: two groups that walk through a handful each can together walk through ever new ones, at
    a hundred times the cost. So patterns that count letters (runs of base64) stand apart from those that know words.

    Args:
        groups: Pairs of label and pattern; a pattern is RE2, matched byte by byte.
        is_text: Whether patterns are matched letter by letter instead, in what must be UTF-8 then.

    Raises:
        RuleError: A pattern cannot be compiled.
    """

    __slots__ = ("_passes",)

    def __init__(self, *groups: Iterable[tuple[str, str]], is_text: bool = False) -> None:
        self._passes = tuple(_pass_of(tuple(group), is_text=is_text) for group in groups)
        self.look(b"")

    def look(self, data: bytes) -> frozenset[str] | None:
        """Labels of the patterns that occur; None when there is none, which is most of the time.

        Raises:
            LimitExceededError: The text could not be looked through.
        """
        hit: frozenset[str] | None = None
        for match, labels, nothing in self._passes:
            found: list[int] = match(data)
            if found == nothing:
                continue
            if nothing[0] not in found:
                raise LimitExceededError("a text could not be looked through for patterns")
            told = frozenset([labels[number] for number in found if number != nothing[0]])
            hit = told if hit is None else hit | told
        return hit


def _pass_of(
    patterns: tuple[tuple[str, str], ...], *, is_text: bool
) -> tuple[Any, tuple[str, ...], list[int]]:
    """What looks for a group, the labels of its patterns, and what it says when none of them occurs."""
    options = re2.Options()
    if not is_text:
        options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = _CACHE_BYTES
    options.log_errors = False
    found = re2.Set.SearchSet(options)
    for label, pattern in patterns:
        try:
            found.Add(_unbounded(pattern).encode())
        except re2.error as error:
            raise RuleError(f"pattern of `{label}` cannot be compiled") from error
    # INVARIANT: the library says "nothing" also when it gave up; the end of the text, which always occurs, tells one from
    # the other. The empty pattern would, too, but occurs at every byte, and costs at each.
    found.Add(rb"\z")
    found.Compile()
    return found.Match, tuple(label for label, _ in patterns), [len(patterns)]

"""Syntax trees of foreign source, within time and memory.

The parser mends what it does not understand, and on text made for it that takes a time in the square of its length. It
is asked to stop once it has used up its time. The memory that a tree will take is known from the words and marks.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tree_sitter import Parser

from keelmark.errors import LimitExceededError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tree_sitter import Language, Tree

__all__ = ["BOUNDS", "Bounds", "parse", "tokens_of"]

_WORD = bytes([*range(0x30, 0x3A), *range(0x41, 0x5B), *range(0x61, 0x7B), 0x5F, *range(0x80, 0x100)])
_BLANK = b" \t\r\n\f\v"
_MARKS_TO_BLANKS = bytes(byte if byte in _WORD else 0x20 for byte in range(256))

# The parser asks for the text piece by piece, and nodes read theirs in the same pieces.
_PIECE = 4 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one parse.

    Attributes:
        max_untimed: Bytes of a source that is too short to take long.
        max_rereads: How often the parser may go through the whole text; comments without end make it go back.
        max_seconds: Processor time; sound source of a megabyte takes a fifth of it.
        max_tokens: Words, marks and line ends of the text; the tree takes up to half a kilobyte for each.
    """

    max_untimed: int = 16 * 1024
    max_seconds: float = 2.5
    max_rereads: int = 20
    max_tokens: int = 350_000


BOUNDS = Bounds()


def parse(
    data: bytes,
    language: Language,
    *,
    path: str,
    bounds: Bounds = BOUNDS,
    clock: Callable[[], float] = time.process_time,
) -> Tree:
    """Parse source.

    Args:
        data: The source in UTF-8.
        language: Its grammar.
        path: Name used in messages.
        bounds: Bounds of the parse.
        clock: Processor time in seconds.

    Raises:
        LimitExceededError: It took too long, or has too many words and marks.
    """
    if len(data) > bounds.max_tokens and tokens_of(data) > bounds.max_tokens:
        raise LimitExceededError(f"source has more than {bounds.max_tokens} words and marks", path=path)
    ends = clock() + bounds.max_seconds

    left = bounds.max_rereads * (len(data) // _PIECE + 1)

    def piece(offset: int, place: object) -> bytes:
        nonlocal left
        del place
        left -= 1
        return data[offset : offset + _PIECE]

    def is_over(offset: int, has_error: bool) -> bool:  # noqa: FBT001 - how the parser calls it
        del offset, has_error
        return left < 0 or clock() > ends

    if len(data) <= bounds.max_untimed:
        return Parser(language).parse(data)
    try:
        return Parser(language).parse(piece, progress_callback=is_over)
    except ValueError as error:
        raise LimitExceededError("source takes too long to parse", path=path) from error


def tokens_of(data: bytes) -> int:
    """Words, marks and line ends of a source; those in strings and comments too, because a text could hide more there."""
    marks = len(data.translate(None, _WORD + _BLANK))
    return marks + len(data.translate(_MARKS_TO_BLANKS).split()) + data.count(b"\n")

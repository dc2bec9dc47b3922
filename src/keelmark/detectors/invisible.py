"""Characters that people do not see and models read: zero-width, tag, variation and direction characters."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

import re2

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Unseen", "unseen", "visible"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """A stretch of invisible characters.

    Attributes:
        kind: `tag-characters`, `invisible-characters`, `direction-override`.
        start: First character.
        count: How many there are.
        message: What they spell, when they spell something.
    """

    kind: str
    start: int
    count: int
    message: str = ""


_ANY: Final = re2.compile(
    "[\U000e0000-\U000e01ef\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\u180e\u3164\u115f\u1160\uffa0]"
)
_TAGS: Final = re2.compile("[\U000e0000-\U000e007f]{2,}")
# A black flag, tag letters for the region, the end tag: the flags of England, Scotland, Wales.
_FLAG: Final = re2.compile("\U0001f3f4[\U000e0030-\U000e007a]{2,7}\U000e007f")
_RUN: Final = re2.compile(
    "[\u200b\u200c\u200d\u2060-\u2064\u206a-\u206f\ufeff\u180e\ufe00-\ufe0f\U000e0100-\U000e01ef]{3,}"
)
# Three times within one word of Latin letters: no editor, font or language does that.
_BROKEN_WORD: Final = re2.compile("[A-Za-z][\u200b-\u200d\u2060-\u2064\ufeff]+")
_OVERRIDE: Final = re2.compile("[\u202d\u202e]")
_RIGHT_TO_LEFT: Final = re2.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
# Deleted in one pass of C, however many there are.
_ZERO_WIDTH: Final = dict.fromkeys(
    [
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
        *range(0xFE00, 0xFE10),
        *range(0xE0100, 0xE01F0),
        0x00AD,
        0x180E,
        0xFEFF,
    ]
)
_MAX_BROKEN = 1_000
_LEAST_BROKEN = 3


def unseen(text: str) -> Iterator[Unseen]:
    """Yield what is hidden in a text.

    Emoji joined with zero-width joiners, national flags, a byte order mark at the start, joiners of Persian, Arabic and
    Indic scripts, a stray zero-width space, and direction marks in right-to-left text are left alone.
    """
    if text.isascii() or not _ANY.search(text):
        return
    flags = {match.start() + 1 for match in _FLAG.finditer(text)}
    for match in _TAGS.finditer(text):
        if match.start() not in flags:
            yield Unseen(
                kind="tag-characters",
                start=match.start(),
                count=len(match.group()),
                message=_spelled(match.group()),
            )
    for match in _RUN.finditer(text):
        yield Unseen(kind="invisible-characters", start=match.start(), count=len(match.group()))
    broken = [
        match.start() + 1
        for match in islice(_BROKEN_WORD.finditer(text), _MAX_BROKEN)
        if text[match.end() : match.end() + 1].isascii() and text[match.end() : match.end() + 1].isalpha()
    ]
    if len(broken) >= _LEAST_BROKEN:
        yield Unseen(kind="invisible-characters", start=broken[0], count=len(broken))
    if not _RIGHT_TO_LEFT.search(text):
        for match in _OVERRIDE.finditer(text):
            yield Unseen(kind="direction-override", start=match.start(), count=1)


def _spelled(tags: str) -> str:
    return "".join(chr(ord(letter) - 0xE0000) for letter in tags if 0xE0020 <= ord(letter) <= 0xE007E)


def visible(text: str) -> str:
    """The text as a model may read it: tag characters spelled out, zero-width characters gone; lines stay."""
    if text.isascii():
        return text
    spelled = _TAGS.sub(lambda match: " " + _spelled(match.group()) + " ", text)
    return str(spelled).translate(_ZERO_WIDTH)

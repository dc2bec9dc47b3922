"""Vectors of words in the binary forms of word2vec and fastText: words and numbers, and nothing that a loader follows.

The first has no mark: its first line counts words and numbers, and each word is followed by exactly so many numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import ModelFile
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.models.facts import metadata, reading

if TYPE_CHECKING:
    from keelmark.core.facts import Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "WordVectorsReader"]

_FASTTEXT = b"\xba\x16\x4f\x2f"
_FIRST = bytes_pattern(rb"^([1-9]\d{0,9}) ([1-9]\d{0,4})\n")
_LONGEST_WORD = 1024
_ENTRIES = 4


class WordVectorsReader:
    """Reads what such files say of themselves."""

    name = "word-vectors"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By the mark of fastText; or by a first line that the entries behind it bear out."""
        if source.head.startswith(_FASTTEXT):
            return True
        return not source.is_text and _counts(source) is not None

    def read(self, source: Source) -> tuple[Reading, ...]:
        """How many words, and how many numbers each."""
        if source.head.startswith(_FASTTEXT):
            return reading(ModelFile(format="fasttext", can_execute=False))
        words, numbers = _counts(source) or (0, 0)
        said = metadata([("words", words), ("numbers each", numbers)])
        return reading(
            ModelFile(format="word2vec", parameters=words * numbers, metadata=said, can_execute=False)
        )


def _counts(source: Source) -> tuple[int, int] | None:
    """The numbers of the first line; None when the first entries, or the length of the file, do not fit them."""
    first = _FIRST.match(source.head)
    if first is None:
        return None
    words, numbers = int(first.group(1)), int(first.group(2))
    place = first.end()
    if source.size < place + words * (2 + 4 * numbers):
        return None
    for _ in range(min(words, _ENTRIES)):
        if place + _LONGEST_WORD > len(source.head) < source.size:
            break
        blank = source.head.find(b" ", place, place + _LONGEST_WORD)
        if blank < 0 or b"\x00" in source.head[place:blank]:
            return None
        place = blank + 1 + 4 * numbers
        if source.head[place : place + 1] == b"\n":
            place += 1
    return words, numbers


READER = WordVectorsReader()

"""Words that every report shares, without the weight of any of them."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Tone", "count"]


class Tone(StrEnum):
    """How a headline is to be shown; words say the same, so colour is never the only carrier."""

    GOOD = "good"
    BAD = "bad"
    OPEN = "open"


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 file`, `2 files`, `1,000 files`."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"

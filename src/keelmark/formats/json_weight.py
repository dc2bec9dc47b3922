"""How much memory a JSON text takes once it is read, estimated before it is read.

A file of `[],[],…` takes thirty times its size as values. What stands in strings weighs what it is long.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from keelmark.errors import LimitExceededError

__all__ = ["Bounds", "check_weight", "weight_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of the values of one JSON text.

    Attributes:
        max_weight: Bytes that the values may take.
        max_unweighed: Characters of a text that is too short to exceed it.
    """

    max_weight: int = 128 * 1024**2
    max_unweighed: int = 1024**2


BOUNDS = Bounds()
# Bytes of a list, an object, one more value, one more key with its value, as measured.
_WEIGHTS = {"[": 64, "{": 64, ",": 72, ":": 150}
_PIECE = 1024 * 1024


def weight_of(text: str) -> int:
    """Bytes that the values of a JSON text take, estimated from its marks outside of strings and from its own size."""
    weight, at, is_inside = sys.getsizeof(text), 0, False
    while at < len(text):
        end = min(at + _PIECE, len(text))
        while end < len(text) and text[end - 1] == "\\":
            end += 1  # An escape is not cut in two.
        piece = text[at:end]
        if "\\" in piece:
            piece = piece.replace("\\\\", "").replace('\\"', "")
        parts = piece.split('"')
        outside = "".join(parts[1 if is_inside else 0 :: 2])
        weight += sum(outside.count(mark) * each for mark, each in _WEIGHTS.items())
        is_inside ^= len(parts) % 2 == 0
        at = end
    return weight


def check_weight(text: str, *, path: str = "", bounds: Bounds = BOUNDS) -> None:
    """Refuse a JSON text whose values could not be held.

    Raises:
        LimitExceededError: They would take more than `bounds.max_weight`.
    """
    if len(text) <= bounds.max_unweighed:
        return
    # What the marks weigh, those in strings too, is at least what the values weigh: most texts end here.
    most = sys.getsizeof(text) + sum(text.count(mark) * each for mark, each in _WEIGHTS.items())
    if most > bounds.max_weight and weight_of(text) > bounds.max_weight:
        raise LimitExceededError("JSON holds more values than can be held in memory", path=path)

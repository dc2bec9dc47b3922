"""Whether the frames of a pickle end between operations.

Loaders that read from a file without looking ahead drop the rest of a frame that ends in the middle of an operation,
and go on elsewhere than all others. Picklers never write such frames.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from keelmark.formats.models.pickle.walk import Lender, survey

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NO_FRAME", "frames_fit"]

NO_FRAME = 2**64
"""The end of the frame where none is open."""

_HEADER = 9
_SLICE_BYTES = 4 * 1024**2
# Shorter than 2**40 bytes; looking ahead finds those that overlap, which RE2 cannot. One pass, no backtracking.
_CANDIDATE = re.compile(rb"\x95(?=.{5}\x00{3})", re.DOTALL)


def frames_fit(data: memoryview, start: int, end: int, *, frame_end: int) -> int | None:
    """The end of the frame that is open at `end`, where all frames of the stretch end between operations; else None.

    Args:
        data: The pickle.
        start: Where the stretch starts: between two operations.
        end: Where it ends, also between two.
        frame_end: End of the frame that is open at `start`, or `NO_FRAME`.
    """
    seen = start
    for place in _candidates(data, start, end):
        if place < seen:
            continue
        if frame_end <= place:
            seen = _boundary(data, seen, frame_end)
            if seen != frame_end:
                return None
            frame_end = NO_FRAME
        seen = _boundary(data, seen, place)
        stop = place + _HEADER + int.from_bytes(data[place + 1 : place + _HEADER], "little")
        if seen != place or stop > len(data):
            continue  # a byte of a value, or where loaders stop
        if frame_end != NO_FRAME:
            return None
        seen, frame_end = place + _HEADER, stop
    if frame_end >= end:
        return frame_end if frame_end > end else NO_FRAME
    return NO_FRAME if _boundary(data, seen, frame_end) == frame_end else None


def _candidates(data: memoryview, start: int, end: int) -> Iterator[int]:
    """Places that may be a frame; the pages that were searched are given back."""
    lender = Lender(data)
    for place in range(start, end, _SLICE_BYTES):
        upper = min(place + _SLICE_BYTES, end)
        for found in _CANDIDATE.finditer(data[place : min(upper + _HEADER, len(data))]):
            if place + found.start() < upper:
                yield place + found.start()
        lender.give_back(place)


def _boundary(data: memoryview, start: int, place: int) -> int:
    """Where the last of the operations ends that begin at `start` and end at `place` or before; each is walked once."""
    return survey(data[:place], start).end if place > start else start

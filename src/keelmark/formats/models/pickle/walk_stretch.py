"""Goes through a stretch that a walk has reported once more, in Python: what it recalls, and where its texts lie."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from keelmark.formats.models.pickle.walk_argument import NEVER, argument_of, key_of
from keelmark.formats.models.pickle.walk_table import WRITTEN, Effect, State, Written

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["offset", "recalls", "writes"]


def _operations(data: memoryview, position: int, stop: int) -> Iterator[tuple[int, int, int, int]]:
    """Opcode, its place, start and end of its argument, in a stretch that a walk has reported."""
    stop = min(stop, len(data))
    while position < stop:
        code = data[position]
        state, start, end = argument_of(WRITTEN[code], data, position, len(data), 0)
        if state != State.RUNNING or WRITTEN[code] == Written.PAIR:
            return
        yield code, position, start, end
        position = end


def recalls(  # noqa: PLR0917 - as in C
    written: bytes, effects: bytes, data: memoryview, position: int, stop: int, keys: array[int]
) -> tuple[int, bool]:
    """Whether a stretch recalls one of these memo keys, which are in order and closed by one of no meaning."""
    wanted = frozenset(keys[:-1])
    for code, _, start, end in _operations(data, position, stop):
        if effects[code] == Effect.GET and key_of(written[code], data, start, end) in wanted:
            return position, True
        position = end
    return position, position < min(stop, len(data))


def writes(  # noqa: PLR0913, PLR0917 - as in C
    _written: bytes,
    effects: bytes,
    view: memoryview,
    position: int,
    stop: int,
    limit: int,
    every: int,
    count: int,
) -> tuple[int, int, bytes]:
    """Places of memoized texts in a stretch; the arguments are those of the one in C."""
    found = array("Q")
    text = NEVER
    if not limit:
        return position, count, b""
    for code, place, _, end in _operations(view, position, stop):
        effect = effects[code]
        position = end
        if effect in {Effect.MEMOIZE, Effect.PUT}:
            count += 1
            if count % every == 0:
                found.append(text if every == 1 else end)
        if effect in {Effect.TEXT, Effect.TEXT_LINE}:
            text = place
        elif effect != Effect.NOTHING:
            text = NEVER
        if len(found) >= limit:
            break
    return position, count, found.tobytes()


def offset(inner: memoryview, outer: memoryview) -> int:
    """Where a view starts within another one; -1 when that cannot be told."""
    return 0 if len(inner) == len(outer) and inner.obj is outer.obj else -1

"""Reads the arguments of operations in Python, no more of them than a walk needs."""

from __future__ import annotations

from keelmark.formats.models.pickle.walk_table import State, Written

__all__ = ["NEVER", "WIDTHS", "argument_of", "is_special", "key_of"]

NEVER = 2**64 - 1
"""Stands for no number."""
_PIECE = 1024 * 1024
_MAX_NAME = 65_536
WIDTHS = (0, 0, 1, 2, 4, 8, 1, 4, 4, 8)
"""Bytes of an argument of fixed length, or of the length before one, by `Written`; lines and pairs have none."""


def argument_of(  # noqa: PLR0917 - hot
    written: int, data: memoryview, position: int, stop: int, resume: int
) -> tuple[State, int, int]:
    """Where the argument starts, and where the operation ends; for a line that goes on behind `stop`, RUNNING and 0."""
    size, start = len(data), position + 1
    if written == Written.NONE:
        return State.RUNNING, start, start
    if written == Written.LINE:
        found = _find(data, max(start, resume), stop)
        if found < 0:
            return (State.RUNNING, start, 0) if stop < size else (State.BREAKS_OFF, start, start)
        return State.RUNNING, start, found + 1
    if written == Written.PAIR:
        return _pair(data, start)
    if written == Written.ILLEGAL:
        return State.ILLEGAL, start, start
    width = WIDTHS[written]
    if size - start < width:
        return State.BREAKS_OFF, start, start
    if written < Written.LENGTH1:
        return State.RUNNING, start, start + width
    length = int.from_bytes(data[start : start + width], "little")
    if written == Written.LENGTH4_SIGNED and length >= 2**31:
        return State.NEGATIVE, start, start
    start += width
    return (State.RUNNING if length <= size - start else State.BREAKS_OFF), start, start + length


def _find(data: memoryview, start: int, stop: int) -> int:
    """The next line feed, looked for in pieces that grow: nearly every line is short."""
    size = 128
    while start < stop:
        found = bytes(data[start : min(start + size, stop)]).find(b"\n")
        if found >= 0:
            return start + found
        start, size = start + size, _PIECE
    return -1


def _pair(data: memoryview, start: int) -> tuple[State, int, int]:
    end = start
    for _ in range(2):
        room = min(len(data) - end, _MAX_NAME)
        found = _find(data, end, end + room)
        if found < 0:
            return (State.LONG_NAME if room == _MAX_NAME else State.BREAKS_OFF), start, start
        end = found + 1
    return State.RUNNING, start, end


def _decimal(text: bytes) -> int:
    return int(text) if 0 < len(text) <= 18 and text.isdigit() else NEVER


def key_of(written: int, data: memoryview, start: int, end: int) -> int:
    """The memo key that an operation names; `NEVER` when it names none that is written plainly."""
    if written == Written.LINE:
        return _decimal(bytes(data[start : min(end - 1, start + 19)]))
    return int.from_bytes(data[start:end], "little")


def is_special(text: bytes, *, is_line: bool) -> bool:
    """Whether a text may name a hook such as `__reduce__`: two underscores, or what may stand for them in a line."""
    if not is_line:
        return text[:2] == b"__"
    text = text[1:] if text[:1] in {b"'", b'"'} else text[:2]
    return len(text) > 1 and (text[:1] == b"\\" or text[:2] in {b"__", b"_\\"})

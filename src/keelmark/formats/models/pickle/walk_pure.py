"""The walk of `_walk.c` in Python, for where that could not be built. Both give the same to the last bit.

Single operations go through a table. Long stretches of plain values, which large pickles consist of, are stepped over
by one pattern at a time.
"""

from __future__ import annotations

import re
import sys
from array import array
from typing import TYPE_CHECKING

from keelmark.formats.models.pickle.walk_argument import NEVER, WIDTHS, argument_of, is_special, key_of
from keelmark.formats.models.pickle.walk_stretch import offset, recalls, writes
from keelmark.formats.models.pickle.walk_table import (
    EFFECTS,
    FIELDS,
    MEMOIZED,
    VERSION,
    WRITTEN,
    Effect,
    Kind,
    State,
    Written,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["VERSION", "Result", "Walk", "offset", "recalls", "writes"]

Result = tuple[int, int, int, int, int, int, bytes, bytes, bytes]
"""State, position, memo, operations, protocol, places seen; counts, places and shortcuts as 64-bit numbers."""

_MAX_DEPTH = 20_000
_MAX_SHORTCUTS = 200_000
_KEPT_ITEMS = 66
_FILLED_ITEMS = 130
_PIECE = 1024 * 1024
_NEAR = 4096

# Values of known length. The patterns cannot go back: each alternative is told by its first byte, and what was taken
# is never given up, so that they are linear in what they match.
_FIXED = rb"[N\x88\x89\]})\x8f]|K.|M..|J....|G.{8}"


def _short_texts(opcode: bytes, rest: bytes) -> bytes:
    choices = (
        re.escape(bytes([length])) + rest + (b".{%d}" % length if length else b"") for length in range(128)
    )
    # The first byte is the length; a text that starts with two underscores is left to the slow way.
    return opcode + b"(?!." + rest + b"__)(?>" + b"|".join(choices) + b")"


_VALUE = _FIXED + b"|" + _short_texts(rb"\x8c", b"") + b"|" + _short_texts(b"X", rb"\x00\x00\x00")
_RUN = re.compile(rb"(?s)(?>(?>" + _VALUE + rb")\x94?+)++")
_UNIT = re.compile(rb"(?s)(?>" + _VALUE + rb")(\x94?+)")
_PUT_RUN = re.compile(rb"(?s)(?>(?>" + _VALUE + rb")(?>r....)?+)++")
_PUT_UNIT = re.compile(rb"(?s)(?>" + _VALUE + rb")(?>r(....))?+")
_REALS = re.compile(rb"(?s)(?:G.{8})++")
_LINES = re.compile(rb"(?:[FIL][^\n]*+\na)++")
_STARTS = frozenset(code for code in range(256) if _RUN.match(bytes([code]) + bytes(8)))
_LINE_STARTS = frozenset(b"FIL")
# Values of fixed length, and the opcodes that `_hurry` knows besides.
_LENGTHS = bytes(
    1 + WIDTHS[WRITTEN[code]] if EFFECTS[code] == Effect.PUSH and WRITTEN[code] < Written.LENGTH1 else 0
    for code in range(256)
)
_MEMOIZE, _BINGET, _MARK, _TEXT = 0x94, 0x68, 0x28, 0x8C
_LONGEST = 260
_REAL_BYTES = 9


def _little(first: int, end: int) -> bytes:
    numbers = array("I", range(first, end))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


class _Fill:
    """A container that is being filled; as in C."""

    __slots__ = ("height", "index", "items", "kind", "lowest", "memo", "start")

    def __init__(self) -> None:
        self.start = self.memo = self.lowest = self.height = self.items = self.kind = 0
        self.index = -1


class _Frame:
    """What lies above one mark; as in C."""

    __slots__ = ("fills", "height", "lowest", "rest_height", "rest_lowest", "rest_memo", "rest_start")

    def __init__(self) -> None:
        self.height = self.rest_height = self.rest_start = self.rest_memo = self.rest_lowest = 0
        self.lowest = NEVER
        self.fills = (_Fill(), _Fill())


class Walk:
    """A walk under way; the arguments are those of the one in C."""

    def __init__(  # noqa: PLR0917 - as in C
        self, written: bytes, effects: bytes, position: int, memo: int, min_bytes: int, max_places: int
    ) -> None:
        self._written, self._effects = written, effects
        self._at, self._memo, self._min_bytes, self._max_places = position, memo, min_bytes, max_places
        self._resume = self._operations = self._places_seen = 0
        self._doubt = 1
        self._state = State.RUNNING
        self._protocol = -1
        self._is_quiet = self._has_put = self._has_memoize = False
        self._counts = array("Q", bytes(256 * 8))
        self._places = array("Q")
        self._shortcuts = array("Q")
        self._frames = [_Frame()]
        self._piece, self._base = b"", 0

    @property
    def position(self) -> int:
        """How far the bytes were looked at."""
        return max(self._at, self._resume)

    def result(self) -> Result:
        """What was found so far."""
        return (
            int(self._state), self._at, self._memo, self._operations, self._protocol, self._places_seen,
            self._counts.tobytes(), self._places.tobytes(), self._shortcuts.tobytes(),
        )  # fmt: skip

    def run(self, view: memoryview, budget: int) -> bool:
        """Walk about so many bytes further; whether there is more."""
        data = memoryview(view).cast("B")
        size = len(data)
        stop = min(max(self._at, self._resume) + budget, size)
        if self._at > size:
            self._state = State.BREAKS_OFF
        while self._state == State.RUNNING and self._at < stop:
            if not (self._leap(data, stop) or self._hurry(data, stop) or self._step(data, stop)):
                break
        if self._state == State.RUNNING and self._at >= size:
            self._state = State.BREAKS_OFF
        return self._state == State.RUNNING

    def _step(self, data: memoryview, stop: int) -> bool:
        """One operation; whether it was carried out."""
        position = self._at
        code = data[position]
        effect = self._effects[code]
        state, start, end = argument_of(self._written[code], data, position, stop, self._resume)
        if state == State.RUNNING and not end:
            self._resume = stop
            return False
        if effect >= Effect.PUSH_FOREIGN:
            self._places_seen += 1
            self._counts[code] += 1
            if len(self._places) < self._max_places:
                self._places.append(position)
        if state != State.RUNNING:
            self._state = state
            return False
        self._resume = 0
        self._operations += 1
        _ACTIONS[effect](self, data, start, end, code)
        self._arm(end)
        self._at = end
        return True

    def _arm(self, end: int) -> None:
        frame = self._frames[-1]
        if frame.rest_start >= self._doubt or frame.height < _KEPT_ITEMS or frame.height % 2:
            return
        if len(self._frames) > 1:
            frame.rest_start, frame.rest_height = end, frame.height
            frame.rest_memo, frame.rest_lowest = self._memo, NEVER

    # -- long stretches

    def _leap(self, data: memoryview, stop: int) -> bool:
        """Step over a run of plain values; whether there was one."""
        position = self._at
        code = data[position]
        frame = self._frames[-1]
        if code in _LINE_STARTS:
            return self._leap_lines(data, frame, stop)
        if code not in _STARTS or (len(self._frames) > 1 and frame.rest_start < self._doubt):
            return False
        piece, place, limit = self._look(data, stop)
        found = _REALS.match(piece, place, limit)
        if found is not None:
            values = (found.end() - place) // _REAL_BYTES
            self._operations += values
        else:
            found = (_PUT_RUN if self._has_put else _RUN).match(piece, place, limit)
            values = self._values(found) if found is not None else 0
        if found is None or not values:
            return False
        frame.height += values
        self._at = position + found.end() - place
        return True

    def _values(self, found: re.Match[bytes]) -> int:
        """How many values a run holds; 0 when its memo keys do not follow each other."""
        if not self._has_put:
            marks = _UNIT.findall(found.string, found.start(), found.end())
            memoized = marks.count(b"\x94")
            if memoized:
                self._memoize(memoized)
            self._operations += len(marks) + memoized
            return len(marks)
        marks = _PUT_UNIT.findall(found.string, found.start(), found.end())
        keys = b"".join(marks)
        count = len(keys) // 4
        if keys and (self._memo + count > 2**32 or keys != _little(self._memo, self._memo + count)):
            return 0
        self._is_quiet |= bool(count) and self._has_memoize
        self._memo += count
        self._operations += len(marks) + count
        return len(marks)

    def _hurry(self, data: memoryview, stop: int) -> bool:
        """The commonest operations without a call for each; whether there were any."""
        piece, first, limit = self._look(data, stop)
        limit = min(limit, len(piece) - _LONGEST)
        frames, memo, place, operations = self._frames, self._memo, first, 0
        frame, counts = frames[-1], not self._has_put
        height = frame.height
        while place < limit and (height < _KEPT_ITEMS or height % 2 or frame.rest_start >= self._doubt):
            code = piece[place]
            if length := _LENGTHS[code]:
                height += 1
            elif code == _MEMOIZE and counts:
                memo += 1
                length = 1
            elif code == _BINGET and piece[place + 1] < memo:
                height += 1
                self._lower(piece[place + 1])
                length = 2
            elif code == _MARK and len(frames) < _MAX_DEPTH:
                frame.height, height, frame = height, 0, _Frame()
                frames.append(frame)
                length = 1
            elif code == _TEXT and piece[place + 2 : place + 4] != b"__":
                height += 1
                length = 2 + piece[place + 1]
            else:
                break
            place += length
            operations += 1
        frame.height = height
        self._has_memoize |= memo > self._memo
        self._memo, self._operations, self._at = memo, self._operations + operations, self._at + place - first
        self._arm(self._at)
        return operations > 0

    def _look(self, data: memoryview, stop: int) -> tuple[bytes, int, int]:
        """Bytes around the present position, that position in them, and how far they may be used."""
        if not self._base <= self._at <= self._base + len(self._piece) - _NEAR:
            self._base = self._at
            self._piece = bytes(data[self._at : self._at + _PIECE])
        return self._piece, self._at - self._base, min(len(self._piece), stop - self._base)

    def _leap_lines(self, data: memoryview, frame: _Frame, stop: int) -> bool:
        """Step over numbers written as text that are appended one by one; whether there were any."""
        first, second = frame.fills
        run = first if first.items == 0 or first.height == frame.height else second
        if run.start < self._doubt or not run.items or run.height != frame.height or run.kind != Kind.LIST:
            return False
        if len(self._frames) > 1 and frame.height >= _KEPT_ITEMS - 1:
            return False
        piece, place, limit = self._look(data, stop)
        found = _LINES.match(piece, place, limit)
        if found is None:
            return False
        count = piece.count(b"\na", place, found.end())
        self._at += found.end() - place
        self._operations += 2 * count
        self._sink(frame, frame.height)
        self._fill(frame, Kind.LIST, count, self._at)
        return True

    # -- the stack

    def _sink(self, frame: _Frame, low: int) -> None:
        first, second = frame.fills
        if low < frame.rest_height:
            frame.rest_start = 0
        if low < first.height:
            first.items = second.items = 0
        if low < second.height:
            second.items = 0
        if low < 0 and len(self._frames) > 1:
            frame.height = 0

    def _take(self, count: int) -> _Frame:
        frame = self._frames[-1]
        frame.height -= count
        self._sink(frame, frame.height)
        return frame

    def _fill(self, frame: _Frame, kind: int, added: int, end: int) -> None:
        if frame.height <= frame.rest_height:
            frame.rest_start = 0
        first, second = frame.fills
        run = second if first.items and first.height != frame.height else first
        if not run.items or run.height != frame.height or run.kind != kind:
            run.items = run.start = 0
            run.height, run.kind = frame.height, kind
        run.items += added
        if run.start < self._doubt:
            run.start = end if run.items >= _FILLED_ITEMS else 0
            run.memo, run.lowest, run.index = self._memo, NEVER, -1
        elif end - run.start >= self._min_bytes:
            run.index = self._report(run.index, run.start, end, kind, run.memo, run.lowest)

    def _report(  # noqa: PLR0917 - as in C
        self, index: int, start: int, end: int, kind: int, memo: int, lowest: int
    ) -> int:
        if self._is_quiet:
            return -1
        found = self._shortcuts
        count = index if index >= 0 else len(found) // FIELDS
        while index < 0 and count and found[(count - 1) * FIELDS] >= start:
            count -= 1
        if count >= _MAX_SHORTCUTS:
            self._is_quiet = True
            return -1
        flag = MEMOIZED if self._has_memoize else 0
        found[count * FIELDS :] = array("Q", (start, end, kind | flag, memo, self._memo, lowest))
        return count

    def _open(self) -> None:
        if len(self._frames) >= _MAX_DEPTH:
            self._is_quiet = True
        else:
            self._frames.append(_Frame())

    def _close(self, position: int, end: int, *, is_plain: bool = False, is_paired: bool = False) -> int:
        frame = self._frames[-1]
        if len(self._frames) == 1:
            self._frames[0] = _Frame()
            self._doubt = end
            return 0
        if is_paired and frame.height % 2:
            self._doubt = end
        elif is_plain and frame.rest_start >= self._doubt and position - frame.rest_start >= self._min_bytes:
            self._report(-1, frame.rest_start, position, Kind.REST, frame.rest_memo, frame.rest_lowest)
        self._frames.pop()
        self._lower(frame.lowest)
        return frame.height

    # -- the memo

    def _lower(self, key: int) -> None:
        frame = self._frames[-1]
        first, second = frame.fills
        frame.lowest = min(frame.lowest, key)
        frame.rest_lowest = min(frame.rest_lowest, key)
        first.lowest = min(first.lowest, key)
        second.lowest = min(second.lowest, key)

    def _memoize(self, count: int) -> None:
        self._has_memoize = True
        self._is_quiet |= self._has_put
        self._memo += count

    def _put(self, key: int, end: int) -> None:
        self._has_put = True
        self._is_quiet |= self._has_memoize
        if key == self._memo:
            self._memo += 1
            return
        self._doubt = end
        if key != NEVER and key > self._memo:
            self._memo = key + 1

    # -- actions

    def _do_nothing(self, _data: memoryview, _start: int, _end: int, _code: int) -> None:
        pass

    def _do_push(self, _data: memoryview, _start: int, _end: int, _code: int) -> None:
        self._frames[-1].height += 1

    def _do_text(self, data: memoryview, start: int, end: int, code: int) -> None:
        self._frames[-1].height += 1
        is_line = self._effects[code] == Effect.TEXT_LINE
        if is_special(bytes(data[start : min(end - is_line, start + 3)]), is_line=is_line):
            self._doubt = end

    def _do_tuple(self, _data: memoryview, _start: int, _end: int, code: int) -> None:
        self._take(self._effects[code] - Effect.TUPLE1 + 1).height += 1

    def _do_append(self, _data: memoryview, _start: int, end: int, _code: int) -> None:
        self._fill(self._take(1), Kind.LIST, 1, end)

    def _do_set_item(self, _data: memoryview, _start: int, end: int, _code: int) -> None:
        self._fill(self._take(2), Kind.DICT, 2, end)

    def _do_mark(self, _data: memoryview, _start: int, _end: int, _code: int) -> None:
        self._open()

    def _do_fill(self, _data: memoryview, _start: int, end: int, code: int) -> None:
        effect = self._effects[code]
        items = self._close(end - 1, end, is_plain=True, is_paired=effect == Effect.FILL_DICT)
        self._fill(self._frames[-1], effect - Effect.FILL_LIST + Kind.LIST, items, end)

    def _do_make(self, _data: memoryview, _start: int, end: int, code: int) -> None:
        self._close(end - 1, end, is_plain=True, is_paired=self._effects[code] == Effect.MAKE_DICT)
        self._frames[-1].height += 1

    def _do_put(self, data: memoryview, start: int, end: int, code: int) -> None:
        self._put(key_of(self._written[code], data, start, end), end)

    def _do_memoize(self, _data: memoryview, _start: int, _end: int, _code: int) -> None:
        self._memoize(1)

    def _do_get(self, data: memoryview, start: int, end: int, code: int) -> None:
        self._frames[-1].height += 1
        key = key_of(self._written[code], data, start, end)
        if key >= self._memo:
            self._doubt = end
        else:
            self._lower(key)

    def _do_pop(self, _data: memoryview, _start: int, end: int, _code: int) -> None:
        self._doubt = end
        if self._frames[-1].height == 0 and len(self._frames) > 1:
            self._close(end - 1, end)
        else:
            self._take(1)

    def _do_pop_mark(self, _data: memoryview, _start: int, end: int, _code: int) -> None:
        self._doubt = end
        self._close(end - 1, end)

    def _do_protocol(self, data: memoryview, start: int, end: int, _code: int) -> None:
        self._doubt = end
        if data[start] > 5:
            self._state = State.PROTOCOL
        else:
            self._protocol = max(self._protocol, data[start])

    def _do_doubt(self, _data: memoryview, _start: int, end: int, _code: int) -> None:
        self._doubt = end

    def _do_stop(self, _data: memoryview, _start: int, _end: int, _code: int) -> None:
        self._state = State.STOPPED

    def _do_push_in_doubt(self, _data: memoryview, _start: int, end: int, _code: int) -> None:
        self._doubt = end
        self._frames[-1].height += 1

    def _do_take(self, _data: memoryview, _start: int, end: int, code: int) -> None:
        self._doubt = end
        self._take(self._effects[code] - Effect.TAKE1 + 1).height += 1

    def _do_build(self, _data: memoryview, _start: int, end: int, _code: int) -> None:
        self._doubt = end
        self._take(1)

    def _do_close(self, _data: memoryview, _start: int, end: int, _code: int) -> None:
        self._doubt = end
        self._close(end - 1, end)
        self._frames[-1].height += 1


# ruff: noqa: SLF001 - the table below names the actions of the class above
_BY_EFFECT: dict[Effect, Callable[[Walk, memoryview, int, int, int], None]] = {
    Effect.NOTHING: Walk._do_nothing, Effect.PUSH: Walk._do_push, Effect.TEXT: Walk._do_text,
    Effect.TEXT_LINE: Walk._do_text, Effect.TUPLE1: Walk._do_tuple, Effect.TUPLE2: Walk._do_tuple,
    Effect.TUPLE3: Walk._do_tuple, Effect.APPEND: Walk._do_append, Effect.SET_ITEM: Walk._do_set_item,
    Effect.MARK: Walk._do_mark, Effect.FILL_LIST: Walk._do_fill, Effect.FILL_DICT: Walk._do_fill,
    Effect.FILL_SET: Walk._do_fill, Effect.MAKE: Walk._do_make, Effect.MAKE_DICT: Walk._do_make,
    Effect.PUT: Walk._do_put, Effect.MEMOIZE: Walk._do_memoize, Effect.GET: Walk._do_get, Effect.POP: Walk._do_pop,
    Effect.POP_MARK: Walk._do_pop_mark, Effect.DUP: Walk._do_push_in_doubt, Effect.PROTOCOL: Walk._do_protocol,
    Effect.DOUBT: Walk._do_doubt, Effect.STOP: Walk._do_stop, Effect.PUSH_FOREIGN: Walk._do_push_in_doubt,
    Effect.TAKE1: Walk._do_take, Effect.TAKE2: Walk._do_take, Effect.TAKE3: Walk._do_take,
    Effect.BUILD: Walk._do_build, Effect.CLOSE: Walk._do_close,
}  # fmt: skip
_ACTIONS = tuple(_BY_EFFECT[effect] for effect in Effect)

"""Lets the machine leave out long stretches of plain values, and still number its memo exactly.

How the machine uses it:

    shortcuts = Shortcuts(data, position=position)
    ...
    start = stream.position                       # before each operation
    if start >= shortcuts.next_start:
        found = shortcuts.take(start, count=len(memo), top=memo.top, foreign=memo.foreign)
        if found is not None:
            ...                                   # stand in for what is left out, see `Shortcut`
            stream.position = found.end
            continue

`count` is how many memo keys are in use, `top` the highest one plus one, `foreign` an ordered `array("Q")` of the keys
under which something is kept that is no plain data (a callable, what a call returned, what is computed): a stretch that
recalls one of them is not left out. Keys written in a stretch that was left out are read with `text_place`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from keelmark.formats.models.pickle.walk import Bounds, Lender, survey, works
from keelmark.formats.models.pickle.walk_table import EFFECTS, FIELDS, MEMOIZED, WRITTEN, Kind

if TYPE_CHECKING:
    from keelmark.formats.models.pickle.walk import Survey

__all__ = ["NOT_LEFT_OUT", "NO_TEXT", "Shortcut", "Shortcuts"]

NOT_LEFT_OUT = -2
"""Answer of `text_place`: the key was not written in a stretch that was left out."""
NO_TEXT = -1
"""Answer of `text_place`: what is kept there is plain data, but no text."""

_NOWHERE = 2**63
_NEVER = 2**64 - 1
_EVERY = 256
# A file that makes the walk start again and again, with raw arrays between its operations, is not walked for ever.
_MAX_WALKS = 4


class Shortcut(NamedTuple):
    """A stretch of plain values that can be left out.

    What stands in for it depends on `kind`:

    - `REST`: push two unknown values, and go on at `end`, where the operation stands that takes all values above the
      innermost mark. A tuple is then longer than the values that were seen: it has to become an opaque one.
    - `LIST`, `DICT`, `SET`: fill what is on top of the stack with two unknown values (for a dictionary: an unknown key
      and its value), as APPENDS, SETITEMS and ADDITEMS do, and go on at `end`.

    In both cases the memo numbers `first` up to `last` (not included) are in use afterwards.
    """

    start: int
    end: int
    kind: Kind
    is_counted: bool
    first: int
    last: int
    lowest: int


class Shortcuts:
    """The shortcuts of one pickle, in order.

    Args:
        data: The bytes.
        position: Where the pickle starts.
        known: The survey of this pickle, if there is one already.
        bounds: Bounds of the walk.
        pure: Whether the walk is done in Python; by default that is so only where there is no C.
    """

    def __init__(
        self,
        data: memoryview,
        *,
        position: int = 0,
        known: Survey | None = None,
        bounds: Bounds | None = None,
        pure: bool | None = None,
    ) -> None:
        self._data = data
        self._bounds = bounds or Bounds()
        self._pure = pure
        self._work = works(pure=pure)
        self._left = _MAX_WALKS * len(data)
        self._taken: list[Shortcut] = []
        self._firsts = array("Q")
        self._shortcuts = array("Q")
        self._index = 0
        self._block = lru_cache(maxsize=64)(self._read_block)
        self._stops = lru_cache(maxsize=4096)(self._read_stops)
        self.next_start = _NOWHERE
        if known is None:
            self.restart(position)
        else:
            self._begin(known)

    def restart(self, position: int, *, top: int = 0) -> None:
        """Go on behind raw bytes that the walk cannot know of; `top` is the next memo key there."""
        self._index, self.next_start = 0, _NOWHERE
        del self._shortcuts[:]
        if self._left > 0 and len(self._data) - position >= self._bounds.min_shortcut_bytes:
            found = survey(self._data, position, memo=top, bounds=self._bounds, pure=self._pure)
            self._left -= found.end - position + 1
            self._begin(found)

    def _begin(self, found: Survey) -> None:
        self._shortcuts, self._index = found.shortcuts, 0
        self.next_start = self._shortcuts[0] if self._shortcuts else _NOWHERE

    def take(self, position: int, *, count: int, top: int, foreign: array[int]) -> Shortcut | None:
        """The shortcut that starts at `position`, when it can be taken; see above for the arguments."""
        found = self._at(position)
        if found is None or not self._fits(found, count, top, foreign):
            return None
        if found.last > found.first:
            self._taken.append(found)
            self._firsts.append(found.first)
        return found

    def _at(self, position: int) -> Shortcut | None:
        numbers, index, found = self._shortcuts, self._index, None
        while index < len(numbers) and numbers[index] <= position:
            start, end, kind, first, last, lowest = numbers[index : index + FIELDS]
            if start == position:
                found = Shortcut(
                    start, end, Kind(kind & ~MEMOIZED), bool(kind & MEMOIZED), first, last, lowest
                )
            index += FIELDS
        self._index = index
        self.next_start = numbers[index] if index < len(numbers) else _NOWHERE
        return found

    def _fits(self, found: Shortcut, count: int, top: int, foreign: array[int]) -> bool:
        if found.last > found.first and (found.first != top or (found.is_counted and count != top)):
            return False
        low = bisect_left(foreign, found.lowest)
        high = bisect_left(foreign, found.first)
        return low >= high or not self._recalls(found, foreign[low:high])

    def _recalls(self, found: Shortcut, keys: array[int]) -> bool:
        keys.append(_NEVER)
        position, lender, step = found.start, Lender(self._data), self._bounds.slice_bytes
        while position < found.end:
            stop = min(position + step, found.end)
            position, is_there = self._work.recalls(WRITTEN, EFFECTS, self._data, position, stop, keys)
            lender.give_back(position)
            if is_there:
                return True
        return False

    # -- memo keys of what was left out

    def left_out_below(self, key: int) -> int:
        """How many memo keys below this one were written in stretches that were left out."""
        taken = self._taken[: bisect_left(self._firsts, key)]
        return sum(min(item.last, key) - item.first for item in taken)

    def text_place(self, key: int) -> int:
        """Where the text operation stands whose value a stretch that was left out keeps under `key`.

        `NO_TEXT` when that is something else, `NOT_LEFT_OUT` when no such stretch wrote the key.
        """
        index = bisect_right(self._firsts, key) - 1
        if index < 0 or key >= self._taken[index].last:
            return NOT_LEFT_OUT
        block, item = divmod(key - self._taken[index].first, _EVERY)
        places = self._block(index, block)
        place = places[item] if item < len(places) else _NEVER
        return NO_TEXT if place == _NEVER else place

    def _read_block(self, index: int, block: int) -> array[int]:
        found = self._taken[index]
        start = self._stops(index)[block - 1] if block else found.start
        return _array(self._work.writes(WRITTEN, EFFECTS, self._data, start, found.end, _EVERY, 1, 0)[2])

    def _read_stops(self, index: int) -> array[int]:
        """Where to go on after each `_EVERY` keys of a stretch."""
        found, stops, count = self._taken[index], array("Q"), 0
        position, lender, step = found.start, Lender(self._data), self._bounds.slice_bytes
        while position < found.end:
            stop = min(position + step, found.end)
            before = position
            position, count, raw = self._work.writes(
                WRITTEN, EFFECTS, self._data, position, stop, _NEVER, _EVERY, count
            )
            lender.give_back(position)
            stops.extend(_array(raw))
            if position == before:
                break  # the file was changed meanwhile
        return stops


def _array(raw: bytes) -> array[int]:
    numbers = array("Q")
    numbers.frombytes(raw)
    return numbers

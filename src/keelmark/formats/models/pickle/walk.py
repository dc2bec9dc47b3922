"""Surveys pickles at the speed of memory: where they can import, call or refer outside, and what can be left out.

A pickle without any such place is data, however large it is. In one with a few of them, long stretches of plain values
are told apart, so that who follows the calls (`machine`) does not have to go through each number of a large list.

The work is done in C where `_walk` could be built, and in Python otherwise, with the same answers. What is walked is
given back to the system as it goes when it is a mapped file, so that its size never becomes ours.

A shortcut is a stretch of operations which

1. name, call and refer to nothing outside, do not stop, and touch nothing that lies on the stack before them except by
   filling the container on top of it;
2. write memo keys one after the other, and recall only keys written before (`lowest` is the lowest one);
3. hold no text that starts like the name of a hook (`__reduce__`);
4. come after at least 65 items of the container that they belong to, so that small containers are always seen whole.
"""

from __future__ import annotations

import mmap
import os
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.formats.models.pickle.opcodes import OPCODES
from keelmark.formats.models.pickle.walk_table import EFFECTS, FOREIGN, VERSION, WRITTEN, State

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["IS_NATIVE", "Bounds", "Survey", "survey", "works"]

_native: ModuleType | None
try:
    from keelmark.formats.models.pickle import _walk

    _native = _walk
except ImportError:  # it is optional
    _native = None

IS_NATIVE = (
    _native is not None and _native.VERSION == VERSION and os.environ.get("KEELMARK_PURE", "") in {"", "0"}
)
"""Whether walks are done in C; not when that part is of another version, or when KEELMARK_PURE asks for Python."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a survey.

    Attributes:
        slice_bytes: Walked at a time: between two slices signals are handled and memory is given back.
        max_places: Places that are kept; further ones are counted.
        min_shortcut_bytes: Shorter stretches are no shortcut.
    """

    slice_bytes: int = 16 * 1024**2
    max_places: int = 100_000
    min_shortcut_bytes: int = 4096


_FAULTS = {
    State.BREAKS_OFF: "pickle breaks off",
    State.ILLEGAL: "a byte is no pickle opcode",
    State.NEGATIVE: "an argument has a negative length",
    State.PROTOCOL: "the pickle protocol does not exist",
    State.LONG_NAME: "the name of a callable is longer than 65536 bytes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What one pickle holds.

    Attributes:
        start: Where it starts.
        end: Behind STOP; where the walk broke off otherwise.
        state: How the walk ended.
        protocol: Highest protocol that it announces; -1 for none.
        operations: How many there are.
        memo: Next memo key.
        places: Where it can import, call or refer outside, in order; the first ones when there are very many.
        counts: How many of these places there are, by name of the operation.
        shortcuts: `FIELDS` numbers for each shortcut, in order; `shortcuts.Shortcuts` reads them.
    """

    start: int
    end: int
    state: State
    protocol: int
    operations: int
    memo: int
    places: array[int]
    counts: dict[str, int]
    shortcuts: array[int]

    @property
    def has_stopped(self) -> bool:
        """Whether the pickle was walked to its end."""
        return self.state is State.STOPPED

    @property
    def is_plain(self) -> bool:
        """Whether there is no place that can import, call or refer outside, up to where the walk ended."""
        return not self.counts

    @property
    def is_data(self) -> bool:
        """Whether it is whole, and data alone: loading it runs nothing."""
        return self.has_stopped and self.is_plain

    @property
    def fault(self) -> str:
        """Why the walk did not come to STOP, with the place; empty when it did."""
        reason = _FAULTS.get(self.state, "")
        return f"{reason}, at byte {self.end}" if reason else ""


def works(*, pure: bool | None = None) -> ModuleType:
    """The module that does the work: in C, or in Python when that is asked for or all there is."""
    native = IS_NATIVE if pure is None else not pure
    return _native if _native is not None and native else _pure()


def _pure() -> ModuleType:
    from keelmark.formats.models.pickle import walk_pure  # noqa: PLC0415 - who has the other does not pay for this one

    return walk_pure


def survey(
    data: memoryview,
    position: int = 0,
    *,
    memo: int = 0,
    bounds: Bounds | None = None,
    pure: bool | None = None,
) -> Survey:
    """Walk one pickle from `position` on, up to and with STOP.

    Args:
        data: The bytes, which may go on after the pickle; nothing behind them is read.
        position: Where it starts, or goes on.
        memo: Next memo key, when it goes on there.
        bounds: Bounds of the walk.
        pure: Whether the walk is done in Python; by default that is so only where there is no C.
    """
    limits = bounds or Bounds()
    walk = works(pure=pure).Walk(
        WRITTEN, EFFECTS, position, memo, limits.min_shortcut_bytes, limits.max_places
    )
    lender = Lender(data)
    while walk.run(data, limits.slice_bytes):
        lender.give_back(walk.position)
    lender.give_back(walk.position)
    state, end, memo, operations, protocol, _, counts, places, shortcuts = walk.result()
    numbers = _numbers(counts)
    return Survey(
        start=position,
        end=end,
        state=State(state),
        protocol=protocol,
        operations=operations,
        memo=memo,
        places=_numbers(places),
        counts={OPCODES[code][0]: numbers[code] for code in sorted(FOREIGN) if numbers[code]},
        shortcuts=_numbers(shortcuts),
    )


def _numbers(raw: bytes) -> array[int]:
    numbers = array("Q")
    numbers.frombytes(raw)
    return numbers


class Lender:
    """Gives the pages of a mapped file back to the system once they were read; of other bytes, nothing.

    Args:
        data: What is read; a part of a mapping is found in it where C could be built.
    """

    def __init__(self, data: memoryview) -> None:
        self._advice = getattr(mmap, "MADV_DONTNEED", None)
        self._map = data.obj if isinstance(data.obj, mmap.mmap) and self._advice is not None else None
        self._offset = self._given = 0
        if self._map is not None:
            with memoryview(self._map) as whole:
                offset = (_native or _pure()).offset(data, whole)
            self._offset = max(offset, 0)
            self._map = self._map if offset >= 0 else None

    def give_back(self, position: int) -> None:
        """Give back what lies before `position`."""
        page = mmap.PAGESIZE
        end = (self._offset + position) // page * page
        if self._map is not None and self._advice is not None and end > self._given:
            self._map.madvise(self._advice, self._given, end - self._given)
            self._given = end

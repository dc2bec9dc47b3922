"""The memo of a pickle, small however many values are kept: texts are kept by their place in the file."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.models.pickle.shortcuts import NO_TEXT, NOT_LEFT_OUT
from keelmark.formats.models.pickle.stack import DATA
from keelmark.formats.models.pickle.values import COMPUTED, NUMBER, Global, Made, Opaque, Row, Span, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.formats.models.pickle.shortcuts import Shortcuts

__all__ = ["Memo"]

_MISSING = -1
_MAX_STEP = 4096
_MAX_FAR = 1_000_000
_MAX_KEPT = 200_000
_MAX_PLACE = 2**63


class Memo:
    """Numbered values.

    Pickles number their values one after the other, so places lie in one array: not negative for the place of a text
    in the file, negative for a value that is kept. After `_MAX_KEPT` kept values, containers are forgotten but for
    their kind: what is recalled then and called counts as computed. Numbers that were given in stretches that were
    left out take no room: `shortcuts` knows them.
    """

    def __init__(self) -> None:
        self.shortcuts: Shortcuts | None = None
        self.foreign = array("Q")
        """Numbers, in order, under which something is kept that is no plain constant."""
        self._places = array("q")
        self._kept: list[object] = []
        self._far: dict[int, int] = {}
        self._count = 0
        self._left_out = 0
        self._far_top = 0

    def __len__(self) -> int:
        return self._count

    @property
    def top(self) -> int:
        """One more than the highest number in use."""
        return max(len(self._places) + self._left_out, self._far_top)

    def leave_out(self, first: int, last: int) -> None:
        """Count numbers that were given in a stretch that was left out."""
        self._left_out += last - first
        self._count += last - first

    def put(self, key: object, value: object, *, place: int = _MISSING) -> None:
        """Keep a value; `place` is where a text can be read again.

        Raises:
            ParseError: The key is no number that a loader takes.
            LimitExceededError: Keys lie too far apart.
        """
        if not isinstance(key, int) or not 0 <= key < _MAX_PLACE:
            raise ParseError("memo place is no number")
        entry = place if place >= 0 else self._keep(value)
        is_data = isinstance(value, str | bytes | int | None | Span | tuple)
        if place < 0 and not is_data and value != NUMBER:
            self._note_foreign(key)
        places = self._places
        index = key - self._left_out
        if index == len(places) and key not in self._far:
            places.append(entry)
            self._count += 1
        elif key in self._far or self._is_left_out(key):
            self._count += key not in self._far and not self._is_left_out(key)
            self._far[key] = entry
        else:
            self._put_elsewhere(key, entry)

    def _put_elsewhere(self, key: int, entry: int) -> None:
        """Keep a value out of order."""
        places, index = self._places, self._index(key)
        if index < len(places):
            self._count += places[index] == _MISSING
            places[index] = entry
        elif index <= len(places) + _MAX_STEP and not self._far:
            places.extend([_MISSING] * (index - len(places)))
            places.append(entry)
            self._count += 1
        else:
            self._count += key not in self._far
            self._far[key] = entry
            self._far_top = max(self._far_top, key + 1)
            if len(self._far) > _MAX_FAR:
                raise LimitExceededError(f"pickle has more than {_MAX_FAR} scattered memo places")

    def get(self, key: object, read: Callable[[int], object]) -> object:
        """The value kept under a key.

        Args:
            key: The key.
            read: Reads the text at a place.

        Raises:
            ParseError: Nothing is kept there.
        """
        entry = _MISSING
        if isinstance(key, int) and key >= 0:
            if key in self._far:
                entry = self._far[key]
            elif self.shortcuts is not None and self._left_out:
                place = self.shortcuts.text_place(key)
                if place != NOT_LEFT_OUT:
                    return DATA if place == NO_TEXT else read(place)
                entry = self._at(self._index(key))
            else:
                entry = self._at(key)
        if entry == _MISSING:
            raise ParseError(f"memo place {str(key)[:40]} is empty")
        return read(entry) if entry >= 0 else self._kept[-entry - 2]

    def _at(self, index: int) -> int:
        return self._places[index] if index < len(self._places) else _MISSING

    def _index(self, key: int) -> int:
        if self.shortcuts is None or not self._left_out:
            return key
        return key - self.shortcuts.left_out_below(key)

    def _is_left_out(self, key: int) -> bool:
        if self.shortcuts is None or not self._left_out:
            return False
        return self.shortcuts.text_place(key) != NOT_LEFT_OUT

    def _note_foreign(self, key: int) -> None:
        foreign = self.foreign
        if not foreign or key > foreign[-1]:
            foreign.append(key)
            return
        index = bisect_left(foreign, key)
        if foreign[index] != key:
            foreign.insert(index, key)

    def _keep(self, value: object) -> int:
        if len(self._kept) >= _MAX_KEPT:
            value = _forget(value)
            if self._kept[-1] is value:
                return -len(self._kept) - 1
        self._kept.append(value)
        return -len(self._kept) - 1


_KINDS = {tuple: Opaque("tuple"), Row: Opaque("list"), Table: Opaque("dict"), Made: COMPUTED}


def _forget(value: object) -> object:
    """What is left of a value when too many are kept: callables and small constants stay."""
    kind = _KINDS.get(type(value))
    if kind is not None:
        return kind
    return value if isinstance(value, Global | Opaque | Span | int | None) else COMPUTED

"""Flatbuffers: tables at places, fields found through a table of offsets; every step is held against the bounds of the file."""

from __future__ import annotations

from dataclasses import dataclass

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.cursor import Cursor

__all__ = ["Bounds", "Flatbuffer"]

_MIN_OFFSETS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a walk."""

    max_items: int = 4_000_000
    max_text_bytes: int = 64 * 1024


class Flatbuffer:
    """One flatbuffer.

    Args:
        data: The file.
        bounds: Bounds of the walk.
    """

    def __init__(self, data: memoryview, bounds: Bounds | None = None) -> None:
        self.data = data
        self._bounds = bounds or Bounds()
        self._items = 0

    def _at(self, place: int) -> Cursor:
        cursor = Cursor(self.data)
        cursor.seek(place)
        return cursor

    def root(self) -> int:
        """Place of the root table."""
        return self._at(0).unsigned(4)

    def _field(self, table: int, index: int) -> int:
        """Place of a field, 0 when it is absent."""
        offsets = table - self._at(table).signed(4)
        cursor = self._at(offsets)
        size, inline = cursor.unsigned(2), cursor.unsigned(2)
        if size < _MIN_OFFSETS:
            raise ParseError("table of offsets has no room for itself")
        slot = _MIN_OFFSETS + 2 * index
        if slot + 2 > size:
            return 0
        offset = self._at(offsets + slot).unsigned(2)
        if offset >= max(inline, 1) and offset:
            raise ParseError("field stands outside of its table")
        return table + offset if offset else 0

    def number(self, table: int, index: int, width: int) -> int:
        """An unsigned number, 0 when it is absent."""
        place = self._field(table, index)
        return self._at(place).unsigned(width) if place else 0

    def _vector(self, table: int, index: int) -> tuple[Cursor, int]:
        place = self._field(table, index)
        if not place:
            return self._at(0), 0
        cursor = self._at(place + self._at(place).unsigned(4))
        count = cursor.unsigned(4)
        return cursor, count

    def length(self, table: int, index: int) -> int:
        """Items of a vector."""
        return self._vector(table, index)[1]

    def content(self, table: int, index: int) -> memoryview:
        """A vector of bytes."""
        cursor, count = self._vector(table, index)
        return cursor.take(count)

    def text(self, table: int, index: int) -> str:
        """A text, empty when it is absent."""
        cursor, count = self._vector(table, index)
        return cursor.text(count, max_bytes=self._bounds.max_text_bytes)

    def sizes(self, table: int, index: int) -> list[int]:
        """A vector of numbers of four bytes."""
        cursor, count = self._vector(table, index)
        self._spend(count)
        return [cursor.signed(4) for _ in range(count)]

    def table(self, table: int, index: int) -> int:
        """Place of a table that a field points to, 0 when it is absent."""
        place = self._field(table, index)
        return place + self._at(place).unsigned(4) if place else 0

    def tables(self, table: int, index: int) -> list[int]:
        """Places of the tables that a vector lists."""
        cursor, count = self._vector(table, index)
        self._spend(count)
        places = []
        for _ in range(count):
            base = cursor.position
            places.append(base + cursor.unsigned(4))
        return places

    def _spend(self, count: int) -> None:
        self._items += count
        if self._items > self._bounds.max_items:
            raise LimitExceededError(f"holds more than {self._bounds.max_items} items")

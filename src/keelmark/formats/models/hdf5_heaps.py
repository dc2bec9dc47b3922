"""Heaps and trees of HDF5: names of old groups, texts of variable length, and what dense groups and attributes are kept in.

Layout: HDF5 File Format Specification, version 3.0, section III.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.cursor import Cursor, find_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.models.hdf5_file import File

__all__ = ["FractalHeap", "GlobalHeap", "LocalHeap", "records"]

_MAX_DEPTH = 16
_MAX_NAME = 4096
_MAX_COLLECTIONS = 64
_MAX_SWEPT = 10_000
_MAX_SWEPT_BYTES = 256 * 1024**2
_MANAGED, _HUGE, _TINY = 0, 1, 2
_OVERHEAD = 10
# Where the identity of what is kept stands in a record, and how long it is.
_IDENTITY = {5: (4, 7), 6: (8, 7), 8: (0, 8), 9: (0, 8)}


def _magic(cursor: Cursor, wanted: bytes) -> None:
    if bytes(cursor.take(4)) != wanted:
        raise ParseError(f"no {wanted.decode()} where one is pointed to")


def _bytes_for(limit: int) -> int:
    """Bytes that numbers up to a limit take."""
    return (max(limit, 1).bit_length() - 1) // 8 + 1


class LocalHeap:
    """Names of one old group."""

    def __init__(self, file: File, address: int) -> None:
        cursor = file.at(address)
        _magic(cursor, b"HEAP")
        cursor.skip(4)
        size = file.length(cursor)
        file.length(cursor)
        self._segment = file.at(file.address(cursor)).take(size)

    def text(self, offset: int) -> str:
        """The name at an offset."""
        raw = bytes(self._segment[offset : offset + _MAX_NAME])
        return raw.partition(b"\x00")[0].decode("utf-8", "backslashreplace")


class GlobalHeap:
    """Values of variable length; collections are read when they are asked for, and few are kept."""

    def __init__(self, file: File) -> None:
        self.file = file
        self._collections: dict[int, dict[int, memoryview]] = {}

    def value(self, address: int, index: int) -> memoryview:
        """One value; empty when it is not there.

        Raises:
            ParseError: No collection stands at the address.
        """
        known = self._collections.get(address)
        if known is None:
            if len(self._collections) >= _MAX_COLLECTIONS:
                self._collections.clear()
            known = self._collections[address] = self._read(address)
        return known.get(index, memoryview(b""))

    def sweep(self) -> Iterator[bytes]:
        """Values of all collections, wherever they stand; for what cannot be followed to them."""
        for place in find_all(self.file.data, b"GCOL", limit=_MAX_SWEPT, stop=_MAX_SWEPT_BYTES):
            try:
                found = self._read(place - self.file.base)
            except ParseError:
                continue  # four letters among numbers
            yield from map(bytes, found.values())

    def _read(self, address: int) -> dict[int, memoryview]:
        cursor = self.file.at(address)
        start = cursor.position
        _magic(cursor, b"GCOL")
        cursor.skip(4)
        end = start + self.file.length(cursor)
        found: dict[int, memoryview] = {}
        while cursor.position + 8 + self.file.length_width <= end:
            index = cursor.unsigned(2)
            cursor.skip(6)
            size = self.file.length(cursor)
            if index == 0:
                break
            found[index] = cursor.take(size)
            cursor.skip(min(-size % 8, cursor.left))
        return found


@dataclass(frozen=True, slots=True)
class _Tree:
    """What the header of a tree of version 2 states."""

    kind: int
    record: int
    depth: int
    root: int
    count: int
    node: int


def records(file: File, address: int) -> Iterator[bytes]:
    """Identities that a tree of version 2 keeps, of links or attributes.

    Raises:
        ParseError: It is none, or damaged.
        LimitExceededError: More records than are read.
    """
    cursor = file.at(address)
    _magic(cursor, b"BTHD")
    cursor.skip(1)
    kind, node, record = cursor.unsigned(1), cursor.unsigned(4), cursor.unsigned(2)
    depth = cursor.unsigned(2)
    cursor.skip(2)
    root, count = file.address(cursor), cursor.unsigned(2)
    if kind not in _IDENTITY or not record or depth > _MAX_DEPTH:
        raise ParseError("tree of a kind that groups and attributes do not use")
    if file.is_set(root):
        yield from _Records(file, _Tree(kind, record, depth, root, count, node)).all()


class _Records:
    def __init__(self, file: File, tree: _Tree) -> None:
        self._file, self._tree, self._left = file, tree, file.bounds.max_links
        most = max((tree.node - _OVERHEAD) // tree.record, 1)
        self._count_width = _bytes_for(most)
        # Widths of the counts below a node, by its depth.
        self._total_widths = [0]
        total = most
        for _ in range(tree.depth):
            pointer = file.offset_width + self._count_width + self._total_widths[-1]
            most = max((tree.node - _OVERHEAD - pointer) // (tree.record + pointer), 1)
            total = (most + 1) * total + most
            self._total_widths.append(_bytes_for(total))

    def all(self) -> Iterator[bytes]:
        """Identities in all nodes."""
        pending = [(self._tree.root, self._tree.count, self._tree.depth)]
        seen: set[int] = set()
        start, length = _IDENTITY[self._tree.kind]
        while pending:
            address, count, depth = pending.pop()
            if address in seen:
                continue
            seen.add(address)
            cursor = self._file.at(address)
            _magic(cursor, b"BTIN" if depth else b"BTLF")
            cursor.skip(2)
            for _ in range(count):
                self._left -= 1
                if self._left < 0:
                    raise LimitExceededError("tree has more records than are read")
                yield bytes(cursor.take(self._tree.record)[start : start + length])
            for _ in range(count + 1 if depth else 0):
                child = self._file.address(cursor)
                below = cursor.unsigned(self._count_width)
                cursor.skip(self._total_widths[depth - 1])
                pending.append((child, below, depth - 1))


class FractalHeap:
    """What dense groups keep their links in, and objects their many attributes.

    Raises:
        ParseError: It is none, or uses filters.
    """

    def __init__(self, file: File, address: int) -> None:
        self._file = file
        cursor = file.at(address)
        _magic(cursor, b"FRHP")
        cursor.skip(3)
        filters = cursor.unsigned(2)
        cursor.skip(1)
        most = cursor.unsigned(4)
        cursor.skip(2 * file.length_width + 2 * file.offset_width + 8 * file.length_width)
        self._width = cursor.unsigned(2)
        self._start = file.length(cursor)
        max_direct = file.length(cursor)
        bits = cursor.unsigned(2)
        cursor.skip(2)
        self._root = file.address(cursor)
        self._rows = cursor.unsigned(2)
        if filters:
            raise ParseError("heap is filtered, which is not read")
        if not self._start or not self._width or max_direct < self._start:
            raise ParseError("heap states blocks of no size")
        self._offset_width = (bits + 7) // 8
        self._length_width = min(_bytes_for(max_direct), _bytes_for(most))
        self._direct_rows = max_direct.bit_length() - self._start.bit_length() + 2

    def value(self, identity: bytes) -> memoryview:
        """What is kept under an identity.

        Raises:
            ParseError: The identity leads nowhere, or to where nothing is read.
        """
        kind = identity[0] >> 4 & 3
        if kind == _TINY:
            return memoryview(identity)[1 : 2 + (identity[0] & 15)]
        if kind != _MANAGED:
            raise ParseError("heap keeps a value outside of its blocks, which is not read")
        offset = int.from_bytes(identity[1 : 1 + self._offset_width], "little")
        after = 1 + self._offset_width
        length = int.from_bytes(identity[after : after + self._length_width], "little")
        cursor = self._file.at(self._place(offset))
        return cursor.take(length)

    def _place(self, offset: int) -> int:
        """Address of an offset: down from the root through blocks of blocks."""
        address, rows = self._root, self._rows
        if not rows:
            return address + offset
        for _ in range(_MAX_DEPTH):
            row, size = self._row_of(offset)
            if row >= rows:
                break
            # Rows double from the second on, so that a row of any number but 0 starts where all before it end.
            before = size * self._width if row else 0
            column, within = divmod(offset - before, size)
            cursor = self._file.at(address)
            _magic(cursor, b"FHIB")
            cursor.skip(1 + self._file.offset_width + self._offset_width)
            cursor.skip((row * self._width + column) * self._file.offset_width)
            address, offset = self._file.address(cursor), within
            if row < self._direct_rows:
                return address + within
            rows = size.bit_length() - (self._start * self._width).bit_length() + 1
        raise ParseError("heap keeps a value where no block stands")

    def _row_of(self, offset: int) -> tuple[int, int]:
        """The row of blocks in which an offset lies, and the size of its blocks."""
        row = (offset // (self._start * self._width)).bit_length()
        return row, self._start << max(row - 1, 0)

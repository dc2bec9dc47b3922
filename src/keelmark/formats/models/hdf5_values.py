"""Values of HDF5: kinds of elements, attributes with their bytes, and where the bytes of a dataset stand.

Layout: HDF5 File Format Specification, version 3.0, section IV.A.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.cursor import Cursor

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.formats.models.hdf5_file import File
    from keelmark.formats.models.hdf5_heaps import GlobalHeap

__all__ = ["Attribute", "Kind", "Layout", "attribute", "count_of", "elements", "kind_of", "layout_of"]

_INTEGER, STRING, OPAQUE, _VARIABLE, _ARRAY = 0, 3, 5, 9, 10
_SCALAR_NULL = 2
_MAX_NAME = 4096
_MAX_DEPTH = 8
_MAX_RANK = 32


@dataclass(frozen=True, slots=True)
class Kind:
    """The kind of elements: class and size of the format, and for those of variable length what they are made of."""

    number: int
    size: int
    base: Kind | None = None
    is_text: bool = False

    @property
    def is_bytes(self) -> bool:
        """Whether elements are bytes: text, opaque ones, numbers of one byte, or rows of those."""
        if self.number in {_VARIABLE, _ARRAY}:
            return self.is_text or (self.base is not None and self.base.is_bytes)
        return self.number in {STRING, OPAQUE} or (self.number == _INTEGER and self.size == 1)

    @property
    def is_variable(self) -> bool:
        """Whether elements stand in a heap."""
        return self.number == _VARIABLE


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: its elements as bytes, as far as bytes are what they are."""

    name: str
    kind: Kind
    values: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the bytes of a dataset stand: in a run of the file, in the message itself, or in the heap of a virtual one."""

    run: memoryview | None = None
    chunks: int = -1
    rank: int = 0
    chunk: memoryview | None = None
    is_indexed: bool = False
    virtual: tuple[int, int] | None = None


def kind_of(content: memoryview, depth: int = 0) -> Kind:
    """The kind that a message of a datatype states.

    Raises:
        ParseError: It breaks off, or is nested too deeply.
    """
    if depth > _MAX_DEPTH:
        raise ParseError("datatype is nested too deeply")
    cursor = Cursor(content)
    first = cursor.unsigned(1)
    bits, size = cursor.unsigned(3), cursor.unsigned(4)
    number, version = first & 15, first >> 4
    if number == _VARIABLE:
        return Kind(number, size, kind_of(content[8:], depth + 1), bits & 15 == 1)
    if number == _ARRAY:
        rank = cursor.unsigned(1)
        skipped = (3 if version < 3 else 0) + rank * (8 if version < 3 else 4)
        return Kind(number, size, kind_of(content[9 + skipped :], depth + 1))
    return Kind(number, size)


def count_of(content: memoryview, length_width: int) -> int:
    """Count of elements that a message of a dataspace states.

    Raises:
        ParseError: Of a version or rank that is not read.
    """
    cursor = Cursor(content)
    version, rank = cursor.unsigned(1), cursor.unsigned(1)
    cursor.skip(1)
    if rank > _MAX_RANK or version not in {1, 2}:
        raise ParseError("dataspace of a form that is not read")
    kind = cursor.unsigned(1)
    cursor.skip(4 if version == 1 else 0)
    if version == 2 and kind == _SCALAR_NULL:
        return 0
    count = 1
    for _ in range(rank):
        count *= cursor.unsigned(length_width)
    return count


def layout_of(content: memoryview, file: File) -> Layout:
    """Where a dataset stands.

    Raises:
        ParseError: Of a version that is not read.
    """
    cursor = Cursor(content)
    version = cursor.unsigned(1)
    if version in {1, 2}:
        rank, kind = cursor.unsigned(1), cursor.unsigned(1)
        cursor.skip(5)
        address = file.address(cursor) if kind else -1
        sizes = [cursor.unsigned(4) for _ in range(rank)]
        if kind == 1:
            return _run(file, address, _product(sizes))
        return Layout(chunks=address, rank=rank) if kind else Layout(run=cursor.take(cursor.unsigned(4)))
    if version not in {3, 4, 5}:
        raise ParseError("layout of a version that is not read")
    kind = cursor.unsigned(1)
    if kind == 0:
        return Layout(run=cursor.take(cursor.unsigned(2)))
    if kind == 1:
        return _run(file, file.address(cursor), file.length(cursor))
    if kind == 3:
        return Layout(virtual=(file.address(cursor), cursor.unsigned(4)))
    if version == 3:
        rank = cursor.unsigned(1)
        return Layout(chunks=file.address(cursor), rank=rank)
    return _one_chunk(cursor, file)


def _one_chunk(cursor: Cursor, file: File) -> Layout:
    """A dataset of a single chunk, as new files keep small ones; larger ones have an index that is not followed."""
    flags, rank, width = cursor.unsigned(1), cursor.unsigned(1), cursor.unsigned(1)
    size = _product([cursor.unsigned(width) for _ in range(rank)])
    if cursor.unsigned(1) != 1:
        return Layout(is_indexed=True)
    if flags & 2:
        size = file.length(cursor)
        cursor.skip(4)
    address = file.address(cursor)
    return Layout(chunk=file.at(address).take(size)) if file.is_set(address) else Layout()


def _product(sizes: list[int]) -> int:
    total = 1
    for size in sizes:
        total *= size
    return total


def _run(file: File, address: int, size: int) -> Layout:
    if not file.is_set(address) or not size:
        return Layout()
    return Layout(run=file.at(address).take(size))


def attribute(
    content: memoryview, heap: GlobalHeap, shared_kind: Callable[[memoryview], memoryview]
) -> Attribute:
    """One attribute with its elements.

    Args:
        content: Of the message.
        heap: Elements of variable length.
        shared_kind: Finds the datatype that another object holds.

    Raises:
        ParseError: Damaged, or of a version that is not read.
        LimitExceededError: More elements or bytes than are read.
    """
    cursor = Cursor(content)
    version, flags = cursor.unsigned(1), cursor.unsigned(1)
    if version not in {1, 2, 3}:
        raise ParseError("attribute of a version that is not read")
    lengths = [cursor.unsigned(2) for _ in range(3)]
    cursor.skip(1 if version == 3 else 0)
    parts = []
    for length in lengths:
        parts.append(cursor.take(length))
        cursor.skip(min(-length % 8, cursor.left) if version == 1 else 0)
    name = bytes(parts[0][:_MAX_NAME]).partition(b"\x00")[0].decode("utf-8", "backslashreplace")
    kind = kind_of(shared_kind(parts[1]) if flags & 1 else parts[1])
    if not kind.is_bytes:
        return Attribute(name, kind, ())
    count = 1 if flags & 2 else count_of(parts[2], heap.file.length_width)
    return Attribute(name, kind, elements(cursor.data[cursor.position :], kind, count, heap=heap))


def elements(data: memoryview, kind: Kind, count: int, *, heap: GlobalHeap) -> tuple[bytes, ...]:
    """Elements as bytes: each text or opaque value on its own, numbers of one byte together.

    Raises:
        ParseError: They break off.
        LimitExceededError: More elements or bytes than are read.
    """
    bounds = heap.file.bounds
    if kind.number == _INTEGER or (kind.number == _ARRAY and kind.is_bytes):
        return (bytes(Cursor(data).take(_within(count * kind.size, bounds.max_value_bytes))),)
    cursor = Cursor(data)
    found: list[bytes] = []
    total = 0
    for _ in range(_within(count, bounds.max_elements)):
        element = Cursor(cursor.take(kind.size))
        if kind.is_variable:
            length, address = element.unsigned(4), heap.file.address(element)
            index = element.unsigned(4)
            value = (
                bytes(heap.value(address, index)) if length and address and heap.file.is_set(address) else b""
            )
        else:
            value = bytes(element.data)
            value = value.partition(b"\x00")[0] if kind.number == STRING and value[:1] != b"\x80" else value
        total = _within(total + len(value), bounds.max_value_bytes)
        found.append(value)
    return tuple(found)


def _within(count: int, limit: int) -> int:
    if count > limit:
        raise LimitExceededError(f"value of {count} is longer than {limit}")
    return count

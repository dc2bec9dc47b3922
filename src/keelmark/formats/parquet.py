"""The footer of a Parquet file: rows and column names, by a bounded walk over Thrift's compact protocol."""

from __future__ import annotations

from dataclasses import dataclass

from keelmark.errors import LimitExceededError, ParseError

__all__ = ["Bounds", "Footer", "footer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one footer."""

    max_footer_bytes: int = 64 * 1024**2
    max_values: int = 4_000_000
    max_depth: int = 32
    max_columns: int = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """What the footer states.

    Attributes:
        rows: Count of records.
        columns: Names of the columns at the top level.
        writer: Program that wrote the file.
    """

    rows: int
    columns: tuple[str, ...]
    writer: str = ""


_MAGIC = b"PAR1"
_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(13)
_WIDTHS = {_TRUE: 0, _FALSE: 0, _BYTE: 1, _DOUBLE: 8}


def footer(data: memoryview, *, path: str = "", bounds: Bounds | None = None) -> Footer:
    """Read the footer of a whole Parquet file.

    Raises:
        ParseError: No Parquet file, or it breaks off.
        LimitExceededError: A bound was reached.
    """
    limits = bounds or Bounds()
    size = len(data)
    if size < 12 or bytes(data[:4]) != _MAGIC or bytes(data[-4:]) != _MAGIC:
        raise ParseError("parquet: the footer is missing; the file breaks off", path=path)
    length = int.from_bytes(data[size - 8 : size - 4], "little")
    if length > size - 12:
        raise ParseError("parquet: the footer is longer than the file", path=path)
    if length > limits.max_footer_bytes:
        raise LimitExceededError(f"parquet: footer of {length} bytes", path=path)
    walk = _Walk(bytes(data[size - 8 - length : size - 8]), path=path, bounds=limits)
    return walk.file_metadata()


class _Walk:
    """Reads the fields that are asked for and skips the rest."""

    def __init__(self, data: bytes, *, path: str, bounds: Bounds) -> None:
        self._data = data
        self._at = 0
        self._path = path
        self._bounds = bounds
        self._values = 0

    def file_metadata(self) -> Footer:
        rows: int | None = None
        columns: tuple[str, ...] = ()
        writer = ""
        field = 0
        while (header := self._field(field)) is not None:
            field, kind = header
            if field == 2 and kind == _LIST:
                columns = self._schema()
            elif field == 3 and kind == _I64:
                rows = self._zigzag()
            elif field == 6 and kind == _BINARY:
                writer = self._text()
            else:
                self._skip(kind, 0)
        if rows is None or rows < 0:
            raise ParseError("parquet: the footer states no count of rows", path=self._path)
        return Footer(rows=rows, columns=columns, writer=writer[:200])

    def _schema(self) -> tuple[str, ...]:
        count, kind = self._list()
        if kind != _STRUCT:
            raise ParseError("parquet: the schema is no list of structures", path=self._path)
        if count > self._bounds.max_columns:
            raise LimitExceededError(f"parquet: schema of {count} elements", path=self._path)
        elements = [self._element() for _ in range(count)]
        names: list[str] = []
        # The schema is a tree in depth-first order: the root first, then each child followed by its own.
        index = 1
        while index < len(elements):
            names.append(elements[index][0])
            pending = 1
            while pending and index < len(elements):
                pending += elements[index][1] - 1
                index += 1
        return tuple(names)

    def _element(self) -> tuple[str, int]:
        name, children, field = "", 0, 0
        while (header := self._field(field)) is not None:
            field, kind = header
            if field == 4 and kind == _BINARY:
                name = self._text()
            elif field == 5 and kind == _I32:
                children = max(self._zigzag(), 0)
            else:
                self._skip(kind, 0)
        return name, children

    def _field(self, last: int) -> tuple[int, int] | None:
        head = self._byte()
        kind = head & 0x0F
        if kind == _STOP:
            return None
        delta = head >> 4
        return (last + delta if delta else self._zigzag()), kind

    def _list(self) -> tuple[int, int]:
        head = self._byte()
        count = head >> 4
        return (self._varint() if count == 15 else count), head & 0x0F

    def _skip(self, kind: int, depth: int) -> None:
        self._values += 1
        if depth > self._bounds.max_depth or self._values > self._bounds.max_values:
            raise LimitExceededError("parquet: the footer is nested too deeply or too long", path=self._path)
        if kind in _WIDTHS:
            self._move(_WIDTHS[kind])
        elif kind in {_I16, _I32, _I64}:
            self._varint()
        elif kind == _BINARY:
            self._move(self._varint())
        elif kind in {_LIST, _SET}:
            self._skip_list(depth)
        elif kind == _MAP:
            self._skip_map(depth)
        elif kind == _STRUCT:
            field = 0
            while (header := self._field(field)) is not None:
                field, inner = header
                self._skip(inner, depth + 1)
        else:
            raise ParseError(f"parquet: unknown type {kind} in the footer", path=self._path)

    def _skip_list(self, depth: int) -> None:
        count, kind = self._list()
        for _ in range(count):
            self._skip_item(kind, depth)

    def _skip_map(self, depth: int) -> None:
        count = self._varint()
        kinds = self._byte() if count else 0
        for _ in range(count):
            self._skip_item(kinds >> 4, depth)
            self._skip_item(kinds & 0x0F, depth)

    def _skip_item(self, kind: int, depth: int) -> None:
        # Inside containers a truth value takes a byte; as a field it is part of the header.
        if kind in {_TRUE, _FALSE}:
            self._values += 1
            self._move(1)
        else:
            self._skip(kind, depth + 1)

    def _text(self) -> str:
        length = self._varint()
        start = self._at
        self._move(length)
        return self._data[start : self._at].decode("utf-8", "replace")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _varint(self) -> int:
        value = shift = 0
        while shift < 70:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        raise ParseError("parquet: a number in the footer does not end", path=self._path)

    def _byte(self) -> int:
        if self._at >= len(self._data):
            raise ParseError("parquet: the footer breaks off", path=self._path)
        self._at += 1
        return self._data[self._at - 1]

    def _move(self, count: int) -> None:
        if count > len(self._data) - self._at:
            raise ParseError("parquet: the footer breaks off", path=self._path)
        self._at += count

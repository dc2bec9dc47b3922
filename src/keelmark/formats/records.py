"""Records of text formats, one after the other: CSV, TSV, JSON lines, JSON arrays. Nothing is held but one record."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keelmark.errors import ParseError
from keelmark.formats import json_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Source

__all__ = ["Bounds", "Shape", "array_of", "cells_of", "lines_of", "rows_of", "shape_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of reading records.

    Attributes:
        max_bytes: Bytes read of one file of records; what is behind is not counted.
        max_field_chars: Longest field of a delimited file.
        max_array_bytes: Longest JSON array that is parsed as a whole.
        max_depth: Levels of a record that are flattened into columns.
    """

    max_bytes: int = 32 * 1024**2
    max_field_chars: int = 1024**2
    max_array_bytes: int = 32 * 1024**2
    max_depth: int = 4


BOUNDS = Bounds()
_CHUNK = 256 * 1024
# The limit of the standard library (131,072) is shorter than texts that real datasets hold; it is kept per process.
csv.field_size_limit(BOUNDS.max_field_chars)


class _View(io.RawIOBase):
    """A stream over a memory view, without copying it."""

    def __init__(self, view: memoryview, limit: int) -> None:
        self._view = view[:limit]
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        count = min(len(buffer), len(self._view) - self._at)
        buffer[:count] = self._view[self._at : self._at + count]
        self._at += count
        return count

    def close(self) -> None:
        self._view.release()
        super().close()


def _encoding(source: Source) -> str:
    head = source.head
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def lines_of(source: Source, *, max_bytes: int = BOUNDS.max_bytes) -> Iterator[str]:
    """Lines with their ends; only line feed and return end a line."""
    raw = _View(source.data, max_bytes)
    stream = io.TextIOWrapper(
        io.BufferedReader(raw, _CHUNK), encoding=_encoding(source), errors="replace", newline=""
    )
    with stream:
        yield from stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a delimited file is written.

    Attributes:
        header: Column names of the first row; empty when the first row is a record.
    """

    delimiter: str
    header: tuple[str, ...] = ()


def shape_of(source: Source) -> Shape:
    """Delimiter and header, told by the first lines."""
    first = list(itertools.islice(lines_of(source, max_bytes=_CHUNK), 20))
    delimiter = "\t" if source.suffix in {".tsv", ".tab"} else _delimiter(first)
    try:
        rows = list(csv.reader(first, delimiter=delimiter))
    except csv.Error:
        rows = []
    header = [cell.strip() for cell in rows[0]] if rows else []
    is_header = bool(header) and all(header) and not any(_is_number(cell) for cell in header)
    if len(rows) > 1 and is_header:
        # Names are short and differ; a record of sentences is no header.
        is_header = len(set(header)) == len(header) and max(len(cell) for cell in header) <= 100
    return Shape(delimiter=delimiter, header=tuple(header) if is_header else ())


def _delimiter(lines: list[str]) -> str:
    best, most = ",", 0
    for candidate in (",", ";", "\t", "|"):
        try:
            widths = [len(row) for row in csv.reader(lines[:10], delimiter=candidate)]
        except csv.Error:
            continue
        if widths and min(widths) > 1 and widths.count(widths[0]) >= len(widths) - 1 and widths[0] > most:
            best, most = candidate, widths[0]
    return best


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def rows_of(
    source: Source, shape: Shape, *, max_bytes: int = BOUNDS.max_bytes
) -> Iterator[tuple[int, list[str]]]:
    """Records of a delimited file with the line each begins at; the header is left out.

    Raises:
        ParseError: A field is longer than the bound, or a quote breaks the form.
    """
    reader = csv.reader(
        _bounded(lines_of(source, max_bytes=max_bytes), source.path), delimiter=shape.delimiter
    )
    before = 0
    is_first = True
    try:
        for row in reader:
            line, before = before + 1, reader.line_num
            if is_first and shape.header:
                is_first = False
                continue
            is_first = False
            if row:
                yield line, row
    except csv.Error as error:
        raise ParseError(f"delimited records: {error}", path=source.path, line=reader.line_num) from error


def _bounded(lines: Iterator[str], path: str) -> Iterator[str]:
    for line in lines:
        if len(line) > BOUNDS.max_field_chars * 8:
            raise ParseError("delimited records: a line is too long", path=path)
        yield line


def array_of(source: Source) -> list[Any]:
    """The items of a JSON array, or of the one array of objects in a JSON object.

    Raises:
        LimitExceededError: The file is too long.
        ParseError: No JSON.
    """
    value = json_text.load(source, bounds=json_text.Bounds(max_bytes=BOUNDS.max_array_bytes))
    return value if isinstance(value, list) else []


def cells_of(record: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Column and text of each value in a record of JSON; items of lists share the column of the list."""
    if isinstance(record, dict) and depth < BOUNDS.max_depth:
        for key, value in record.items():
            yield from cells_of(value, f"{prefix}.{key}" if prefix else str(key), depth + 1)
    elif isinstance(record, list) and depth < BOUNDS.max_depth:
        for item in record:
            yield from cells_of(item, prefix, depth + 1)
    elif isinstance(record, (dict, list)):
        with contextlib.suppress(RecursionError):  # What is nested that deeply holds no text of a person.
            yield prefix, json.dumps(record, ensure_ascii=False)
    elif record is not None:
        yield prefix, record if isinstance(record, str) else str(record)

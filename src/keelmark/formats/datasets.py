"""Datasets: files of records, told by content. Rows are counted exactly where the whole file was read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Dataset, Gap, GapReason, Reading
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats import json_text
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.parquet import footer
from keelmark.formats.records import array_of, cells_of, lines_of, rows_of, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Reader, Source

__all__ = ["READER", "Bounds", "form_of", "is_matlab_data", "sample"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one file of records.

    Attributes:
        max_bytes: Bytes read to count records.
        max_parsed_lines: JSON lines that are parsed; the lines behind are only counted.
        min_items: Shortest JSON array of objects that counts as records.
    """

    max_bytes: int = 32 * 1024**2
    max_parsed_lines: int = 20_000
    max_columns: int = 200
    max_column_chars: int = 200
    min_items: int = 3


_BOUNDS = Bounds()
_DELIMITED = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv"}
_LINES = {".jsonl", ".ndjson", ".jsonlines"}
_MAGICS = ((b"PAR1", "parquet"), (b"PARE", "parquet"), (b"ARROW1", "arrow"), (b"FEA1", "feather"),
           (b"SQLite format 3\x00", "sqlite"))  # fmt: skip
_MATLAB = (b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file")
_WEIGHTS = re2.compile(
    r"(?i)(^|[^a-z])(weights?|models?|checkpoints?|pretrained|nets?|vgg\w*|resnet\w*|alexnet|network)([^a-z]|$)"
)
# What libraries write down of a training run lies in folders of these names.
_LOG_FOLDERS = {"catboost_info", "lightning_logs", "mlruns"}
_ARRAY = bytes_pattern(rb"^(?:\xef\xbb\xbf)?\s*\[\s*\{")
_NOT_DATA = re2.compile(
    r"(?i)(?:package|tsconfig|composer|manifest|settings|config|tokenizer|vocab|special_tokens|switcher|versions|sidebar|navigation|redirects|contributors).*\.json|.*\.(?:lock|schema|map)\.json|\..*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    name: str = "dataset"
    version: int = 3
    bounds: Bounds = _BOUNDS

    def recognises(self, source: Source) -> bool:
        return bool(form_of(source))

    def read(self, source: Source) -> tuple[Reading, ...]:
        match form_of(source):
            case "csv" | "tsv":
                return (self._delimited(source),)
            case "jsonl":
                return (self._lines(source),)
            case "json":
                return self._array(source)
            case "parquet":
                return (self._parquet(source),)
            case form:
                detail = f"{form}: neither columns nor records are read, so nobody looked for personal data in them"
                gap = Gap(path=source.path, reason=GapReason.UNSUPPORTED, detail=detail, matters=False)
                return (Reading(format=form, dataset=Dataset(format=form), gaps=(gap,)),)

    def _delimited(self, source: Source) -> Reading:
        form = form_of(source)
        shape = shape_of(source)
        rows = sum(1 for _ in rows_of(source, shape, max_bytes=self.bounds.max_bytes))
        return self._reading(source, form, rows, shape.header)

    def _lines(self, source: Source) -> Reading:
        rows = 0
        columns: dict[str, None] = {}
        broken: list[int] = []
        for number, line in enumerate(lines_of(source, max_bytes=self.bounds.max_bytes), start=1):
            if not line.strip():
                continue
            rows += 1
            if rows <= self.bounds.max_parsed_lines:
                try:
                    record = json_text.parse(line, path=source.path)
                except (LimitExceededError, ParseError):
                    broken.append(number)
                    continue
                if len(columns) < self.bounds.max_columns:
                    columns.update(dict.fromkeys(record if isinstance(record, dict) else ()))
        if broken and len(broken) == min(rows, self.bounds.max_parsed_lines):
            raise ParseError("no line is JSON", path=source.path, line=broken[0])
        reading = self._reading(source, "jsonl", rows, tuple(columns))
        if broken:
            detail = f"{len(broken)} lines are no JSON"
            gap = Gap(path=source.path, reason=GapReason.MALFORMED, detail=detail, line=broken[0])
            return Reading(format="jsonl", dataset=reading.dataset, gaps=(*reading.gaps, gap))
        return reading

    def _array(self, source: Source) -> tuple[Reading, ...]:
        items = array_of(source)
        if len(items) < self.bounds.min_items or not all(isinstance(item, dict) for item in items):
            return ()
        columns = Counter(key for item in items for key in item)
        if not any(count * 2 > len(items) for count in columns.values()):
            return ()  # Objects that share nothing are a configuration, not records.
        return (self._reading(source, "json", len(items), tuple(columns)),)

    def _parquet(self, source: Source) -> Reading:
        if source.head.startswith(b"PARE"):
            gap = Gap(path=source.path, reason=GapReason.ENCRYPTED, detail="parquet with encrypted footer")
            return Reading(format="parquet", dataset=Dataset(format="parquet"), gaps=(gap,))
        found = footer(source.data, path=source.path)
        reading = self._reading(source, "parquet", found.rows, found.columns, is_whole=True)
        detail = "parquet: count and columns come from the footer; the records were not looked at for personal data"
        gap = Gap(path=source.path, reason=GapReason.UNSUPPORTED, detail=detail, matters=False)
        return Reading(format="parquet", dataset=reading.dataset, gaps=(*reading.gaps, gap))

    def _reading(
        self, source: Source, form: str, rows: int, columns: tuple[str, ...], *, is_whole: bool = False
    ) -> Reading:
        kept = tuple(
            json_text.sound(name)[: self.bounds.max_column_chars]
            for name in columns[: self.bounds.max_columns]
        )
        gaps: tuple[Gap, ...] = ()
        if source.size > self.bounds.max_bytes and not is_whole:
            detail = f"records behind the first {self.bounds.max_bytes} bytes were not counted"
            gaps = (Gap(path=source.path, reason=GapReason.TOO_LARGE, detail=detail, matters=False),)
        dataset = Dataset(format=form, rows=None if gaps else rows, columns=kept)
        return Reading(format=form, dataset=dataset, gaps=gaps)


def is_matlab_data(source: Source) -> bool:
    """Whether a MATLAB file holds data: it is not called weights, and does not lie among models."""
    return source.head.startswith(_MATLAB) and not _WEIGHTS.search(source.path)


def form_of(source: Source) -> str:
    """Format of a file of records: `csv`, `tsv`, `jsonl`, `json`, `parquet`, `arrow`, `matlab`, ...; "" for none."""
    for magic, form in _MAGICS:
        # A text may well begin with the letters of `PARE`, as in `PARENT`.
        if source.head.startswith(magic) and not (magic in {b"PARE", b"FEA1"} and source.is_text):
            return form
    if is_matlab_data(source):
        return "matlab"
    if source.size == 0 or not source.is_text:
        return ""
    if source.suffix in _DELIMITED and _LOG_FOLDERS.isdisjoint(source.path.split("/")):
        return _DELIMITED[source.suffix]
    if source.suffix in _LINES and not source.name.endswith(".intoto.jsonl"):
        return "jsonl"
    if source.suffix == ".json" and _ARRAY.match(source.head) and not _NOT_DATA.fullmatch(source.name):
        return "json"
    return ""


def sample(
    source: Source, max_rows: int = 2_000, max_bytes: int = 8 * 1024**2
) -> Iterator[tuple[int, str, str]]:
    """The text of the first records, value by value: (row, column, text).

    The row is the line at which the record begins; in a JSON array it is the position of the record, from 1. A column
    without a name is called `column 3`. Formats that are no text yield nothing.

    Args:
        source: The file.
        max_rows: Records looked at.
        max_bytes: Bytes looked at; a record cut by this bound is left out.

    Raises:
        ParseError: The file breaks its form.
        LimitExceededError: A JSON array is too long to parse.
    """
    form = form_of(source)
    if form in {"csv", "tsv"}:
        yield from _sample_delimited(source, max_rows, max_bytes)
    elif form == "jsonl":
        yield from _sample_lines(source, max_rows, max_bytes)
    elif form == "json":
        for number, item in enumerate(array_of(source)[:max_rows], start=1):
            yield from ((number, column, text) for column, text in cells_of(item))


def _sample_delimited(source: Source, max_rows: int, max_bytes: int) -> Iterator[tuple[int, str, str]]:
    shape = shape_of(source)
    for count, (line, row) in enumerate(rows_of(source, shape, max_bytes=max_bytes)):
        if count >= max_rows:
            return
        for index, text in enumerate(row):
            name = shape.header[index] if index < len(shape.header) else f"column {index + 1}"
            if text:
                yield line, name, text


def _sample_lines(source: Source, max_rows: int, max_bytes: int) -> Iterator[tuple[int, str, str]]:
    count = 0
    for number, line in enumerate(lines_of(source, max_bytes=max_bytes), start=1):
        if count >= max_rows:
            return
        if not line.strip():
            continue
        count += 1
        try:
            record = json_text.parse(line, path=source.path)
        except (LimitExceededError, ParseError):
            continue  # Named as a gap by the reader; here the rest of the file still counts.
        yield from ((number, column, text) for column, text in cells_of(record))


READER: Reader = _Reader()

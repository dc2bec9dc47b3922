"""Readers that join a format with a detector: secrets in any text, personal data in records.

`formats` and `detectors` know nothing of each other; the engine stands above both.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from keelmark.core.facts import Dataset, Gap, GapReason, Reading, Secret
from keelmark.detectors import personal, secrets
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.datasets import form_of, sample
from keelmark.formats.source import Reader, decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Source

__all__ = ["TEXT_READER", "RecordReader", "TextBounds", "TextReader"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextBounds:
    """Bounds of looking for secrets in one file.

    Attributes:
        max_bytes: What lies behind is named as not looked at.
        part_bytes: Longest text handed to the detector at once, cut at a line end.
        max_places: Places of one file that are looked at closely; a text may be made of beginnings of credentials.
        max_secrets: Secrets kept of one file; what lies behind is named as not looked at.
    """

    max_bytes: int = 64 * 1024**2
    part_bytes: int = 4 * 1024**2
    max_places: int = 60_000
    max_secrets: int = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TextReader:
    """Looks for credentials in every file that holds text, whatever its format."""

    name: str = "text"
    version: int = 1
    bounds: TextBounds = TextBounds()

    def recognises(self, source: Source) -> bool:
        """Whether the file holds text."""
        return source.size > 0 and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        """The secrets of the text, with lines counted over the whole file."""
        found: list[Secret] = []
        line = 0
        places = secrets.Places(self.bounds.max_places)
        gaps: tuple[Gap, ...] = ()
        for part in _parts(source, self.bounds):
            try:
                text = decode(part, path=source.path)
            except ParseError:
                # A binary whose head reads like text (PDF, some fonts): it is not broken, but was not searched either.
                detail = "binary behind a head that reads like text; not searched for credentials"
                gap = Gap(path=source.path, reason=GapReason.UNSUPPORTED, detail=detail, matters=False)
                return (Reading(format="binary", gaps=(gap,)),)
            try:
                met = secrets.find(text, path=source.path, places=places)
            except LimitExceededError as error:
                detail = f"{error.message}; none was looked for behind line {line}"
                gaps = (Gap(path=source.path, reason=GapReason.TOO_LARGE, detail=detail),)
                break
            found.extend(replace(secret, line=secret.line + line) if line else secret for secret in met)
            line += text.count("\n")
            if len(found) > self.bounds.max_secrets:
                detail = f"more than {self.bounds.max_secrets} secrets; others behind line {line} were not looked for"
                gaps = (Gap(path=source.path, reason=GapReason.TOO_LARGE, detail=detail),)
                break
        bound = self.bounds.part_bytes if _is_wide(source) else self.bounds.max_bytes
        if source.size > bound and not gaps:
            detail = f"secrets were looked for in the first {bound} bytes"
            gaps = (Gap(path=source.path, reason=GapReason.TOO_LARGE, detail=detail, matters=False),)
        return (Reading(format="text", secrets=tuple(found), gaps=gaps),)


def _is_wide(source: Source) -> bool:
    # Texts of two or four bytes a character cannot be cut at a byte that looks like a line end.
    return source.head.startswith((b"\xff\xfe", b"\xfe\xff"))


def _parts(source: Source, bounds: TextBounds) -> Iterator[bytes]:
    if source.size <= bounds.part_bytes or _is_wide(source):
        yield bytes(source.data[: bounds.part_bytes])
        return
    start, end = 0, min(source.size, bounds.max_bytes)
    while start < end:
        part = bytes(source.data[start : min(start + bounds.part_bytes, end)])
        cut = part.rfind(b"\n") + 1 if start + len(part) < end else len(part)
        part = part[: cut or len(part)]
        yield part
        start += len(part)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordReader:
    """The reader of records, with the personal data found in the first of them.

    Attributes:
        inner: The reader of the format.
        max_rows: Records looked at.
        max_values: Values looked at; records may be as wide as a file is long.
    """

    inner: Reader
    max_rows: int = 2_000
    max_values: int = 200_000

    @property
    def name(self) -> str:
        """Name of the inner reader."""
        return self.inner.name

    @property
    def version(self) -> int:
        """Version of the inner reader and of this one."""
        return self.inner.version * 100 + 1

    def recognises(self, source: Source) -> bool:
        """Whether the inner reader recognises the file."""
        return self.inner.recognises(source)

    def read(self, source: Source) -> tuple[Reading, ...]:
        """What the inner reader says, with the personal data."""
        readings = self.inner.read(source)
        if not form_of(source):
            return readings
        return tuple(
            replace(reading, dataset=self._looked_into(source, reading.dataset))
            if reading.dataset
            else reading
            for reading in readings
        )

    def _looked_into(self, source: Source, dataset: Dataset) -> Dataset:
        values = list(itertools.islice(sample(source, max_rows=self.max_rows), self.max_values))
        rows = len({row for row, _, _ in values})
        if not rows:
            return dataset
        return replace(
            dataset,
            personal=personal.find(values),
            read_rows=rows,
            is_complete=dataset.rows is not None and rows >= dataset.rows and len(values) < self.max_values,
        )


TEXT_READER = TextReader()

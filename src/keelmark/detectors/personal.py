"""Personal data in records: what the values prove, what the names of the columns promise, and no guess from bare digits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts.content import PersonalData
from keelmark.core.outcome import Confidence
from keelmark.detectors.columns import Header, header_of, words_of
from keelmark.detectors.personal_text import PersonalSpan, TextBounds, find_in_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


__all__ = ["Bounds", "PersonalSpan", "TextBounds", "find", "find_in_text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a search in records.

    Attributes:
        max_values: Most values that are looked at; the caller says how many rows that were.
        max_characters: Of one value, only so many are looked at.
        max_columns: Columns beyond these are not told apart.
    """

    max_values: int = 2_000_000
    max_characters: int = 20_000
    max_columns: int = 2_000


# Kinds that stand on a check digit alone: a column of other numbers passes it now and then, a column of these always.
_CHECKED = ("payment-card", "iban", "us-ssn", "national-id-")
_LEAST_SHARE = 0.5
_CONTACT_OF_SOFTWARE = re2.compile(r"(package|maintainer|author|committer|repo|git|commit|vendor|publisher)")
_WORDS_FOR_TEXT = str.maketrans("_", " ")


@dataclass(slots=True)
class _Column:
    """What was seen of one column so far."""

    name: str
    header: Header | None
    context: str
    is_of_software: bool
    filled: int = 0
    matching: int = 0
    first_line: int = 0
    numbers: int = 0
    kinds: dict[str, tuple[int, int]] = field(default_factory=dict)

    def look(self, line: int, value: str) -> None:
        """Count one value."""
        self.filled += 1
        if sum(map(value.count, "0123456789")) >= 0.6 * len(value):
            self.numbers += 1
        if self.header is not None and self.header.values.fullmatch(value):
            self.matching += 1
            self.first_line = self.first_line or line
        for kind in {span.kind for span in find_in_text(value, context=self.context)}:
            count, first = self.kinds.get(kind, (0, line))
            self.kinds[kind] = (count + 1, first)

    def answer(self) -> Iterator[PersonalData]:
        """What the column holds."""
        header = self.header
        if header is not None and self.filled and self.matching / self.filled >= header.share:
            yield PersonalData(
                kind=header.kind,
                count=self.matching,
                line=self.first_line,
                column=self.name,
                confidence=header.confidence,
            )
        for kind, (count, line) in sorted(self.kinds.items()):
            if self._is_chance(kind, count) or (kind == "email" and self.is_of_software):
                continue
            yield PersonalData(
                kind=kind, count=count, line=line, column=self.name, confidence=_confidence(kind)
            )

    def _is_chance(self, kind: str, count: int) -> bool:
        """Whether a column of bare numbers passes the check too seldom to hold what the check is for."""
        return kind.startswith((*_CHECKED, "phone")) and (
            self.numbers >= 0.9 * self.filled and count < _LEAST_SHARE * self.filled
        )


def _confidence(kind: str) -> Confidence:
    return Confidence.MEDIUM if kind in {"phone", "ip-address"} else Confidence.HIGH


def find(
    samples: Iterable[tuple[int, str, str]], *, bounds: Bounds | None = None
) -> tuple[PersonalData, ...]:
    """The classes of personal data in records: one entry per kind and column, in the order the columns came.

    Args:
        samples: (line, column, value) of each value; the column is "" in free text.
        bounds: Bounds of the search. Values beyond them are not looked at; the caller counts what it handed over.
    """
    bounds = bounds or Bounds()
    columns: dict[str, _Column] = {}
    for count, (line, name, value) in enumerate(samples):
        if count >= bounds.max_values:
            break
        text = value[: bounds.max_characters].strip()
        if not text:
            continue
        key = name if name in columns or len(columns) < bounds.max_columns else ""
        column = columns.get(key)
        if column is None:
            column = columns[key] = _new(key)
        column.look(line, text)
    return tuple(found for column in columns.values() for found in column.answer())


def _new(name: str) -> _Column:
    words = words_of(name)
    return _Column(
        name=name,
        header=header_of(name) if name else None,
        context=words.translate(_WORDS_FOR_TEXT),
        is_of_software=bool(_CONTACT_OF_SOFTWARE.search(words)),
    )

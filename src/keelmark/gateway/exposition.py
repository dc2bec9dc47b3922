"""Numbers that are counted, and their text for Prometheus (`text/plain; version=0.0.4`).

One event loop counts, so nothing here is locked. What a label may say is bounded, since parts of it come from callers:

1. A label whose values are known takes these alone; any other value is counted as `other`.
2. A family has at most `max_series` series; what would be one more is counted in the one whose labels all say `other`.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = [
    "CONTENT_TYPE",
    "OTHER",
    "Count",
    "Family",
    "FamilySnapshot",
    "Histogram",
    "Kind",
    "Label",
    "Merge",
    "Sample",
    "text_of",
]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of the text that `text_of` writes."""

OTHER = "other"
"""What a label says instead of a value beyond its bound."""


class Kind(StrEnum):
    """Of what a family is made."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Merge(StrEnum):
    """What several workers make of one series."""

    SUM = "sum"
    MIN = "min"
    MAX = "max"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One label of a family.

    Attributes:
        name: As written.
        known: Values that it may say; None when they are not known before.
    """

    name: str
    known: frozenset[str] | None = None


class Count:
    """One number. Whoever counts adds to `value`."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0


class Histogram:
    """How many of what was measured fell below each bound.

    Args:
        bounds: Upper bounds, rising.
    """

    __slots__ = ("_bounds", "counts", "value")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.value: float = 0

    def observe(self, value: float) -> None:
        """Count one measurement."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.value += value


class Sample(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One series at one moment: what its labels say, its number or sum, and how many fell between the bounds."""

    labels: tuple[str, ...]
    value: float
    counts: tuple[int, ...] = ()


class FamilySnapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All series of one family at one moment."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    merge: Merge = Merge.SUM
    bounds: tuple[float, ...] = ()
    scale: float = 1
    samples: tuple[Sample, ...] = ()


ChildT = TypeVar("ChildT", bound=Count | Histogram)


class Family(Generic[ChildT]):
    """Series of one name.

    Args:
        name: As written; counters end in `_total`.
        kind: What it is.
        help: One line that says what is counted.
        make: Makes one series.
        labels: Its labels.
        merge: What several workers make of it.
        bounds: Of a histogram, in the unit that is counted in.
        scale: What one counted unit is in the unit that is written.
        max_series: Bound on its series.
    """

    __slots__ = ("_made", "_make", "_max_series", "_snapshot", "labels")

    def __init__(  # noqa: PLR0913 - what one family is
        self,
        name: str,
        kind: Kind,
        help: str,  # noqa: A002 - the word of the format
        *,
        make: Callable[[], ChildT],
        labels: tuple[Label, ...] = (),
        merge: Merge = Merge.SUM,
        bounds: tuple[float, ...] = (),
        scale: float = 1,
        max_series: int = 2000,
    ) -> None:
        names = tuple(label.name for label in labels)
        self._snapshot = FamilySnapshot(name, kind, help, names, merge, bounds, scale)
        self._make: Callable[[], ChildT] = make
        self._max_series = max_series
        self._made: dict[tuple[str, ...], ChildT] = {}
        self.labels = labels

    def child(self, *values: str) -> ChildT:
        """The series whose labels say this, inside of the bounds."""
        found = self._made.get(values)
        if found is not None:
            return found
        said = tuple(
            value if label.known is None or value in label.known else OTHER
            for label, value in zip(self.labels, values, strict=True)
        )
        if said not in self._made and len(self._made) >= self._max_series - 1:
            said = (OTHER,) * len(values)
        return self._made.setdefault(said, self._make())

    def snapshot(self) -> FamilySnapshot:
        """What was counted so far."""
        samples = tuple(
            Sample(labels, child.value, tuple(child.counts) if isinstance(child, Histogram) else ())
            for labels, child in tuple(self._made.items())  # Others may count while one thread reads.
        )
        return msgspec.structs.replace(self._snapshot, samples=samples)


def text_of(families: Iterable[FamilySnapshot]) -> str:
    """Families as Prometheus reads them, in the order given. A family without series is named all the same."""
    lines: list[str] = []
    for family in families:
        lines.append(f"# HELP {family.name} {_escaped(family.help)}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        for sample in sorted(family.samples, key=lambda sample: sample.labels):
            pairs = list(zip(family.labels, sample.labels, strict=True))
            if family.kind is Kind.HISTOGRAM:
                lines.extend(_histogram_lines(family, sample, pairs))
            else:
                lines.append(f"{family.name}{_labels(pairs)} {_number(sample.value * family.scale)}")
    lines.append("")
    return "\n".join(lines)


def _histogram_lines(
    family: FamilySnapshot, sample: Sample, pairs: Sequence[tuple[str, str]]
) -> Iterable[str]:
    total = 0
    for bound, count in zip((*family.bounds, inf), sample.counts, strict=True):
        total += count
        written = _number(bound * family.scale) if bound != inf else "+Inf"
        yield f"{family.name}_bucket{_labels([*pairs, ('le', written)])} {total}"
    yield f"{family.name}_sum{_labels(pairs)} {_number(sample.value * family.scale)}"
    yield f"{family.name}_count{_labels(pairs)} {total}"


def _labels(pairs: Sequence[tuple[str, str]]) -> str:
    if not pairs:
        return ""
    written = ",".join(
        f'{name}="{_escaped(value).replace(chr(34), chr(92) + chr(34))}"' for name, value in pairs
    )
    return f"{{{written}}}"


def _escaped(text: str) -> str:
    # A line may not end inside of a value, whatever counts as an end of line elsewhere.
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", " ")


def _number(value: float) -> str:
    if value != value or value in {inf, -inf}:  # noqa: PLR0124 - not a number is not itself
        return "NaN" if value != value else "+Inf" if value > 0 else "-Inf"  # noqa: PLR0124 - as above
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else f"{value:.12g}"

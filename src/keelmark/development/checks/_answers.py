"""What the rules of this area share: one finding for each thing to mend, and one for many equal things."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.location import Location
from keelmark.core.outcome import Confidence, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from keelmark.core.finding import Card, Finding

__all__ = ["MAX_PLACES", "Defect", "fail_by_folder", "fail_each", "listed", "plural"]

MAX_PLACES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One thing that is wrong.

    Attributes:
        message: What is wrong, naming the thing.
        many: What is wrong with all equal ones, to follow a count: "weights are neither signed nor hashed".
        subject: Stable name of the thing.
        severity: None for that of the card.
    """

    message: str
    many: str
    at: Location
    fix: str
    subject: str
    severity: Severity | None = None
    confidence: Confidence | None = None
    evidence: tuple[tuple[str, str], ...] = ()


def fail_each(card: Card, defects: Iterable[Defect]) -> Iterator[Finding]:
    """One failure for each defect; more than twenty equal ones are one failure with the first twenty places."""
    groups: dict[tuple[str, Severity | None, Confidence | None], list[Defect]] = defaultdict(list)
    for defect in defects:
        groups[defect.many, defect.severity, defect.confidence].append(defect)
    for (many, severity, confidence), members in groups.items():
        if len(members) > MAX_PLACES:
            yield card.failed(
                f"{len(members)} {many}",
                at=tuple(member.at for member in members[:MAX_PLACES]),
                fix=members[0].fix,
                subject=many,
                severity=severity,
                confidence=confidence,
            )
            continue
        for member in members:
            yield card.failed(
                member.message,
                at=member.at,
                fix=member.fix,
                subject=member.subject,
                severity=severity,
                confidence=confidence,
                evidence=member.evidence,
            )


def fail_by_folder(card: Card, paths: Sequence[str], *, one: str, many: str, fix: str) -> Iterator[Finding]:
    """One failure for each folder, because one record mends all its files.

    Args:
        card: Of the rule that asks.
        paths: The files.
        one: What is wrong, to follow a path: "has no recorded origin".
        many: The same for several files: "have no recorded origin".
        fix: What to do.
    """
    folders: dict[str, list[str]] = defaultdict(list)
    for path in sorted(paths):
        folders[path.rpartition("/")[0]].append(path)
    for folder, members in folders.items():
        names = [path.rpartition("/")[2] for path in members]
        several = f"{len(members)} files of weights in {folder or 'the top folder'} {many}: {listed(names)}"
        yield card.failed(
            several if len(members) > 1 else f"{members[0]} {one}",
            at=tuple(Location(path=path) for path in members[:MAX_PLACES]),
            fix=fix,
            subject=folder if len(members) > 1 else members[0],
        )


def listed(names: Sequence[str], *, most: int = 5) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def plural(count: int, one: str, many: str = "") -> str:
    """Count and noun: `1 model`, `2 models`."""
    return f"{count} {one if count == 1 else many or one + 's'}"

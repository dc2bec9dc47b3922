"""What changed between two kept runs of one project."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from keelmark.core.outcome import Outcome
from keelmark.errors import StoreError
from keelmark.store.sqlite import SqliteEvidence
from keelmark.workflows.assess import EVIDENCE_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from keelmark.core.assessment import Assessment
    from keelmark.core.finding import Finding
    from keelmark.core.ports import RunSummary

__all__ = ["Difference", "Entry", "Moved", "difference", "kept_runs"]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One failure that came or went."""

    fingerprint: str
    rule: str
    severity: str
    place: str
    message: str


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A recommendation whose standing changed."""

    recommendation: str
    before: str
    after: str


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """All that changed."""

    before: str
    after: str
    before_verdict: str
    after_verdict: str
    new: tuple[Entry, ...]
    gone: tuple[Entry, ...]
    same: int
    standings: tuple[Moved, ...]


def kept_runs(root: Path) -> Sequence[RunSummary]:
    """The kept runs of a folder, newest first.

    Raises:
        StoreError: There is no evidence.
    """
    with _store(root) as store:
        return store.runs()


def difference(root: Path, before: str, after: str) -> Difference:
    """What changed from one run to another.

    Raises:
        StoreError: A run is not there or cannot be read.
    """
    with _store(root) as store:
        old, new = store.load(before), store.load(after)
    olds, news = _failures(old), _failures(new)
    statuses = {row.recommendation: row.status for row in old.decision.standings}
    return Difference(
        before=old.id,
        after=new.id,
        before_verdict=old.decision.verdict.value,
        after_verdict=new.decision.verdict.value,
        new=tuple(_entry(finding) for key, finding in news.items() if key not in olds),
        gone=tuple(_entry(finding) for key, finding in olds.items() if key not in news),
        same=len(olds.keys() & news.keys()),
        standings=tuple(
            Moved(recommendation=row.recommendation, before=statuses[row.recommendation], after=row.status)
            for row in new.decision.standings
            if row.recommendation in statuses and statuses[row.recommendation] is not row.status
        ),
    )


def _store(root: Path) -> SqliteEvidence:
    file = root / EVIDENCE_FILE
    if not file.is_file():
        raise StoreError(
            "no run is kept here", hint="keelmark assess keeps each run in .keelmark/", path=root.name
        )
    return SqliteEvidence(file)


def _failures(assessment: Assessment) -> dict[str, Finding]:
    return {f.fingerprint: f for f in assessment.findings if f.outcome is Outcome.FAIL}


def _entry(finding: Finding) -> Entry:
    return Entry(
        fingerprint=finding.fingerprint,
        rule=finding.rule,
        severity=finding.severity.value,
        place=str(finding.locations[0]) if finding.locations else "",
        message=finding.message,
    )

"""Judges what was read of one artefact: weighs its hazards, and says where the file stands."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from keelmark.core.facts import Hazard, Technique
from keelmark.core.outcome import Severity
from keelmark.core.scan import ScanFinding, ScannedFile, ScanState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from keelmark.core.facts import FileFacts, Reading
    from keelmark.core.scan import Clearance

__all__ = ["findings_of", "judge"]


def judge(
    facts: FileFacts, *, clearances: Sequence[Clearance] = (), today: date | None = None
) -> ScannedFile:
    """Where one file stands.

    Args:
        facts: What was read of it.
        clearances: Who vouches for what; they count only for a file whose digest is known, until they expire, and never
            for a critical finding: what is known to do harm is not cleared.
        today: The day that clearances are held against; without one, none counts.
    """
    findings = findings_of(facts, clearances=clearances, today=today)
    if any(finding.is_open for finding in findings):
        state = ScanState.UNSAFE
    elif any(gap.matters for gap in facts.gaps):
        state = ScanState.NOT_ANALYSED
    else:
        state = ScanState.CLEAN if facts.readings else ScanState.NO_ARTEFACT
    return ScannedFile(
        path=facts.path,
        size=facts.size,
        state=state,
        formats=tuple(dict.fromkeys(reading.format for reading in facts.readings)),
        findings=findings,
        gaps=facts.gaps,
        digest=facts.digest,
    )


def findings_of(
    facts: FileFacts, *, clearances: Sequence[Clearance] = (), today: date | None = None
) -> tuple[ScanFinding, ...]:
    """The hazards of one file as findings, worst first, each once."""
    hazards = dict.fromkeys(hazard for reading in facts.readings for hazard in _hazards(reading))
    found = [_finding(facts, hazard, clearances, today) for hazard in _once(hazards)]
    return tuple(sorted(found, key=lambda finding: -finding.severity.weight))


def _hazards(reading: Reading) -> Iterator[Hazard]:
    """What a reading says; a reader that calls a model dangerous without a hazard is taken at its word."""
    yield from reading.hazards
    if reading.hazards:
        return
    for model in reading.models:
        for stated in model.dangerous:
            yield Hazard(
                technique=Technique.DANGEROUS_CALLABLE, detail=stated, subject=stated.partition(":")[0]
            )
        for name in model.unknown:
            detail = f"asks for `{name}`, which is on no list"
            yield Hazard(technique=Technique.UNKNOWN_CALLABLE, detail=detail, subject=name)


def _once(hazards: Iterable[Hazard]) -> Iterable[Hazard]:
    """One hazard for each technique, subject and member: two readers may meet the same callable at one place."""
    first: dict[tuple[str, str, str], Hazard] = {}
    for hazard in hazards:
        key = (hazard.technique, hazard.subject, hazard.member)
        kept = first.setdefault(key, hazard)
        if hazard.code and not kept.code:
            first[key] = hazard
    return first.values()


def _finding(
    facts: FileFacts, hazard: Hazard, clearances: Sequence[Clearance], today: date | None
) -> ScanFinding:
    # Most scans find nothing, and have no use for the catalogue.
    from keelmark.development.supplychain.techniques import card_of  # noqa: PLC0415 - see above

    card = card_of(hazard.technique)
    parts = (hazard.technique, facts.path, hazard.member, hazard.subject)
    return ScanFinding(
        hazard=hazard,
        severity=card.severity,
        fix=card.fix,
        fingerprint=hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32],
        clearance=None
        if card.severity is Severity.CRITICAL
        else next((each for each in clearances if _covers(each, facts, hazard, today)), None),
    )


def _covers(clearance: Clearance, facts: FileFacts, hazard: Hazard, today: date | None) -> bool:
    return (
        today is not None
        and today <= clearance.expires
        and bool(facts.digest)
        and clearance.digest == facts.digest
        and clearance.subject == hazard.subject
        and bool(hazard.subject)
    )

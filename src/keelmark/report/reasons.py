"""What weighs most in a run, and the exit code that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.facts import GapReason
from keelmark.core.location import Location
from keelmark.core.outcome import Confidence, Gate, Outcome, Severity, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from keelmark.core.assessment import Assessment
    from keelmark.core.catalogue import Catalogue
    from keelmark.core.decision import Standing
    from keelmark.core.finding import Card, Finding

__all__ = [
    "EXIT_COULD_NOT_RUN",
    "EXIT_DO_NOT_RELEASE",
    "EXIT_NOT_ENOUGH_EVIDENCE",
    "EXIT_RELEASE",
    "TOP",
    "Reason",
    "blocking_of",
    "exit_code",
    "in_order",
    "is_blocking",
    "open_failures",
    "reasons",
    "title_of",
    "weigh",
]

EXIT_RELEASE = 0
EXIT_DO_NOT_RELEASE = 1
EXIT_COULD_NOT_RUN = 2
EXIT_NOT_ENOUGH_EVIDENCE = 3

TOP = 3

_CONFIDENCE = {Confidence.HIGH: 0, Confidence.MEDIUM: 1, Confidence.LOW: 2}
_OUTCOMES = {Outcome.FAIL: 0, Outcome.UNKNOWN: 1, Outcome.PASS: 3, Outcome.NOT_APPLICABLE: 4}
_WAIVED = 2
_AREAS = ("SD", "DEV", "DEP", "OM")
_GATES = {Gate.BLOCK: 0, Gate.WARN: 1, Gate.INFO: 2}
# How the engine words an unknown that comes from a rule which broke, not from a project that hides something.
_CRASH_WORDS = ("the rule failed", "the rule gave no answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One of the reasons that weigh most.

    Attributes:
        id: What `keelmark explain` takes: slug of the rule, or id of the recommendation.
        what: What is so, in one sentence; foreign text may be inside.
        fix: What to do.
        location: The place to go to, if there is one.
        severity: Of a failure; None for an answer that is missing.
        is_blocking: Whether it keeps the release back.
        recommendation: The row of the catalogue it speaks to most, "" when there is none.
        others: How many more open failures the same rule has.
    """

    id: str
    what: str
    fix: str
    location: Location | None
    severity: Severity | None
    is_blocking: bool
    recommendation: str
    others: int = 0


def blocking_of(assessment: Assessment) -> frozenset[str]:
    """Keys of the findings that block; see `is_blocking`."""
    return frozenset(map(_key, assessment.decision.blocking))


def is_blocking(finding: Finding, blocking: frozenset[str]) -> bool:
    """Whether a finding is one of `blocking_of(assessment)`."""
    return finding.is_open_failure and _key(finding) in blocking


def open_failures(assessment: Assessment) -> tuple[Finding, ...]:
    """Failures that no waiver covers; only those not in the baseline when the run speaks of new ones alone."""
    found = tuple(finding for finding in assessment.findings if finding.is_open_failure)
    if not assessment.only_new or assessment.comparison is None:
        return found
    new = frozenset(assessment.comparison.new)
    return tuple(finding for finding in found if finding.fingerprint in new)


def in_order(findings: Iterable[Finding], blocking: frozenset[str]) -> tuple[Finding, ...]:
    """Findings, what weighs most first: open failures, unknown, waived, passed, not applicable.

    Within one outcome: blocking before the rest, then severity, then confidence, then rule and place, so that the
    order never depends on the order of the input.
    """
    return tuple(sorted(findings, key=lambda finding: _rank(finding, blocking)))


def weigh(assessment: Assessment, *, limit: int = TOP) -> tuple[Finding, ...]:
    """The open failures that weigh most. A rule or a line comes again only when nothing else is left."""
    ordered = in_order(open_failures(assessment), blocking_of(assessment))
    first: list[Finding] = []
    again: list[Finding] = []
    seen: set[object] = set()
    for finding in ordered:
        # Two rules about one line are one thing to mend.
        marks = {finding.rule, *((at.path, at.line) for at in finding.locations[:1] if at.line)}
        if seen.isdisjoint(marks):
            first.append(finding)
            seen |= marks
        else:
            again.append(finding)
    return tuple((first + again)[:limit])


def reasons(
    assessment: Assessment,
    *,
    catalogue: Catalogue,
    cards: Mapping[str, Card],
    limit: int = TOP,
) -> tuple[Reason, ...]:
    """The reasons that weigh most for the verdict.

    Without enough evidence these are the answers that are missing; else the failures, then the missing answers.
    A partial, interrupted or only-new run has no verdict, so there only failures count.
    """
    failures = [_of_failure(finding, assessment, cards) for finding in weigh(assessment, limit=limit)]
    if assessment.is_partial or assessment.only_new:
        return tuple(failures[:limit])
    missing = [_of_missing(standing, assessment, catalogue) for standing in _weigh_missing(assessment)]
    is_evidence_short = assessment.decision.verdict is Verdict.NOT_ENOUGH_EVIDENCE
    return tuple((missing + failures if is_evidence_short else failures + missing)[:limit])


def exit_code(assessment: Assessment) -> int:
    """0 release, 1 do not release, 2 stopped before the end, 3 not enough evidence.

    A partial or only-new run makes no release decision: 1 when something (new) fails, 3 when something could not be
    judged at all, else 0.
    """
    if assessment.is_interrupted:
        return EXIT_COULD_NOT_RUN
    if assessment.is_partial or assessment.only_new:
        if open_failures(assessment):
            return EXIT_DO_NOT_RELEASE
        return EXIT_NOT_ENOUGH_EVIDENCE if _is_blind(assessment) else EXIT_RELEASE
    match assessment.decision.verdict:
        case Verdict.RELEASE:
            return EXIT_RELEASE
        case Verdict.DO_NOT_RELEASE:
            return EXIT_DO_NOT_RELEASE
        case Verdict.NOT_ENOUGH_EVIDENCE:
            return EXIT_NOT_ENOUGH_EVIDENCE


def title_of(rule: str, cards: Mapping[str, Card]) -> str:
    """The title of a rule; its slug in words when its card is not at hand."""
    card = cards.get(rule)
    return card.title if card is not None else rule.replace("-", " ")


def _key(finding: Finding) -> str:
    # Fingerprints are unique in a run; before they are given, the words of the finding have to do.
    return finding.fingerprint or "\x1f".join((finding.rule, finding.message, *map(str, finding.locations)))


def _rank(finding: Finding, blocking: frozenset[str]) -> tuple[object, ...]:
    outcome = _OUTCOMES[finding.outcome] if finding.waiver is None else _WAIVED
    return (
        outcome,
        not is_blocking(finding, blocking),
        -finding.severity.weight,
        _CONFIDENCE[finding.confidence],
        not any(location.line for location in finding.locations),
        _order(finding),
        finding.rule,
        finding.locations,
        finding.subject,
        finding.message,
        finding.fingerprint,
    )


def _order(finding: Finding) -> tuple[int, str]:
    # Of equal weight, the order of the guidelines: a missing threat model before a missing notice.
    item = finding.recommendations[0].partition(".")[0] if finding.recommendations else ""
    area = item.partition("-")[0]
    return (_AREAS.index(area) if area in _AREAS else len(_AREAS), item)


def _weigh_missing(assessment: Assessment) -> Sequence[Standing]:
    # Block before warn; what a rule tried to answer before what nothing speaks of; one item after the other, so
    # that the three reasons do not all come from one corner. The sort is stable: else the catalogue's order holds.
    ordered = sorted(assessment.decision.missing, key=lambda row: (_GATES[row.gate], not row.rules))
    first: list[Standing] = []
    again: list[Standing] = []
    seen: set[str] = set()
    for standing in ordered:
        item = standing.recommendation.partition(".")[0]
        (again if item in seen else first).append(standing)
        seen.add(item)
    return first + again


def _of_failure(finding: Finding, assessment: Assessment, cards: Mapping[str, Card]) -> Reason:
    same = sum(1 for other in open_failures(assessment) if other.rule == finding.rule)
    return Reason(
        id=finding.rule,
        what=finding.message or title_of(finding.rule, cards),
        fix=finding.fix,
        location=finding.locations[0] if finding.locations else None,
        severity=finding.severity,
        is_blocking=is_blocking(finding, blocking_of(assessment)),
        recommendation=finding.recommendations[0] if finding.recommendations else "",
        others=same - 1,
    )


def _of_missing(standing: Standing, assessment: Assessment, catalogue: Catalogue) -> Reason:
    row = catalogue.by_id.get(standing.recommendation)
    unknown = next(
        (
            finding
            for finding in assessment.findings
            if finding.outcome is Outcome.UNKNOWN and standing.recommendation in finding.recommendations
        ),
        None,
    )
    text = f"{row.text}: " if row else ""
    return Reason(
        id=standing.recommendation,
        what=f"{text}{standing.reason or 'no answer'}",
        fix=(unknown.fix if unknown and unknown.fix else f"Needed: {row.check}." if row else ""),
        location=unknown.locations[0] if unknown and unknown.locations else None,
        severity=None,
        is_blocking=True,
        recommendation=standing.recommendation,
    )


def _is_blind(assessment: Assessment) -> bool:
    if any(gap.matters and gap.reason is GapReason.CRASHED for gap in assessment.gaps):
        return True
    unknown = [finding for finding in assessment.findings if finding.outcome is Outcome.UNKNOWN]
    if assessment.is_partial:
        return bool(unknown) or any(gap.matters for gap in assessment.gaps)
    return any(finding.message.startswith(_CRASH_WORDS) for finding in unknown)

"""Facts of a dossier about what was tested and what came of it: every rule, every finding, every recommendation, every gap.

Failures are included whatever became of them; unknown is told as unknown. Findings are numbered by weight, so that their
numbers tell no place.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from keelmark.core.outcome import Outcome
from keelmark.deployment.release.dossier_facts import fact, numbered_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from keelmark.core.assessment import Assessment
    from keelmark.core.dossier import Fact
    from keelmark.core.finding import Card, Finding

__all__ = ["assessment_facts", "result_of", "weighed"]

_ORDER = (Outcome.FAIL, Outcome.UNKNOWN, Outcome.PASS, Outcome.NOT_APPLICABLE)
WAIVED = "waived"


def assessment_facts(assessment: Assessment, cards: Mapping[str, Card]) -> tuple[Fact, ...]:
    """Everything that a run says, apart from what a release repeats of it."""
    findings = weighed(assessment.findings)
    return (
        *_coverage(assessment),
        *_inventory(assessment),
        *_tests(findings, cards),
        *_findings(findings),
        *_recommendations(assessment),
        *_gaps(assessment),
        *(
            fact(f"settings/{each.name}", value=each.value, origin=each.origin)
            for each in assessment.settings
        ),
        _folder(assessment),
    )


def weighed(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings, what weighs most first; the order of the input does not matter."""
    return tuple(sorted(findings, key=_weight))


def result_of(findings: Sequence[Finding]) -> str:
    """What a rule came to, the worst first: `fail`, `unknown`, `waived`, `pass` or `not-applicable`."""
    if any(each.is_open_failure for each in findings):
        return str(Outcome.FAIL)
    outcomes = {each.outcome for each in findings}
    if Outcome.UNKNOWN in outcomes:
        return str(Outcome.UNKNOWN)
    if Outcome.FAIL in outcomes:
        return WAIVED
    return str(Outcome.PASS if Outcome.PASS in outcomes else Outcome.NOT_APPLICABLE)


def _weight(finding: Finding) -> tuple[object, ...]:
    first = finding.locations[0] if finding.locations else None
    place = (first.path, first.line, first.column) if first else ("", 0, 0)
    is_waived = finding.waiver is not None
    return (
        _ORDER.index(finding.outcome),
        is_waived,
        -finding.severity.weight,
        finding.rule,
        place,
        finding.fingerprint,
        finding.message,
    )


def _coverage(assessment: Assessment) -> Iterable[Fact]:
    coverage = assessment.coverage
    yield fact(
        "coverage/assessed",
        files=coverage.files,
        read=coverage.read,
        bytes=coverage.bytes,
        rules=coverage.rules,
        milliseconds=round(assessment.duration_s * 1000),
    )
    reasons = Counter(str(gap.reason) for gap in assessment.gaps)
    matter = sum(gap.matters for gap in assessment.gaps)
    yield fact("coverage/not-looked-at", places=dict(sorted(reasons.items())), can_hide_a_blocker=matter)


def _folder(assessment: Assessment) -> Fact:
    # A file without a suffix is counted by its name, so that these counts are no matter of the public.
    opaque = [{"suffix": suffix, "files": files} for suffix, files in assessment.coverage.opaque]
    absent = assessment.inventory.absent
    return fact("provenance/folder", name=assessment.target, absent=absent, held_no_text=opaque)


def _inventory(assessment: Assessment) -> Iterable[Fact]:
    kinds = Counter(str(each.kind) for each in assessment.inventory.assets)
    yield fact("inventory/summary", kinds=dict(sorted(kinds.items())), looks_like=assessment.inventory.traits)
    yield from numbered_facts(
        "asset-details",
        (
            {
                "kind": each.kind,
                "name": each.name,
                "path": each.path,
                "line": each.line,
                "format": each.format,
                "size": each.size,
                "digest": each.digest,
                "present": each.is_present,
                "detail": dict(each.detail),
            }
            for each in assessment.inventory.assets
        ),
    )


def _tests(findings: Sequence[Finding], cards: Mapping[str, Card]) -> Iterable[Fact]:
    answers: dict[str, list[Finding]] = defaultdict(list)
    for each in findings:
        answers[each.rule].append(each)
    for rule, own in sorted(answers.items()):
        card = cards.get(rule)
        outcomes = Counter(WAIVED if each.waiver else str(each.outcome) for each in own)
        yield fact(
            f"tests/{rule}",
            title=card.title if card else "",
            severity=card.severity if card else own[0].severity,
            recommendations=card.recommendations if card else own[0].recommendations,
            result=result_of(own),
            outcomes=dict(sorted(outcomes.items())),
        )


def _findings(findings: Sequence[Finding]) -> Iterable[Fact]:
    for number, each in enumerate(findings, start=1):
        waiver = each.waiver
        yield fact(
            f"findings/{number:05}",
            rule=each.rule,
            outcome=each.outcome,
            severity=each.severity,
            confidence=each.confidence,
            recommendations=each.recommendations,
            settles=each.settles,
            waived_until=waiver.expires if waiver else None,
        )
        people = {"owner": waiver.owner, "reason": waiver.reason} if waiver else None
        yield fact(
            f"finding-words/{number:05}",
            message=each.message,
            fix=each.fix,
            subject=each.subject,
            waiver=people,
        )
        if each.locations or each.fingerprint:
            places = [
                {"path": at.path, "line": at.line, "column": at.column, "part": at.part}
                for at in each.locations
            ]
            yield fact(f"finding-places/{number:05}", fingerprint=each.fingerprint, places=places)
        if each.evidence:
            rows = [{"name": key, "value": value} for key, value in each.evidence]
            yield fact(f"finding-evidence/{number:05}", evidence=rows)


def _recommendations(assessment: Assessment) -> Iterable[Fact]:
    for each in assessment.decision.standings:
        yield fact(
            f"recommendations/{each.recommendation}",
            status=each.status,
            gate=each.gate,
            mandatory=each.is_mandatory,
        )
        yield fact(
            f"recommendation-reasons/{each.recommendation}",
            reason=each.reason,
            rules=each.rules,
        )


def _gaps(assessment: Assessment) -> Iterable[Fact]:
    ordered = sorted(assessment.gaps, key=lambda gap: (gap.path, gap.line, gap.reason, gap.detail))
    yield from numbered_facts(
        "gaps",
        (
            {
                "path": gap.path,
                "line": gap.line,
                "reason": gap.reason,
                "detail": gap.detail,
                "matters": gap.matters,
            }
            for gap in ordered
        ),
    )

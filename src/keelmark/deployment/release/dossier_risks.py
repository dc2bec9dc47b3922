"""What risk is left in a release, and what is done about it: one row for each kind, worst first.

1. A failure that nobody mended, waived or not; the gate let it through as a warning, or a person answers for it.
2. A rule that could not answer, and recommendations that nothing settled: what is not known is a risk.
3. A threat that applies and is open, not known, accepted or transferred.
4. What was not looked at.

The words are ours, from rules, catalogue and library, so that every level may read them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from keelmark.core.outcome import Outcome, Severity, Status
from keelmark.core.threats import ControlState, ThreatState
from keelmark.deployment.release.dossier_facts import numbered_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keelmark.core.assessment import Assessment
    from keelmark.core.dossier import Fact
    from keelmark.core.finding import Card, Finding
    from keelmark.core.threats import Analysis, ApplicableThreat

__all__ = ["risk_facts"]

_LEFT = (ThreatState.OPEN, ThreatState.UNKNOWN, ThreatState.ACCEPTED, ThreatState.TRANSFERRED)
_WORKS = (ControlState.PROVEN, ControlState.ATTESTED)
_KINDS = ("failure", "threat", "unknown", "not settled", "not looked at")
_Row = dict[str, object]


def risk_facts(assessment: Assessment, analysis: Analysis, cards: Mapping[str, Card]) -> tuple[Fact, ...]:
    """The residual risks, worst first."""
    rows = [
        *_of_findings(assessment.findings, cards),
        *(_of_threat(each) for each in analysis.threats if each.state in _LEFT),
        *_of_recommendations(assessment),
        *_of_gaps(assessment),
    ]
    rows.sort(key=_weight)
    return tuple(numbered_facts("residual-risks", rows))


def _weight(row: _Row) -> tuple[object, ...]:
    severity = Severity(str(row["severity"]))
    return (-severity.weight, _KINDS.index(str(row["kind"])), str(row["about"]), str(row["state"]))


def _of_findings(findings: Iterable[Finding], cards: Mapping[str, Card]) -> Iterable[_Row]:
    grouped: dict[tuple[str, str, str], list[Finding]] = defaultdict(list)
    for each in findings:
        if each.outcome is Outcome.FAIL:
            until = each.waiver.expires.isoformat() if each.waiver else ""
            grouped[("failure", each.rule, until)].append(each)
        elif each.outcome is Outcome.UNKNOWN:
            grouped[("unknown", each.rule, "")].append(each)
    for (kind, rule, until), own in grouped.items():
        card = cards.get(rule)
        yield {
            "kind": kind,
            "about": rule,
            "title": card.title if card else rule.replace("-", " "),
            "severity": max((each.severity for each in own), key=lambda severity: severity.weight),
            "state": _state(kind, until),
            "count": len(own),
            "mitigation": _answered_for(kind, until),
        }


def _state(kind: str, until: str) -> str:
    if kind == "unknown":
        return "unknown"
    return f"waived until {until}" if until else "open"


def _answered_for(kind: str, until: str) -> str:
    if kind == "unknown":
        return "the rule could not answer; nothing counts as passed"
    if until:
        return f"a named person answers for it until {until}"
    return "none recorded; it does not block this profile"


def _of_threat(applicable: ApplicableThreat) -> _Row:
    threat, disposition = applicable.threat, applicable.disposition
    parts = []
    if disposition is not None:
        until = f" until {disposition.expires.isoformat()}" if disposition.expires else ""
        parts.append(f"a named person decided to {disposition.treatment}{until}")
    for state in _WORKS:
        titles = [each.control.title for each in applicable.controls if each.state is state]
        if titles:
            parts.append(f"{state}: {', '.join(titles)}")
    if not any(each.state in _WORKS for each in applicable.controls):
        parts.append("no control is proven or attested")
    return {
        "kind": "threat",
        "about": threat.id,
        "title": threat.title,
        "severity": threat.severity,
        "state": applicable.state,
        "count": 1,
        "mitigation": "; ".join(parts),
    }


def _of_recommendations(assessment: Assessment) -> Iterable[_Row]:
    unknown = [each for each in assessment.decision.standings if each.status is Status.UNKNOWN]
    if unknown:
        yield {
            "kind": "not settled",
            "about": "recommendations",
            "title": f"Recommendations that nothing settled: {len(unknown)}",
            "severity": Severity.INFO,
            "state": "unknown",
            "count": 1,
            "mitigation": "none is mandatory for this release",
        }


def _of_gaps(assessment: Assessment) -> Iterable[_Row]:
    counted = Counter((str(gap.reason), gap.matters) for gap in assessment.gaps)
    for (reason, matters), places in sorted(counted.items()):
        yield {
            "kind": "not looked at",
            "about": reason,
            "title": f"Places that were not looked at: {reason}",
            "severity": Severity.MEDIUM if matters else Severity.INFO,
            "state": "unknown",
            "count": places,
            "mitigation": "what rests on them is unknown, never passed",
        }

"""Says of each control whether it works, as far as evidence goes.

1. A failure that no waiver covers, of one of its rules or of one of its recommendations, makes it failed.
2. It is proven when one of its recommendations passed, because a rule looked and what it looked at was there. A pass that rests
   on a declaration or a document alone proves nothing.
3. What a person attested is shown and mitigates nothing.
4. What is waived is shown as waived.
5. It does not apply when none of its recommendations does. Everything else is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.decision import Standing
from keelmark.core.finding import Finding
from keelmark.core.outcome import Outcome, Status
from keelmark.core.threats import AppliedControl, ControlState

if TYPE_CHECKING:
    from keelmark.core.assessment import Assessment
    from keelmark.core.threats import Control

__all__ = ["Evidence", "apply_control", "evidence_of"]

MAX_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What an assessment says, as controls ask for it.

    Attributes:
        standings: By recommendation.
        findings: By rule.
        looked: Rules of which a pass shows that something in the product was looked at.
    """

    standings: Mapping[str, Standing]
    findings: Mapping[str, Sequence[Finding]]
    looked: frozenset[str]


def evidence_of(assessment: Assessment, *, declarative: frozenset[str]) -> Evidence:
    """The evidence of an assessment; `declarative` names the rules that speak of declarations and documents alone."""
    findings: dict[str, list[Finding]] = {}
    for finding in assessment.findings:
        findings.setdefault(finding.rule, []).append(finding)
    return Evidence(
        standings={standing.recommendation: standing for standing in assessment.decision.standings},
        findings=findings,
        looked=frozenset(findings) - declarative,
    )


def apply_control(control: Control, evidence: Evidence) -> AppliedControl:
    """The control with what evidence says of it."""
    state, because = _judge(control, evidence)
    return AppliedControl(control=control, state=state, because=because)


def _judge(control: Control, evidence: Evidence) -> tuple[ControlState, str]:
    failed = [
        rule
        for rule in control.rules
        if any(found.is_open_failure for found in evidence.findings.get(rule, ()))
    ]
    if failed:
        return ControlState.FAILED, f"failed: {_some(failed)}"
    standings = [evidence.standings[name] for name in control.recommendations if name in evidence.standings]
    broken = [standing for standing in standings if standing.status is Status.FAIL]
    if broken:
        return ControlState.FAILED, f"{broken[0].recommendation}: {broken[0].reason}"
    waived = [
        rule for rule in control.rules if any(found.waiver for found in evidence.findings.get(rule, ()))
    ]
    if waived:
        return ControlState.WAIVED, f"waived: {_some(waived)}"
    for standing in standings:
        rules = _rules_that_passed(standing, evidence)
        # What was also attested is still proven where a rule looked and was content.
        if (
            standing.status in {Status.PASS, Status.ATTESTED}
            and rules
            and not _is_unsettled(standing, evidence)
        ):
            return ControlState.PROVEN, f"{standing.recommendation}: {standing.reason} ({_some(rules)})"
    return _unproven(standings)


def _unproven(standings: Sequence[Standing]) -> tuple[ControlState, str]:
    for status, state in (
        (Status.WAIVED, ControlState.WAIVED),
        (Status.ATTESTED, ControlState.ATTESTED),
    ):
        found = next((standing for standing in standings if standing.status is status), None)
        if found:
            return state, f"{found.recommendation}: {found.reason}"
    if standings and all(standing.status is Status.NOT_APPLICABLE for standing in standings):
        return ControlState.NOT_APPLICABLE, f"{standings[0].recommendation}: {standings[0].reason}"
    passed = next((standing for standing in standings if standing.status is Status.PASS), None)
    if passed:
        return (
            ControlState.UNKNOWN,
            f"{passed.recommendation} passed on what is declared or written; nothing shows that it works",
        )
    missing = next((standing for standing in standings if standing.status is Status.UNKNOWN), None)
    if missing:
        return ControlState.UNKNOWN, f"{missing.recommendation}: {missing.reason}"
    return ControlState.UNKNOWN, "nothing in the assessment speaks of it"


def _rules_that_passed(standing: Standing, evidence: Evidence) -> list[str]:
    return [
        rule
        for rule in standing.rules
        if rule in evidence.looked
        and any(
            found.outcome is Outcome.PASS and standing.recommendation in found.settles
            for found in evidence.findings.get(rule, ())
        )
    ]


def _is_unsettled(standing: Standing, evidence: Evidence) -> bool:
    return any(
        found.outcome is Outcome.UNKNOWN and standing.recommendation in found.recommendations
        for rule in standing.rules
        for found in evidence.findings.get(rule, ())
    )


def _some(rules: Sequence[str]) -> str:
    shown = ", ".join(rules[:MAX_NAMED])
    return f"{shown} and {len(rules) - MAX_NAMED} more" if len(rules) > MAX_NAMED else shown

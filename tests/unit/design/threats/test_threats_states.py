"""What evidence says of controls, and where a threat then stands."""

from __future__ import annotations

from datetime import date

import pytest

from keelmark.core.decision import Standing
from keelmark.core.declaration import Waiver
from keelmark.core.finding import Finding
from keelmark.core.outcome import Confidence, Gate, Outcome, Severity, Status
from keelmark.core.threat_model import Disposition, Treatment
from keelmark.core.threats import AppliedControl, Control, ControlState, ThreatPath, ThreatState
from keelmark.design.threats.controls import Evidence, apply_control
from keelmark.design.threats.states import current, judge

TODAY = date(2026, 11, 23)
CONTROL = Control(
    title="A person approves", recommendations=("X1.a",), rules=("tool-without-approval",), strength=0.9
)
FREE, GUESSED = ThreatPath(elements=(), links=()), ThreatPath(elements=(), links=(), assumes=("not known",))


def finding(outcome: Outcome, rule: str = "tool-without-approval", waiver: Waiver | None = None) -> Finding:
    return Finding(
        rule=rule, outcome=outcome, severity=Severity.HIGH, confidence=Confidence.HIGH, message="so",
        recommendations=("X1.a",), settles=("X1.a",), waiver=waiver,
    )  # fmt: skip


def evidence(status: Status, *findings: Finding, looked: bool = True) -> Evidence:
    standing = Standing(
        recommendation="X1.a", status=status, gate=Gate.WARN, is_mandatory=False, reason="for a reason",
        rules=tuple(sorted({each.rule for each in findings})),
    )  # fmt: skip
    by_rule: dict[str, list[Finding]] = {}
    for each in findings:
        by_rule.setdefault(each.rule, []).append(each)
    return Evidence(
        standings={"X1.a": standing}, findings=by_rule, looked=frozenset(by_rule) if looked else frozenset()
    )


def state(found: Evidence) -> ControlState:
    return apply_control(CONTROL, found).state


def test_open_failure_of_a_rule_makes_a_control_failed() -> None:
    assert state(evidence(Status.PASS, finding(Outcome.FAIL))) is ControlState.FAILED


def test_failed_recommendation_makes_a_control_failed() -> None:
    assert state(evidence(Status.FAIL, finding(Outcome.FAIL, "other-rule"))) is ControlState.FAILED


def test_pass_of_a_rule_that_looked_proves_a_control() -> None:
    assert state(evidence(Status.PASS, finding(Outcome.PASS))) is ControlState.PROVEN


def test_pass_that_rests_on_a_declaration_alone_proves_nothing() -> None:
    applied = apply_control(CONTROL, evidence(Status.PASS, finding(Outcome.PASS), looked=False))
    assert applied.state is ControlState.UNKNOWN
    assert "nothing shows that it works" in applied.because


def test_attestation_is_shown_as_such() -> None:
    assert state(evidence(Status.ATTESTED)) is ControlState.ATTESTED


def test_what_is_attested_and_was_also_seen_is_proven() -> None:
    assert state(evidence(Status.ATTESTED, finding(Outcome.PASS))) is ControlState.PROVEN
    unsettled = evidence(Status.ATTESTED, finding(Outcome.PASS), finding(Outcome.UNKNOWN, "other-rule"))
    assert state(unsettled) is ControlState.ATTESTED


def test_waived_failure_is_shown_as_waived() -> None:
    waiver = Waiver(rule="tool-without-approval", reason="r", owner="o", expires=date(2027, 1, 1))
    assert state(evidence(Status.WAIVED, finding(Outcome.FAIL, waiver=waiver))) is ControlState.WAIVED


@pytest.mark.parametrize(
    ("status", "expected"),
    [(Status.NOT_APPLICABLE, ControlState.NOT_APPLICABLE), (Status.UNKNOWN, ControlState.UNKNOWN)],
)
def test_other_standings_are_handed_on(status: Status, expected: ControlState) -> None:
    assert state(evidence(status)) is expected


def test_control_that_nothing_speaks_of_is_unknown() -> None:
    assert state(Evidence(standings={}, findings={}, looked=frozenset())) is ControlState.UNKNOWN


def applied(state: ControlState, strength: float = 0.9) -> AppliedControl:
    return AppliedControl(
        control=Control(title="C", recommendations=("X",), strength=strength), state=state, because="b"
    )


S, C = ThreatState, ControlState


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((), S.UNKNOWN),
        ((C.PROVEN,), S.MITIGATED),
        ((C.PROVEN, C.FAILED), S.OPEN),
        ((C.PROVEN, C.UNKNOWN), S.UNKNOWN),
        ((C.PROVEN, C.ATTESTED, C.WAIVED, C.NOT_APPLICABLE), S.MITIGATED),
        ((C.ATTESTED,), S.UNKNOWN),
        ((C.WAIVED,), S.UNKNOWN),
        ((C.NOT_APPLICABLE,), S.UNKNOWN),
        ((C.FAILED, C.ATTESTED), S.OPEN),
    ],
)
def test_state_follows_from_controls(states: tuple[ControlState, ...], expected: ThreatState) -> None:
    assert judge(tuple(map(applied, states)), (FREE,), None, TODAY)[0] is expected


def test_weak_proof_alone_does_not_mitigate() -> None:
    found, because = judge((applied(C.PROVEN, 0.3), applied(C.ATTESTED)), (FREE,), None, TODAY)
    assert found is S.UNKNOWN
    assert "not enough alone" in because


def decided(treatment: Treatment, expires: date | None = date(2027, 1, 1)) -> Disposition:
    return Disposition(
        threat="t", treatment=treatment, reason="r", owner="Head", expires=expires, to="insurer"
    )


@pytest.mark.parametrize(
    ("treatment", "expected"),
    [
        (Treatment.ACCEPT, S.ACCEPTED),
        (Treatment.TRANSFER, S.TRANSFERRED),
        (Treatment.AVOID, S.OPEN),
        (Treatment.MITIGATE, S.OPEN),
    ],
)
def test_disposition_decides_but_for_what_evidence_contradicts(
    treatment: Treatment, expected: ThreatState
) -> None:
    assert judge((applied(C.FAILED),), (FREE,), decided(treatment), TODAY)[0] is expected


def test_avoided_stands_while_every_path_rests_on_what_is_not_known() -> None:
    assert judge((applied(C.FAILED),), (GUESSED,), decided(Treatment.AVOID), TODAY)[0] is S.AVOIDED


@pytest.mark.parametrize("expires", [TODAY, date(2026, 1, 1), None])
def test_acceptance_that_expired_or_never_does_no_longer_counts(expires: date | None) -> None:
    accepted = decided(Treatment.ACCEPT, expires)
    assert current(accepted, TODAY) is None
    found, because = judge((applied(C.FAILED),), (FREE,), accepted, TODAY)
    assert found is S.OPEN
    assert "expire" in because

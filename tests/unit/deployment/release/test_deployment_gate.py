"""Each numbered rule of the gate, by example; the laws stand in tests/property."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from keelmark.core.declaration import Attestation, Declaration, NotApplicable, Profile, Waiver
from keelmark.core.finding import Finding
from keelmark.core.location import Location
from keelmark.core.outcome import Confidence, Gate, Outcome, Severity, Status, Verdict
from keelmark.deployment.release.gate import Policy, blocks, decide
from keelmark.guidelines import load

CATALOGUE = load()
TODAY = date(2026, 1, 31)
POLICY = Policy(catalogue=CATALOGUE, today=TODAY)
BLOCK = next(row.id for row in CATALOGUE.recommendations if row.gate is Gate.BLOCK)
WARN = next(row.id for row in CATALOGUE.recommendations if row.gate is Gate.WARN)
INFO = next(row.id for row in CATALOGUE.recommendations if row.gate is Gate.INFO)
WAIVER = Waiver(rule="r", reason="x", owner="Head", expires=date(2026, 6, 30))
STATED = Attestation(
    recommendation=BLOCK, statement="so", by="CISO", on=date(2026, 1, 1), expires=date(2026, 6, 1)
)
EXCUSED = NotApplicable(recommendation=BLOCK, reason="none here", owner="Head", review=date(2026, 6, 1))


def make(outcome: Outcome, *ids: str, **changes: object) -> Finding:
    values: dict[str, object] = {
        "rule": "r",
        "outcome": outcome,
        "severity": Severity.MEDIUM,
        "confidence": Confidence.HIGH,
        "message": "m",
        "recommendations": ids,
        "settles": ids,
    }
    return Finding(**{**values, **changes})  # type: ignore[arg-type]


def status(row: str, *findings: Finding, policy: Policy = POLICY) -> Status:
    return next(s.status for s in decide(findings, policy).standings if s.recommendation == row)


@pytest.mark.parametrize("severity", list(Severity))
@pytest.mark.parametrize("confidence", list(Confidence))
@pytest.mark.parametrize("row", [BLOCK, WARN, INFO])
def test_rule_1_what_blocks(row: str, severity: Severity, confidence: Confidence) -> None:
    finding = make(Outcome.FAIL, row, severity=severity, confidence=confidence)
    is_weighty = severity in {Severity.MEDIUM, Severity.HIGH} and confidence is not Confidence.LOW
    want = severity is Severity.CRITICAL or (row == BLOCK and is_weighty)
    assert blocks(finding, POLICY) is want
    assert (decide([finding], POLICY).verdict is Verdict.DO_NOT_RELEASE) is want


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.UNKNOWN, Outcome.NOT_APPLICABLE])
def test_rule_1_only_failures_block(outcome: Outcome) -> None:
    assert not blocks(make(outcome, BLOCK, severity=Severity.CRITICAL), POLICY)


def test_rule_1_first_recommendation_decides() -> None:
    assert blocks(make(Outcome.FAIL, BLOCK, WARN), POLICY)
    assert not blocks(make(Outcome.FAIL, WARN, BLOCK), POLICY)


def test_rule_1_waived_failure_does_not_block() -> None:
    assert not blocks(make(Outcome.FAIL, BLOCK, severity=Severity.CRITICAL, waiver=WAIVER), POLICY)


def test_rule_2_order_of_standings() -> None:
    failed, passed = make(Outcome.FAIL, BLOCK), make(Outcome.PASS, BLOCK)
    waived, unknown = replace(failed, waiver=WAIVER), make(Outcome.UNKNOWN, BLOCK)
    none = make(Outcome.NOT_APPLICABLE, BLOCK)
    assert status(BLOCK, passed, unknown, waived, failed) is Status.FAIL
    assert status(BLOCK, passed, unknown, waived) is Status.WAIVED
    assert status(BLOCK, passed, unknown) is Status.UNKNOWN
    assert status(BLOCK, passed, none) is Status.PASS
    assert status(BLOCK, none) is Status.NOT_APPLICABLE
    assert status(BLOCK) is Status.UNKNOWN


def test_rule_2_pass_that_only_informs_settles_nothing() -> None:
    informing = make(Outcome.PASS, BLOCK, settles=())
    settling = make(Outcome.NOT_APPLICABLE, BLOCK)
    assert status(BLOCK, informing) is Status.UNKNOWN
    assert status(BLOCK, informing, settling) is Status.NOT_APPLICABLE


def test_rule_3_unknown_keeps_back_what_is_mandatory_alone() -> None:
    rest = [make(Outcome.PASS, row) for row in CATALOGUE.by_id if row not in {BLOCK, WARN}]
    warned = decide([*rest, make(Outcome.PASS, BLOCK), make(Outcome.UNKNOWN, WARN)], POLICY)
    assert warned.verdict is Verdict.RELEASE
    held = decide([*rest, make(Outcome.UNKNOWN, BLOCK), make(Outcome.PASS, WARN)], POLICY)
    assert held.verdict is Verdict.NOT_ENOUGH_EVIDENCE
    assert [row.recommendation for row in held.missing] == [BLOCK]


@pytest.mark.parametrize(
    ("day", "want"),
    [
        (STATED.on - timedelta(days=1), Status.UNKNOWN),
        (STATED.on, Status.ATTESTED),
        (STATED.expires - timedelta(days=1), Status.ATTESTED),
        (STATED.expires, Status.UNKNOWN),
    ],
)
def test_rule_4_attestation_counts_from_its_day_to_its_end(day: date, want: Status) -> None:
    policy = replace(POLICY, today=day, declaration=Declaration(version=1, attestations=(STATED,)))
    assert status(BLOCK, policy=policy) is want
    assert status(BLOCK, make(Outcome.UNKNOWN, BLOCK), policy=policy) is want
    assert status(BLOCK, make(Outcome.FAIL, BLOCK), policy=policy) is Status.FAIL


def test_rule_4_attestation_shows_as_attested_with_its_owner() -> None:
    policy = replace(POLICY, declaration=Declaration(version=1, attestations=(STATED,)))
    (row,) = [row for row in decide([], policy).standings if row.recommendation == BLOCK]
    assert row.reason == "attested by CISO until 2026-06-01: so"


def test_rule_5_what_does_not_apply() -> None:
    declared = replace(POLICY, declaration=Declaration(version=1, not_applicable=(EXCUSED,)))
    assert status(BLOCK, policy=declared) is Status.NOT_APPLICABLE
    assert status(BLOCK, policy=replace(declared, today=EXCUSED.review)) is Status.UNKNOWN
    assert status(BLOCK, make(Outcome.FAIL, BLOCK), policy=declared) is Status.FAIL
    seen = replace(POLICY, inapplicable={BLOCK: "no model was found"})
    assert status(BLOCK, policy=seen) is Status.NOT_APPLICABLE
    assert status(BLOCK, make(Outcome.UNKNOWN, BLOCK), policy=seen) is Status.UNKNOWN
    assert status(BLOCK, make(Outcome.FAIL, BLOCK), policy=seen) is Status.FAIL


@pytest.mark.parametrize("is_settled", [True, False])
def test_rule_5_absence_holds_only_when_everything_was_looked_at(is_settled: bool) -> None:
    findings = [make(Outcome.NOT_APPLICABLE, BLOCK)] if is_settled else []
    seen = replace(POLICY, inapplicable={BLOCK: "m"})
    hidden = replace(seen, unseen="a.go is not analysed", apart="b, excluded by x until 2026-06-01")
    assert status(BLOCK, *findings, policy=seen) is Status.NOT_APPLICABLE
    assert status(BLOCK, *findings, policy=hidden) is Status.UNKNOWN
    (row,) = [row for row in decide(findings, hidden).standings if row.recommendation == BLOCK]
    assert row.reason == "m, but a.go is not analysed"


def test_rule_5_what_somebody_answers_for_is_named_and_changes_nothing() -> None:
    policy = replace(POLICY, inapplicable={BLOCK: "m"}, apart="b, excluded by x until 2026-06-01")
    (row,) = [row for row in decide([], policy).standings if row.recommendation == BLOCK]
    assert row.status is Status.NOT_APPLICABLE
    assert row.reason == "m (looked at everything apart from b, excluded by x until 2026-06-01)"


def test_rule_5_nothing_unread_hides_what_the_declaration_says() -> None:
    policy = replace(POLICY, unseen="a.go is not analysed", declarative=frozenset({"r"}))
    absent = make(Outcome.NOT_APPLICABLE, BLOCK)
    assert status(BLOCK, absent, policy=policy) is Status.NOT_APPLICABLE
    assert status(BLOCK, absent, replace(absent, rule="other"), policy=policy) is Status.UNKNOWN


@pytest.mark.parametrize(
    "stricter", [{"profile": Profile.STRICT}, {"is_critical": True}], ids=["strict", "critical"]
)
def test_rule_6_warnings_block(stricter: dict[str, object]) -> None:
    policy = replace(POLICY, **stricter)  # type: ignore[arg-type]
    assert not blocks(make(Outcome.FAIL, WARN), POLICY)
    assert blocks(make(Outcome.FAIL, WARN), policy)
    assert not blocks(make(Outcome.FAIL, INFO), policy)
    (row,) = [row for row in decide([], policy).standings if row.recommendation == WARN]
    assert row.gate is Gate.BLOCK
    assert row.is_mandatory


def test_rule_7_nothing_at_all_is_not_enough() -> None:
    policy = replace(POLICY, inapplicable=dict.fromkeys(CATALOGUE.by_id, "nothing here"))
    assert decide([], policy).verdict is Verdict.NOT_ENOUGH_EVIDENCE


def test_blocking_failures_come_heaviest_first() -> None:
    def at(name: str, **changes: object) -> Finding:
        return make(Outcome.FAIL, BLOCK, locations=(Location(path=name),), **changes)

    found = [
        at("d", severity=Severity.MEDIUM),
        at("c", severity=Severity.HIGH, confidence=Confidence.MEDIUM),
        at("b", severity=Severity.HIGH),
        at("a", severity=Severity.HIGH),
        at("e", severity=Severity.CRITICAL),
    ]
    assert [f.locations[0].path for f in decide(found, POLICY).blocking] == ["e", "a", "b", "c", "d"]


def test_standing_names_the_rules_that_answered() -> None:
    found = [make(Outcome.PASS, BLOCK, rule=name) for name in ("b", "a", "b")]
    (row,) = [row for row in decide(found, POLICY).standings if row.recommendation == BLOCK]
    assert row.rules == ("a", "b")


def test_every_row_of_the_catalogue_stands_somewhere_in_its_order() -> None:
    assert [row.recommendation for row in decide([], POLICY).standings] == list(CATALOGUE.by_id)

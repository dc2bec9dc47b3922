"""Laws of the gate, whatever the findings are."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.core.declaration import Attestation, Declaration, NotApplicable, Profile, Waiver
from keelmark.core.finding import Finding
from keelmark.core.location import Location
from keelmark.core.outcome import Confidence, Gate, Outcome, Severity, Status, Verdict
from keelmark.deployment.release.gate import Policy, blocks, decide
from keelmark.guidelines import load

CATALOGUE = load()
TODAY = date(2026, 11, 23)
IDS = sorted(CATALOGUE.by_id)
ORDER = {Verdict.DO_NOT_RELEASE: 0, Verdict.NOT_ENOUGH_EVIDENCE: 1, Verdict.RELEASE: 2}
WAIVER = Waiver(rule="r", reason="accepted", owner="Head of Platform", expires=date(2027, 1, 1))


@st.composite
def findings(draw: st.DrawFn, outcomes: tuple[Outcome, ...] = tuple(Outcome)) -> Finding:
    ids = tuple(draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=4, unique=True)))
    outcome = draw(st.sampled_from(outcomes))
    settled = tuple(row for row in ids if draw(st.booleans()))
    return Finding(
        rule=draw(st.sampled_from(["a", "b", "c"])),
        outcome=outcome,
        severity=draw(st.sampled_from(list(Severity))),
        confidence=draw(st.sampled_from(list(Confidence))),
        message="m",
        recommendations=ids,
        settles=settled,
        locations=(Location(path="f.py", line=1),),
        waiver=WAIVER if outcome is Outcome.FAIL and draw(st.booleans()) else None,
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    attested = draw(st.lists(st.sampled_from(IDS), max_size=60, unique=True))
    excused = draw(st.lists(st.sampled_from(IDS), max_size=60, unique=True))
    declaration = Declaration(
        version=1,
        attestations=tuple(
            Attestation(
                recommendation=row, statement="s", by="b", on=date(2026, 11, 1), expires=date(2027, 11, 1)
            )
            for row in attested
        ),
        not_applicable=tuple(
            NotApplicable(recommendation=row, reason="r", owner="o", review=date(2027, 1, 1))
            for row in excused
        ),
    )
    return Policy(
        catalogue=CATALOGUE,
        today=TODAY,
        profile=draw(st.sampled_from(list(Profile))),
        is_critical=draw(st.sampled_from([None, False, True])),
        declaration=declaration,
        inapplicable=dict.fromkeys(
            draw(st.lists(st.sampled_from(IDS), max_size=40, unique=True)), "not here"
        ),
    )


many = st.lists(findings(), max_size=30)


@given(many, findings((Outcome.FAIL,)), policies())
@settings(max_examples=150, deadline=None)
def test_adding_a_failure_never_improves_the_verdict(
    before: list[Finding], new: Finding, policy: Policy
) -> None:
    failing = replace(new, waiver=None)
    if before:  # No findings at all is its own answer; see below.
        assert ORDER[decide([*before, failing], policy).verdict] <= ORDER[decide(before, policy).verdict]


@given(many, findings(), policies())
@settings(max_examples=150, deadline=None)
def test_adding_a_finding_never_lifts_do_not_release(
    before: list[Finding], new: Finding, policy: Policy
) -> None:
    if decide(before, policy).verdict is Verdict.DO_NOT_RELEASE:
        assert decide([*before, new], policy).verdict is Verdict.DO_NOT_RELEASE


@given(many, findings((Outcome.UNKNOWN,)), policies())
@settings(max_examples=150, deadline=None)
def test_adding_an_unknown_never_improves_the_verdict(
    before: list[Finding], new: Finding, policy: Policy
) -> None:
    if before:
        assert ORDER[decide([*before, new], policy).verdict] <= ORDER[decide(before, policy).verdict]


@given(many, policies())
@settings(max_examples=150, deadline=None)
def test_stricter_never_releases_more(before: list[Finding], policy: Policy) -> None:
    loose = decide(before, replace(policy, profile=Profile.DEFAULT, is_critical=False))
    for stricter in (
        replace(policy, profile=Profile.STRICT, is_critical=False),
        replace(policy, profile=Profile.DEFAULT, is_critical=True),
    ):
        assert ORDER[decide(before, stricter).verdict] <= ORDER[loose.verdict]


@given(many, policies(), st.randoms())
@settings(max_examples=60, deadline=None)
def test_order_of_findings_does_not_matter(before: list[Finding], policy: Policy, random: object) -> None:
    shuffled = list(before)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = decide(before, policy), decide(shuffled, policy)
    assert first.verdict is second.verdict
    assert [row.status for row in first.standings] == [row.status for row in second.standings]


@given(many, policies())
@settings(max_examples=150, deadline=None)
def test_release_means_nothing_blocks_and_nothing_mandatory_is_unknown(
    before: list[Finding], policy: Policy
) -> None:
    decision = decide(before, policy)
    if decision.verdict is Verdict.RELEASE:
        assert before
        assert not decision.blocking
        assert not any(row.status is Status.UNKNOWN and row.gate is Gate.BLOCK for row in decision.standings)
    assert len(decision.standings) == len(CATALOGUE.by_id)


@given(many, policies())
@settings(max_examples=100, deadline=None)
def test_what_was_not_looked_at_never_improves_the_verdict(before: list[Finding], policy: Policy) -> None:
    seen = decide(before, policy)
    blind = decide(before, replace(policy, unseen="a.py could not be looked at"))
    assert ORDER[blind.verdict] <= ORDER[seen.verdict]
    for clear, dark in zip(seen.standings, blind.standings, strict=True):
        assert dark.status in {clear.status, Status.UNKNOWN}


def make(outcome: Outcome, *ids: str, **changes: object) -> Finding:
    values = {
        "rule": "r",
        "outcome": outcome,
        "severity": Severity.HIGH,
        "confidence": Confidence.HIGH,
        "message": "m",
        "recommendations": ids,
        "settles": ids,
    }
    return Finding(**{**values, **changes})  # type: ignore[arg-type]


POLICY = Policy(catalogue=CATALOGUE, today=TODAY)


def test_no_findings_is_not_enough_evidence() -> None:
    everything = replace(POLICY, inapplicable=dict.fromkeys(IDS, "nothing applies"))
    assert decide([], everything).verdict is Verdict.NOT_ENOUGH_EVIDENCE


def test_all_settled_releases() -> None:
    passes = [make(Outcome.PASS, row) for row in IDS]
    assert decide(passes, POLICY).verdict is Verdict.RELEASE


def test_unknown_blocks_release() -> None:
    answers = [make(Outcome.PASS, row) for row in IDS if row != "SD-2.a"]
    decision = decide([*answers, make(Outcome.UNKNOWN, "SD-2.a")], POLICY)
    assert decision.verdict is Verdict.NOT_ENOUGH_EVIDENCE
    assert [row.recommendation for row in decision.missing] == ["SD-2.a"]


def test_pass_that_does_not_settle_leaves_unknown() -> None:
    decision = decide([make(Outcome.PASS, "SD-2.a", settles=())], POLICY)
    standing = next(row for row in decision.standings if row.recommendation == "SD-2.a")
    assert standing.status is Status.UNKNOWN


def test_attestation_covers_unknown_and_never_failure() -> None:
    statement = Attestation(
        recommendation="SD-2.a", statement="s", by="b", on=date(2026, 11, 1), expires=date(2027, 1, 1)
    )
    policy = replace(POLICY, declaration=Declaration(version=1, attestations=(statement,)))
    by_status = {}
    for outcome in (Outcome.UNKNOWN, Outcome.FAIL):
        decision = decide([make(outcome, "SD-2.a")], policy)
        by_status[outcome] = next(r.status for r in decision.standings if r.recommendation == "SD-2.a")
    assert by_status == {Outcome.UNKNOWN: Status.ATTESTED, Outcome.FAIL: Status.FAIL}


def test_expired_attestation_no_longer_counts() -> None:
    statement = Attestation(
        recommendation="SD-2.a", statement="s", by="b", on=date(2026, 1, 1), expires=TODAY
    )
    policy = replace(POLICY, declaration=Declaration(version=1, attestations=(statement,)))
    decision = decide([make(Outcome.UNKNOWN, "SD-2.a")], policy)
    assert next(r.status for r in decision.standings if r.recommendation == "SD-2.a") is Status.UNKNOWN


def test_critical_failure_blocks_whatever_its_gate() -> None:
    assert blocks(make(Outcome.FAIL, "SD-4.f", severity=Severity.CRITICAL), POLICY)


def test_low_severity_and_low_confidence_do_not_block() -> None:
    assert not blocks(make(Outcome.FAIL, "SD-2.a", severity=Severity.LOW), POLICY)
    assert not blocks(make(Outcome.FAIL, "SD-2.a", confidence=Confidence.LOW), POLICY)


def test_critical_system_makes_warnings_block() -> None:
    finding = make(Outcome.FAIL, "SD-2.f", severity=Severity.MEDIUM)
    assert not blocks(finding, POLICY)
    assert blocks(finding, replace(POLICY, is_critical=True))

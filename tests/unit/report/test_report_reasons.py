"""What weighs most, and the exit code that follows."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from keelmark.core.assessment import Comparison
from keelmark.core.facts import Gap, GapReason
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Outcome, Severity, Verdict
from keelmark.report.reasons import blocking_of, exit_code, in_order, open_failures, reasons, title_of, weigh


def clean(make, **changes):
    """A run in which nothing fails and nothing is unknown."""
    kept = tuple(f for f in make().findings if not f.is_open_failure and f.outcome is not Outcome.UNKNOWN)
    return make(verdict=Verdict.RELEASE, findings=kept, gaps=(), **changes)


@pytest.mark.parametrize(
    ("verdict", "code"),
    [(Verdict.RELEASE, 0), (Verdict.DO_NOT_RELEASE, 1), (Verdict.NOT_ENOUGH_EVIDENCE, 3)],
)
def test_the_exit_code_says_the_verdict(make, verdict, code):
    assert exit_code(make(verdict=verdict)) == code


@pytest.mark.parametrize("verdict", list(Verdict))
def test_an_interrupted_run_could_not_run(make, verdict):
    assert exit_code(make(verdict=verdict, is_interrupted=True, is_partial=True)) == 2


def test_a_partial_run_in_which_nothing_is_wrong_is_zero(make):
    assert exit_code(clean(make, is_partial=True)) == 0


def test_a_partial_run_with_a_failure_is_one(make):
    assert exit_code(make(is_partial=True)) == 1


def test_a_waived_failure_does_not_fail_a_partial_run(make):
    waived = tuple(f for f in make().findings if f.waiver)
    assert waived
    assert exit_code(clean(make, is_partial=True)) == 0


@pytest.mark.parametrize("reason", [GapReason.CRASHED, GapReason.UNREADABLE, GapReason.TOO_LARGE])
def test_a_partial_run_that_could_not_read_a_file_is_three(make, reason):
    run = replace(clean(make, is_partial=True), gaps=(Gap(path="a.pkl", reason=reason),))
    assert exit_code(run) == 3
    harmless = replace(run, gaps=(Gap(path="a.png", reason=reason, matters=False),))
    assert exit_code(harmless) == 0


def test_a_partial_run_with_an_unknown_answer_is_three(make):
    unknown = tuple(f for f in make().findings if f.outcome is Outcome.UNKNOWN)
    assert exit_code(replace(clean(make, is_partial=True), findings=unknown)) == 3


def test_only_new_failures_count_when_asked(make, make_compared):
    assert exit_code(make_compared()) == 1
    known = make(only_new=True, gaps=())
    everything = Comparison(source="b", known=tuple(f.fingerprint for f in known.findings))
    assert exit_code(replace(known, comparison=everything)) == 0


def test_only_new_without_a_baseline_counts_every_failure(make):
    assert exit_code(make(only_new=True)) == 1


def test_only_new_with_a_crashed_rule_is_three(make, cards):
    crash = Card(id="x", title="x", severity=Severity.LOW, recommendations=("SD-1.a",)).unknown(
        "the rule failed (ValueError: x); its answer is unknown"
    )
    run = clean(make, only_new=True, comparison=Comparison(source="b"))
    assert exit_code(run) == 0
    assert exit_code(replace(run, findings=(*run.findings, crash))) == 3


def test_a_rule_comes_again_only_when_no_other_is_left(make):
    top = weigh(make(repeat=5))
    assert [f.rule for f in top] == ["pickle-dangerous-import", "tool-without-approval", "secret-in-code"]
    one_rule = tuple(f for f in make(repeat=5).findings if f.rule == "unpinned-model")
    assert len(weigh(make(findings=one_rule))) == 3


def test_a_line_comes_again_only_when_no_other_is_left(make):
    found = next(finding for finding in make().findings if finding.is_open_failure)
    places = (("rule-a", "a.py"), ("rule-b", "a.py"), ("rule-c", "b.py"))
    findings = tuple(
        replace(found, rule=rule, locations=(Location(path=path, line=7),), fingerprint=rule)
        for rule, path in places
    )
    assert [finding.rule for finding in weigh(make(findings=findings))] == ["rule-a", "rule-c", "rule-b"]


def test_blocking_comes_before_heavier_failures_that_do_not_block(make):
    run = make()
    medium = next(f for f in run.findings if f.rule == "unpinned-model")
    blocking = replace(run, decision=replace(run.decision, blocking=(medium,)))
    assert weigh(blocking)[0] == medium


def test_the_order_never_depends_on_the_order_of_the_input(make):
    run = make()
    blocking = blocking_of(run)
    few = run.findings[:5]
    orders = {in_order(each, blocking) for each in permutations(few)}
    assert len(orders) == 1


def test_missing_answers_are_the_reasons_without_enough_evidence(make, catalogue, cards):
    top = reasons(make(verdict=Verdict.NOT_ENOUGH_EVIDENCE), catalogue=catalogue, cards=cards)
    assert [r.severity for r in top] == [None, None, None]
    assert len({r.id.partition(".")[0] for r in top}) == 3
    assert all(r.fix for r in top)


def test_failures_are_the_reasons_against_a_release(make, catalogue, cards):
    top = reasons(make(), catalogue=catalogue, cards=cards)
    assert all(r.is_blocking and r.severity for r in top)
    assert top[0].others == 1


def test_missing_answers_fill_up_when_failures_are_few(make, catalogue, cards):
    run = make()
    few = tuple(f for f in run.findings if f.rule == "secret-in-code")
    top = reasons(replace(run, findings=few), catalogue=catalogue, cards=cards)
    assert [r.id for r in top][:1] == ["secret-in-code"]
    assert top[1].severity is None


def test_a_partial_run_names_no_missing_answer(make, catalogue, cards):
    run = replace(make(is_partial=True), findings=())
    assert reasons(run, catalogue=catalogue, cards=cards) == ()


def test_a_rule_without_a_card_is_named_by_its_slug():
    assert title_of("tool-without-approval", {}) == "tool without approval"


def test_waived_failures_are_not_open(make):
    assert all(f.waiver is None for f in open_failures(make()))

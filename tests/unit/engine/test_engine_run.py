from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import pytest

from keelmark.core.finding import Card, Finding
from keelmark.core.location import Location
from keelmark.core.outcome import Outcome, Severity
from keelmark.core.project import Project
from keelmark.engine.run import MAX_FINDINGS_PER_RULE, answer, run_rules

PROJECT = Project(name="p", today=date(2026, 1, 31))
CARD = Card(
    id="some-defect",
    title="Something is wrong",
    severity=Severity.HIGH,
    recommendations=("SD-2.a", "SD-2.b"),
    settles=("SD-2.a",),
)
OTHER = Card(
    id="other", title="Other", severity=Severity.LOW, recommendations=("DEV-1.c",), settles=("DEV-1.c",)
)


class Stub:
    """A rule that does what the test says."""

    def __init__(self, act, card: Card = CARD) -> None:
        self.CARD = card
        self.act = act

    def check(self, project: Project) -> Iterable[Finding]:
        return self.act(project)


def failure(subject: str = "", *, line: int = 0, anchor: str = "") -> Finding:
    return CARD.failed("m", at=Location(path="a.py", line=line, anchor=anchor), fix="f", subject=subject)


@pytest.mark.parametrize(
    "error",
    [
        ZeroDivisionError("x"),
        RecursionError(),
        MemoryError(),
        AssertionError(),
        KeyError("k"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_crashed_rule_is_unknown_and_the_others_go_on(error: Exception) -> None:
    def crash(_: Project) -> Iterable[Finding]:
        raise error

    found = run_rules([Stub(crash), Stub(lambda _: [OTHER.passed("fine")], OTHER)], PROJECT)
    assert [finding.outcome for finding in found] == [Outcome.UNKNOWN, Outcome.PASS]
    assert "the rule failed" in found[0].message
    assert type(error).__name__ in found[0].message
    assert found[0].severity is Severity.HIGH


def test_what_was_found_before_a_crash_stays() -> None:
    def half(_: Project) -> Iterable[Finding]:
        yield failure()
        raise ValueError

    assert [finding.outcome for finding in answer(Stub(half), PROJECT)] == [Outcome.FAIL, Outcome.UNKNOWN]


@pytest.mark.parametrize("nothing", [list, tuple, lambda: iter(())])
def test_silent_rule_is_unknown(nothing) -> None:
    (finding,) = answer(Stub(lambda _: nothing()), PROJECT)
    assert finding.outcome is Outcome.UNKNOWN
    assert "no answer" in finding.message


@pytest.mark.parametrize("nonsense", [None, 3, [None], ["text"], [object()]])
def test_answer_that_is_none_is_unknown(nonsense: object) -> None:
    assert [f.outcome for f in answer(Stub(lambda _: nonsense), PROJECT)] == [Outcome.UNKNOWN]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_interruption_is_not_swallowed(error: type[BaseException]) -> None:
    def stop(_: Project) -> Iterable[Finding]:
        raise error

    with pytest.raises(error):
        run_rules([Stub(stop)], PROJECT)


def test_rule_answers_in_its_own_name_only() -> None:
    (finding,) = answer(Stub(lambda _: [OTHER.passed("m")]), PROJECT)
    assert finding.rule == CARD.id
    assert finding.recommendations == CARD.recommendations
    assert finding.settles == CARD.settles


def test_flood_ends_with_unknown_and_exactly_the_bound_does_not() -> None:
    for count, want in ((MAX_FINDINGS_PER_RULE, 0), (MAX_FINDINGS_PER_RULE + 1, 1)):
        found = answer(Stub(lambda _, n=count: [failure()] * n), PROJECT)
        assert sum(f.outcome is Outcome.FAIL for f in found) == MAX_FINDINGS_PER_RULE
        assert sum(f.outcome is Outcome.UNKNOWN for f in found) == want


def test_endless_rule_is_bounded() -> None:
    def endless(_: Project) -> Iterable[Finding]:
        while True:
            yield failure()

    assert len(answer(Stub(endless), PROJECT)) == MAX_FINDINGS_PER_RULE + 1


def test_fingerprint_survives_moved_lines_and_folded_space() -> None:
    def of(finding: Finding) -> str:
        return run_rules([Stub(lambda _: [finding])], PROJECT)[0].fingerprint

    first = of(failure("s", line=3, anchor="x = load( a )"))
    assert of(failure("s", line=99, anchor="x  =\tload( a )")) == first
    assert of(failure("t", line=3, anchor="x = load( a )")) != first
    assert of(failure("s", line=3, anchor="y = load( a )")) != first
    assert len(first) == 32


def test_equal_findings_are_told_apart_in_order() -> None:
    twice = [failure("s", line=1), failure("s", line=2), failure("t")]
    found = run_rules([Stub(lambda _: twice)], PROJECT)
    assert len({finding.fingerprint for finding in found}) == 3
    once = run_rules([Stub(lambda _: twice[1:])], PROJECT)
    assert once[0].fingerprint == found[0].fingerprint  # The first of equals keeps the plain one.


def test_answers_come_in_the_order_of_the_rules() -> None:
    found = run_rules([Stub(lambda _: [OTHER.passed("m")], OTHER), Stub(lambda _: [failure()])], PROJECT)
    assert [finding.rule for finding in found] == ["other", "some-defect"]

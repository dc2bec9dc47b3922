from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from keelmark.core.declaration import Waiver
from keelmark.core.finding import Card, Finding
from keelmark.core.location import Location
from keelmark.core.outcome import Outcome, Severity
from keelmark.engine.waivers import MAX_LIFE, apply_waivers, counts

TODAY = date(2026, 1, 31)
WAIVER = Waiver(rule="r", reason="why", owner="Head of Platform", expires=date(2026, 6, 30))
CARD = Card(id="r", title="T", severity=Severity.HIGH, recommendations=("SD-2.a",))


def failure(*paths: str, fingerprint: str = "f" * 32) -> Finding:
    found = CARD.failed("m", at=tuple(Location(path=path) for path in paths), fix="f")
    return replace(found, fingerprint=fingerprint)


def waived(finding: Finding, *waivers: Waiver, today: date = TODAY) -> bool:
    (found,) = apply_waivers([finding], waivers, today=today)
    assert found == finding or found == replace(finding, waiver=found.waiver)
    return found.waiver is not None


def test_waiver_covers_the_failures_of_its_rule() -> None:
    assert waived(failure("a.py"), WAIVER)
    assert waived(failure(), WAIVER)
    assert not waived(replace(failure("a.py"), rule="other"), WAIVER)
    assert not waived(failure("a.py"))


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.UNKNOWN, Outcome.NOT_APPLICABLE])
def test_only_failures_are_waived(outcome: Outcome) -> None:
    assert not waived(replace(failure("a.py"), outcome=outcome), WAIVER)


def test_waiver_ends_on_its_day() -> None:
    assert waived(failure("a.py"), WAIVER, today=WAIVER.expires - timedelta(days=1))
    assert not waived(failure("a.py"), WAIVER, today=WAIVER.expires)


def test_waiver_good_for_more_than_a_year_does_not_count() -> None:
    assert counts(replace(WAIVER, expires=TODAY + MAX_LIFE), today=TODAY)
    assert not counts(replace(WAIVER, expires=TODAY + MAX_LIFE + timedelta(days=1)), today=TODAY)
    assert not counts(replace(WAIVER, expires=date.max), today=TODAY)
    assert not waived(failure("a.py"), replace(WAIVER, expires=date(9999, 12, 31)))


@pytest.mark.parametrize(
    ("pattern", "paths", "want"),
    [
        ("src/**", ("src/a.py",), True),
        ("src", ("src/deep/a.py",), True),
        ("src/*.py", ("src/deep/a.py",), False),
        ("src/**", ("src/a.py", "lib/b.py"), False),
        ("src/**", ("src/a.py", "src/b.py"), True),
        ("src/**", (), False),
        ("*.py", ("src/a.py",), True),
        (" ", ("src/a.py",), False),
    ],
)
def test_path_covers_only_what_lies_wholly_in_it(pattern: str, paths: tuple[str, ...], want: bool) -> None:
    assert waived(failure(*paths), replace(WAIVER, path=pattern)) is want


def test_fingerprint_covers_one_finding() -> None:
    one = replace(WAIVER, fingerprint="a" * 32)
    assert waived(failure("a.py", fingerprint="a" * 32), one)
    assert not waived(failure("a.py", fingerprint="b" * 32), one)
    assert not waived(failure("a.py", fingerprint="a" * 32), replace(one, path="lib/**"))


def test_first_waiver_that_covers_is_shown() -> None:
    late = replace(WAIVER, owner="other")
    expired = replace(WAIVER, owner="gone", expires=TODAY)
    (found,) = apply_waivers([failure("a.py")], [expired, WAIVER, late], today=TODAY)
    assert found.waiver == WAIVER


def test_order_and_count_stay() -> None:
    many = [failure(f"{number}.py", fingerprint=str(number)) for number in range(5)]
    found = apply_waivers(many, [replace(WAIVER, path="3.py")], today=TODAY)
    assert [f.fingerprint for f in found] == [f.fingerprint for f in many]
    assert [f.waiver is not None for f in found] == [False, False, False, True, False]

"""Callers of the last days are counted exactly while they are few, and never too low when they are many."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.operation.behaviour.envelope_distinct import Distinct, DistinctState


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.text(max_size=2)), max_size=60), st.integers(1, 5))
def test_few_are_counted_exactly_over_the_last_days(steps, days: int) -> None:
    counted = Distinct(days=days)
    seen: list[tuple[int, str]] = []
    day = 100
    for later, name in steps:
        day += later
        counted.turn(day)
        recent = {each for at, each in seen if at > day - days}
        assert counted.count() == len(recent)
        assert counted.with_one(name) == len(recent | {name})
        counted.add(name)
        seen.append((day, name))
        assert counted.count() == len(recent | {name})


def test_many_are_estimated_a_little_too_high_in_bounded_memory() -> None:
    counted = Distinct(max_exact=1000)
    counted.turn(1)
    for number in range(60_000):
        before = counted.with_one(str(number))
        counted.add(str(number))
        assert counted.count() == before or number == 1000
        if number in {999, 1_001, 5_000, 20_000, 45_000, 59_999}:
            assert counted.is_exact is (number < 1000)
            assert number + 1 <= counted.count() <= (number + 1) * 1.06
    assert counted.with_one("7") == counted.count()
    assert len(msgspec.json.encode(counted.state())) < 30_000


def test_many_of_many_days_pass_with_their_days() -> None:
    counted = Distinct(days=3, max_exact=100)
    for day in range(10, 14):
        counted.turn(day)
        for number in range(2_000):
            counted.add(f"{day}.{number}")
    assert 6_000 <= counted.count() <= 6_400
    counted.turn(15)
    assert 2_000 <= counted.count() <= 2_150
    counted.turn(16)
    assert counted.count() == 0
    assert counted.is_exact
    counted.add("a")
    assert counted.count() == 1


@pytest.mark.parametrize("many", [50, 500])
def test_what_was_written_down_counts_the_same(many: int) -> None:
    counted = Distinct(max_exact=100)
    counted.turn(7)
    for number in range(many):
        counted.add(str(number))
    data = msgspec.json.encode(counted.state())
    again = Distinct(max_exact=100)
    assert again.restore(msgspec.json.decode(data, type=DistinctState), day=8)
    assert again.count() == counted.count()
    assert again.with_one("3") == counted.count()
    assert again.restore(counted.state(), day=37)
    assert again.count() == 0
    assert again.restore(counted.state(), day=6)
    assert again.count() == 0


@pytest.mark.parametrize(
    "state",
    [
        DistinctState(seen=((-1, 7),)),
        DistinctState(seen=((1 << 64, 7),)),
        DistinctState(sketches=((7, "AAAA"),)),
        DistinctState(sketches=((7, "?"),)),
        DistinctState(sketches=((7, "////" * 5461 + "/w=="),)),
        DistinctState(seen=((1, 7),), sketches=((7, "A" * 21844 + "AA=="),)),
        DistinctState(seen=tuple((number, 7) for number in range(101))),
    ],
)
def test_what_does_not_fit_together_changes_nothing(state: DistinctState) -> None:
    counted = Distinct(max_exact=100)
    counted.turn(7)
    counted.add("a")
    assert not counted.restore(state, day=7)
    assert counted.count() == 1


def test_no_name_is_written_down() -> None:
    counted = Distinct()
    counted.add("ana@example.org")
    assert b"ana" not in msgspec.json.encode(counted.state())

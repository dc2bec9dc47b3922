"""The laws of limits: never more than the amount in any window, all or nothing, given back once, bounded memory."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.deployment.protection.limits import (
    NEVER,
    KeptLimits,
    LimitRule,
    Limits,
    LimitSettings,
    Measure,
    Refused,
    Reservation,
    Subject,
)

SECOND = 1_000_000_000


class Hands:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 10**15

    def __call__(self) -> int:
        return self.now


def rule(
    measure: Measure, amount: int, *, subject: Subject = Subject.KEY, name: str = "*", window_s: int = 60
):
    return LimitRule(subject=subject, measure=measure, amount=amount, name=name, window_s=window_s)


def limits(*rules: LimitRule, hands: Hands | None = None, max_counters: int = 100) -> Limits:
    return Limits(LimitSettings(rules=rules, max_counters=max_counters), now_ns=hands or Hands())


def wanted(key: str = "a", *, tokens: int = 0, money: int = 0, team: str = "", tools: tuple[str, ...] = ()):
    return ((key,), (team,) if team else (), (), tools, ("all",)), (1, tokens, money, 1)


def used(of: Limits) -> dict[str, int]:
    return {f"{each.measure.value}/{name}": amount for each, name, amount in of.used()}


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 40 * SECOND),
        st.integers(1, 30),
        st.sampled_from(["keep", "settle", "cancel"]),
        st.integers(0, 30),
    ),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(EVENTS, st.integers(1, 100), st.integers(1, 90))
def test_no_window_admits_more_than_its_amount(events, amount: int, window_s: int) -> None:
    hands = Hands()
    counted = limits(rule(Measure.TOKENS, amount, window_s=window_s), hands=hands)
    admitted: list[tuple[int, int]] = []
    for step, tokens, end, really in events:
        hands.now += step
        held = counted.reserve(*wanted(tokens=tokens))
        if isinstance(held, Refused):
            continue
        if end == "cancel":
            held.cancel()
            continue
        counts = min(really, tokens) if end == "settle" else tokens
        held.settle(tokens=counts if end == "settle" else None)
        admitted.append((hands.now, counts))
        recent = sum(each for at, each in admitted if hands.now - at <= window_s * SECOND)
        assert recent <= amount


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 20), st.integers(1, 3600), st.integers(0, 10**12))
def test_room_comes_back_when_it_is_said_to(amount: int, window_s: int, start: int) -> None:
    hands = Hands()
    hands.now += start
    counted = limits(rule(Measure.REQUESTS, amount, window_s=window_s), hands=hands)
    for _ in range(amount):
        assert isinstance(counted.reserve(*wanted()), Reservation)
    said = counted.reserve(*wanted())
    assert isinstance(said, Refused)
    assert window_s - 1 <= said.retry_after_s <= window_s * 61 / 59 + 1
    hands.now += int(said.retry_after_s * SECOND) + 1000
    assert isinstance(counted.reserve(*wanted()), Reservation)


def test_everything_is_reserved_or_nothing() -> None:
    counted = limits(rule(Measure.REQUESTS, 5), rule(Measure.TOKENS, 10), rule(Measure.PLACES, 5))
    assert isinstance(counted.reserve(*wanted(tokens=8)), Reservation)
    before = used(counted)
    assert counted.reserve(*wanted(tokens=8)).measure is Measure.TOKENS
    assert used(counted) == before == {"requests/a": 1, "tokens/a": 8, "places/a": 1}


def test_what_was_reserved_is_given_back_once() -> None:
    counted = limits(rule(Measure.TOKENS, 100), rule(Measure.PLACES, 5))
    held = counted.reserve(*wanted(tokens=50))
    held.settle(tokens=20)
    held.settle(tokens=0)
    held.cancel()
    assert used(counted) == {"tokens/a": 20, "places/a": 0}


def test_more_than_was_reserved_counts_as_well() -> None:
    counted = limits(rule(Measure.TOKENS, 100))
    counted.reserve(*wanted(tokens=50)).settle(tokens=120)
    assert used(counted) == {"tokens/a": 120}
    assert isinstance(counted.reserve(*wanted(tokens=1)), Refused)


def test_what_nobody_counted_stays_reserved_and_frees_its_place() -> None:
    counted = limits(rule(Measure.TOKENS, 100), rule(Measure.PLACES, 1))
    counted.reserve(*wanted(tokens=60)).settle()
    assert used(counted) == {"tokens/a": 60, "places/a": 0}


def test_a_rule_counts_each_by_itself_or_the_one_it_names() -> None:
    counted = limits(rule(Measure.REQUESTS, 1), rule(Measure.REQUESTS, 0, name="banned"))
    assert isinstance(counted.reserve(*wanted("a")), Reservation)
    assert isinstance(counted.reserve(*wanted("b")), Reservation)
    assert isinstance(counted.reserve(*wanted("a")), Refused)
    assert counted.reserve(*wanted("banned")) == Refused(measure=Measure.REQUESTS, retry_after_s=NEVER)


def test_teams_share_what_their_keys_use() -> None:
    counted = limits(rule(Measure.REQUESTS, 2, subject=Subject.TEAM))
    assert isinstance(counted.reserve(*wanted("a", team="t")), Reservation)
    assert isinstance(counted.reserve(*wanted("b", team="t")), Reservation)
    assert isinstance(counted.reserve(*wanted("c", team="t")), Refused)
    assert isinstance(counted.reserve(*wanted("d")), Reservation)


def test_counters_are_bounded_and_those_of_nobody_make_room() -> None:
    hands = Hands()
    counted = limits(rule(Measure.REQUESTS, 5), rule(Measure.PLACES, 5), hands=hands, max_counters=6)
    for key in "abc":
        assert isinstance(counted.reserve(*wanted(key)), Reservation)
    assert counted.reserve(*wanted("d")) == Refused(measure=None)
    assert isinstance(counted.reserve(*wanted("a")), Reservation)
    hands.now += 120 * SECOND
    assert counted.reserve(*wanted("d")) == Refused(measure=None)  # Their places are still taken.


def test_a_million_names_leave_no_more_than_the_bound() -> None:
    hands = Hands()
    counted = limits(rule(Measure.REQUESTS, 5, window_s=1), hands=hands, max_counters=50)
    refused = 0
    for number in range(2000):
        hands.now += SECOND // 20
        refused += isinstance(counted.reserve(*wanted(str(number))), Refused)
    assert refused == 0
    assert len(list(counted.used())) <= 50


def test_names_under_one_rule_take_no_room_of_another() -> None:
    counted = limits(
        rule(Measure.REQUESTS, 5), rule(Measure.REQUESTS, 5, subject=Subject.TOOL), max_counters=20
    )
    many = tuple(str(number) for number in range(50))
    assert counted.reserve(*wanted("a", tools=many)) == Refused(measure=None)
    assert isinstance(counted.reserve(*wanted("b")), Reservation)
    assert isinstance(counted.reserve(*wanted("b", tools=("0",))), Reservation)


def test_what_never_fits_says_so_whatever_else_has_to_wait() -> None:
    for order in (1, -1):
        rules = (rule(Measure.REQUESTS, 1), rule(Measure.TOKENS, 10))[::order]
        counted = limits(*rules)
        assert isinstance(counted.reserve(*wanted(tokens=1)), Reservation)
        assert counted.reserve(*wanted(tokens=11)) == Refused(measure=Measure.TOKENS, retry_after_s=NEVER)


def test_the_longest_wait_is_told() -> None:
    for order in (1, -1):
        rules = (rule(Measure.REQUESTS, 1), rule(Measure.TOKENS, 10, window_s=3600), rule(Measure.PLACES, 1))
        counted = limits(*rules[::order])
        assert isinstance(counted.reserve(*wanted(tokens=10)), Reservation)
        said = counted.reserve(*wanted(tokens=1))
        assert said.measure is Measure.TOKENS
        assert 3600 <= said.retry_after_s <= 3665


def test_what_was_counted_stays_when_amounts_change() -> None:
    kept = KeptLimits(now_ns=Hands())
    first = kept.of(LimitSettings(rules=(rule(Measure.REQUESTS, 2), rule(Measure.PLACES, 5))))
    held = first.reserve(*wanted())
    second = kept.of(LimitSettings(rules=(rule(Measure.PLACES, 3), rule(Measure.REQUESTS, 1))))
    assert used(second) == {"places/a": 1, "requests/a": 1}
    assert isinstance(second.reserve(*wanted()), Refused)
    held.settle()
    assert used(second)["places/a"] == 0


def test_of_rules_that_count_the_same_the_strictest_holds() -> None:
    counted = limits(rule(Measure.REQUESTS, 5), rule(Measure.REQUESTS, 1), rule(Measure.REQUESTS, 9))
    assert isinstance(counted.reserve(*wanted()), Reservation)
    assert isinstance(counted.reserve(*wanted()), Refused)
    assert used(counted) == {"requests/a": 1}


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["reserve", "settle", "cancel"]), st.sampled_from("abc"), st.integers(0, 30)
        ),
        max_size=80,
    )
)
def test_tokens_are_conserved_and_places_return_to_none(steps) -> None:
    counted = limits(rule(Measure.TOKENS, 100), rule(Measure.PLACES, 3))
    open_: list[tuple[str, int, Reservation]] = []
    tokens = dict.fromkeys("abc", 0)
    for what, key, number in steps:
        if what == "reserve":
            held = counted.reserve(*wanted(key, tokens=number))
            if isinstance(held, Reservation):
                open_.append((key, number, held))
                tokens[key] += number
        elif open_:
            whose, reserved, held = open_.pop(number % len(open_))
            really = min(reserved, number)
            if what == "settle":
                held.settle(tokens=really)
                tokens[whose] -= reserved - really
            else:
                held.cancel()
                tokens[whose] -= reserved
        now = used(counted)
        for name, counted_tokens in tokens.items():
            assert now.get(f"tokens/{name}", 0) == counted_tokens <= 100
            under_way = sum(each == name for each, _, _ in open_)
            assert now.get(f"places/{name}", 0) == under_way <= 3
    for _, _, held in open_:
        held.settle()
    assert all(not amount for name, amount in used(counted).items() if name.startswith("places"))


@pytest.mark.parametrize("measure", [Measure.PLACES, Measure.REQUESTS])
def test_two_hundred_at_once_on_a_budget_of_ten_admit_ten(measure: Measure) -> None:
    counted = limits(rule(measure, 10, subject=Subject.ALL))
    most, now, admitted = [0], [0], [0]

    async def one() -> None:
        await asyncio.sleep(0)
        held = counted.reserve(*wanted())
        if isinstance(held, Refused):
            return
        admitted[0] += 1
        now[0] += 1
        most[0] = max(most[0], now[0])
        await asyncio.sleep(0.01)
        now[0] -= 1
        held.settle()

    async def main() -> None:
        await asyncio.gather(*(one() for _ in range(200)))

    asyncio.run(main())
    assert admitted[0] == most[0] == 10

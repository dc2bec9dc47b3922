"""What a request reserves, and what it settles as."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from keelmark.core.call import Action, Api, Call, ToolUse, Usage
from keelmark.core.exchange import ALLOW, Exchange, Request, deny
from keelmark.core.principal import Principal, Proof
from keelmark.core.route import Route, RouteKind
from keelmark.deployment.protection.limits import LimitRule, Limits, LimitSettings, Measure, Refused, Subject
from keelmark.deployment.protection.stage_limit import LimitStage
from keelmark.gateway.pipeline import close

ROUTE = Route(name="small", kind=RouteKind.MODEL, upstream="u", asset="small")
PRICE = (2_000_000, 10_000_000)


def asked(**more) -> Exchange:
    call = Call(
        api=Api.CHAT,
        action=Action.INFER,
        model="small",
        body={},
        input_tokens=100,
        max_output_tokens=50,
        choices=2,
    )
    return Exchange(
        id="0",
        request=Request(method="POST", path="/"),
        started=datetime.now(UTC),
        started_ns=0,
        call=call,
        principal=Principal(id="a", proof=Proof.API_KEY, team="t"),
        route=ROUTE,
        **more,
    )


def staged(measure: Measure, amount: int, *, prices=None) -> tuple[LimitStage, Limits]:
    rules = (LimitRule(subject=Subject.KEY, measure=measure, amount=amount),)
    limits = Limits(LimitSettings(rules=rules), now_ns=lambda: 10**15)
    counts = measure is Measure.MONEY
    return LimitStage(
        limits, prices={"small": PRICE} if prices is None else prices, counts_money=counts
    ), limits


def amount(limits: Limits) -> int:
    return sum(used for _, _, used in limits.used())


@pytest.mark.parametrize(
    ("usage", "sent", "settled"),
    [
        (None, "", 0),
        (Usage(input_tokens=90, output_tokens=20), "", 0),
        (None, "ab", 200),
        (Usage(), "ab", 200),
        (Usage(input_tokens=90, output_tokens=20), "ab", 110),
        (Usage(output_tokens=20), "ab", 120),
        (Usage(input_tokens=500, output_tokens=20), "ab", 520),
    ],
)
def test_tokens_settle_by_what_was_counted(usage: Usage | None, sent: str, settled: int) -> None:
    stage, limits = staged(Measure.TOKENS, 1000)
    exchange = asked()
    assert stage(exchange) is ALLOW
    assert amount(limits) == 200
    exchange.usage, exchange.request_digest = usage, sent
    close(exchange)
    assert amount(limits) == settled


def test_money_is_reserved_at_most_and_settles_at_prices() -> None:
    stage, limits = staged(Measure.MONEY, 2_000)
    exchange = asked()
    assert stage(exchange) is ALLOW
    assert amount(limits) == 2 * 100 + 10 * 100
    assert stage(asked()).reason == "money-exhausted"
    exchange.usage, exchange.request_digest = Usage(input_tokens=3, output_tokens=1), "ab"
    close(exchange)
    assert amount(limits) == 16


def test_a_model_without_a_price_is_refused_where_money_is_limited() -> None:
    assert staged(Measure.MONEY, 2_000, prices={})[0](asked()).reason == "money-exhausted"
    assert staged(Measure.TOKENS, 2_000, prices={})[0](asked()) is ALLOW


@pytest.mark.parametrize(
    ("measure", "reason"),
    [
        (Measure.REQUESTS, "rate-limited"),
        (Measure.TOKENS, "tokens-exhausted"),
        (Measure.MONEY, "money-exhausted"),
        (Measure.PLACES, "too-many-at-once"),
    ],
)
def test_each_limit_has_its_reason(measure: Measure, reason: str) -> None:
    assert staged(measure, 0)[0](asked()).reason == reason


def test_a_refusal_says_when_to_come_again() -> None:
    stage, _ = staged(Measure.REQUESTS, 1)
    assert stage(asked()) is ALLOW
    assert 59 <= stage(asked()).retry_after_s <= 63


def test_a_listing_counts_as_a_request_and_costs_nothing() -> None:
    stage, limits = staged(Measure.MONEY, 5, prices={})
    exchange = asked()
    exchange.route = None
    assert stage(exchange) is ALLOW
    assert amount(limits) == 0
    stage, limits = staged(Measure.REQUESTS, 5)
    exchange = asked()
    exchange.route = None
    assert stage(exchange) is ALLOW
    exchange.status = 200
    close(exchange)
    assert amount(limits) == 1


def test_a_request_that_a_later_stage_refuses_gives_everything_back() -> None:
    stage, limits = staged(Measure.REQUESTS, 5)
    exchange = asked()
    assert stage(exchange) is ALLOW
    exchange.decision, exchange.status = deny("injection"), 403
    close(exchange)
    close(exchange)
    assert amount(limits) == 0


def test_what_never_fits_does_not_ask_to_come_again() -> None:
    stage, _ = staged(Measure.TOKENS, 199)
    said = stage(asked())
    assert (said.reason, said.retry_after_s, said.detail) == (
        "tokens-exhausted",
        0.0,
        "more than there ever is",
    )


def test_callers_of_one_name_that_proved_it_in_different_ways_are_counted_apart() -> None:
    stage, _ = staged(Measure.REQUESTS, 1)
    for proof in Proof:
        exchange = asked()
        exchange.principal = Principal(id="a", proof=proof)
        assert stage(exchange) is ALLOW
        exchange = asked()
        exchange.principal = Principal(id="a", proof=proof)
        assert stage(exchange).reason == "rate-limited"


def test_tools_are_counted_once_each_and_long_names_by_their_digest() -> None:
    rules = (LimitRule(subject=Subject.TOOL, measure=Measure.REQUESTS, amount=5),)
    limits = Limits(LimitSettings(rules=rules), now_ns=lambda: 10**15)
    exchange = asked()
    exchange.call.tool_uses = tuple(
        ToolUse(name=name, arguments={}) for name in ("mail", "mail", "x" * 10_000, "\ud800" * 200)
    )
    assert LimitStage(limits, prices={}, counts_money=False)(exchange) is ALLOW
    found = {name: used for _, name, used in limits.used()}
    assert len(found) == 3
    assert found["mail"] == 1
    assert max(map(len, found)) < 100
    exchange.call.tool_uses = tuple(ToolUse(name=str(number), arguments={}) for number in range(65))
    assert LimitStage(limits, prices={}, counts_money=False)(exchange).reason == "tool-not-allowed"


class Waiting:
    """Limits that have to ask others first."""

    def __init__(self, outcome) -> None:
        self.outcome = outcome

    def reserve(self, names, amounts):
        async def asked():
            await asyncio.sleep(0)
            return self.outcome

        return asked()


def test_what_has_to_be_asked_first_is_waited_for() -> None:
    counted = Limits(LimitSettings(rules=()), now_ns=lambda: 0)
    held = counted.reserve(((), (), (), (), ()), (1, 0, 0, 1))
    exchange = asked()
    assert asyncio.run(LimitStage(Waiting(held), prices={}, counts_money=False)(exchange)) is ALLOW
    assert len(exchange.at_end) == 1
    exchange = asked()
    refused = LimitStage(Waiting(Refused(measure=None)), prices={}, counts_money=False)
    assert asyncio.run(refused(exchange)).reason == "limits-unavailable"
    assert exchange.at_end == []


@pytest.mark.parametrize("field", ["call", "principal"])
def test_nobody_and_nothing_is_denied(field: str) -> None:
    exchange = asked()
    setattr(exchange, field, None)
    assert staged(Measure.REQUESTS, 5)[0](exchange).reason == "stage-failed"


def test_where_there_is_no_room_to_count_it_is_refused() -> None:
    rules = (LimitRule(subject=Subject.KEY, measure=Measure.REQUESTS, amount=5),)
    limits = Limits(LimitSettings(rules=rules, max_counters=0), now_ns=lambda: 10**15)
    assert LimitStage(limits, prices={}, counts_money=False)(asked()).reason == "limits-unavailable"

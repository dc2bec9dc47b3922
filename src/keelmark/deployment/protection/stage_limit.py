"""The stage that reserves what a request may take at most, and settles when it is over.

1. Tokens are reserved as the estimate going in and the cap coming out, for each answer; money as that at the prices of the model.
2. A request that was refused, or never reached its model, gives everything back.
3. One that did settles by what the upstream counted; as reserved when it counted nothing. A listing counts as a request.
4. A limit of money on a model without prices refuses: what it costs is not known.
5. Where counters are shared and cannot be reached, it refuses, unless the settings say otherwise.
6. A caller that goes away while it waits for room leaves nothing reserved.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Protocol

from keelmark.core.exchange import ALLOW, Decision, Outcome, deny
from keelmark.core.price import FREE, Price, cost_of
from keelmark.core.principal import Proof
from keelmark.deployment.protection.limits import NEVER, Measure, Refused, Reservation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from keelmark.core.call import Call, Usage
    from keelmark.core.exchange import Exchange
    from keelmark.core.principal import Principal
    from keelmark.deployment.protection.limits import Amounts, Names

__all__ = ["LimitStage", "Price", "Reserving", "counted_as"]

_MAX_NAME, _MAX_TOOLS = 128, 64
_OK = 200
_REASONS = {
    Measure.REQUESTS: "rate-limited",
    Measure.TOKENS: "tokens-exhausted",
    Measure.MONEY: "money-exhausted",
    Measure.PLACES: "too-many-at-once",
}
_ALL = ("all",)


class Reserving(Protocol):
    """Counters, of this process or of several."""

    def reserve(
        self, names: Names, amounts: Amounts
    ) -> Reservation | Refused | Awaitable[Reservation | Refused]:
        """Reserve all of it, or say what there is no room for; perhaps after asking others."""
        ...


class LimitStage:
    """Reserves.

    Args:
        limits: The counters.
        prices: By name of the route; a route that is missing has none.
        counts_money: Whether a rule counts money.
    """

    name = "limits"

    __slots__ = ("_counts_money", "_limits", "_prices")

    def __init__(self, limits: Reserving, *, prices: Mapping[str, Price], counts_money: bool) -> None:
        self._limits, self._prices, self._counts_money = limits, prices, counts_money

    def __call__(self, exchange: Exchange) -> Decision | Awaitable[Decision]:
        """Decide about the exchange."""
        call, principal, route = exchange.call, exchange.principal, exchange.route
        if call is None or principal is None:
            return deny("stage-failed")
        if len(call.tool_uses) > _MAX_TOOLS:
            return deny("tool-not-allowed", "too many tools at once")
        coming_out = call.max_output_tokens * call.choices
        price, money = FREE, 0
        if self._counts_money and route is not None:
            found = self._prices.get(route.name)
            if found is None:
                return deny("money-exhausted", "the model has no price")
            price, money = found, cost_of(found, call.input_tokens, coming_out)
        names = (
            (counted_as(principal),),
            (principal.team,) if principal.team else (),
            (route.name,) if route is not None else (),
            _tools(call) if call.tool_uses else (),
            _ALL,
        )
        held = self._limits.reserve(names, (1, call.input_tokens + coming_out, money, 1))
        if isinstance(held, Refused):
            return _denial(held)
        if isinstance(held, Reservation):
            exchange.at_end.append(_settling(held, call, price))
            return ALLOW
        return _waited(held, exchange, call, price)


def counted_as(principal: Principal) -> str:
    """The name that a principal is counted under: who proved it in different ways is not the same."""
    if principal.proof is Proof.API_KEY:
        return principal.id
    return f"{principal.proof.value}:{principal.id}"


async def _waited(
    waiting: Awaitable[Reservation | Refused], exchange: Exchange, call: Call, price: Price
) -> Decision:
    held = await waiting
    if isinstance(held, Refused):
        return _denial(held)
    # INVARIANT: nothing is awaited between here and the end, so that what is held cannot be lost.
    exchange.at_end.append(_settling(held, call, price))
    return ALLOW


def _denial(refused: Refused) -> Decision:
    if refused.measure is None:
        return deny("limits-unavailable", retry_after_s=refused.retry_after_s)
    if refused.retry_after_s == NEVER:
        return deny(_REASONS[refused.measure], "more than there ever is")
    return deny(_REASONS[refused.measure], retry_after_s=refused.retry_after_s)


def _tools(call: Call) -> tuple[str, ...]:
    """Names of tools that are called, each once. Callers choose them: long ones are counted by their digest."""
    names = {use.name for use in call.tool_uses}
    return tuple(
        name
        if len(name) <= _MAX_NAME
        else "sha256:" + hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        for name in names
    )


def _settling(held: Reservation, call: Call, price: Price) -> Callable[[Exchange], None]:
    def settle(exchange: Exchange) -> None:
        usage = exchange.usage
        if not exchange.request_digest:
            if exchange.status == _OK and exchange.decision.outcome not in {Outcome.DENY, Outcome.ASK}:
                held.settle(tokens=0, money=0)
            else:
                held.cancel()
        elif usage is None or (usage.input_tokens < 0 and usage.output_tokens < 0):
            held.settle()
        else:
            going_in, coming_out = _counted(usage, call)
            held.settle(tokens=going_in + coming_out, money=cost_of(price, going_in, coming_out))

    return settle


def _counted(usage: Usage, call: Call) -> tuple[int, int]:
    going_in = usage.input_tokens if usage.input_tokens >= 0 else call.input_tokens
    coming_out = usage.output_tokens if usage.output_tokens >= 0 else call.max_output_tokens * call.choices
    return going_in, coming_out

"""Keeps the system inside the growth envelope of its release.

1. The request that would cross a line is the one that is stopped, or asked about, or only recorded, as the settings say.
2. Every crossing is recorded with the dimension, the limit, the measure, and what becomes possible beyond it.
3. A class of data that the release does not name, and a caller from outside where the release says `internal`, cross a line
   as well.
4. Only what is let through is counted.
5. Money that a request can cost at most is counted before it is sent, and what it did cost when it is over.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from keelmark.core.exchange import ALLOW, Decision, Ground, Outcome
from keelmark.core.price import Price, cost_of
from keelmark.core.principal import Proof
from keelmark.operation.behaviour.envelope import envelope_lines, is_internal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from keelmark.core.call import Call
    from keelmark.core.exchange import Exchange
    from keelmark.core.principal import Principal
    from keelmark.core.release import GrowthLimits
    from keelmark.core.route import Route
    from keelmark.operation.behaviour.envelope import EnvelopeLine, Measures

__all__ = ["Beyond", "EnvelopeSettings", "EnvelopeStage"]

_SPEND = "spend_per_day"
_MAX_DETAIL = 300
_MAX_PEERS, _MAX_CONVERSATION = 4096, 200
_MILLION = 1_000_000


class Beyond(StrEnum):
    """What happens to a request that would cross a line."""

    STOP = "stop"
    ASK = "ask"
    WARN = "warn"


_OUTCOMES = {Beyond.STOP: Outcome.DENY, Beyond.ASK: Outcome.ASK, Beyond.WARN: Outcome.ALLOW}


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeSettings:
    """What happens beyond each line of the envelope.

    Attributes:
        users: People who called in the last thirty days.
        requests_per_day: Requests in a day.
        tools: Tools that are offered or called in a day.
        autonomy: Steps since a person last said something.
        spend_per_day: Money in a day.
        data_classes: Classes of data.
        exposure: Where callers come from.
        conversation_header: Header in which callers of tools name the conversation, in small letters; "" for none.
    """

    users: Beyond = Beyond.STOP
    requests_per_day: Beyond = Beyond.STOP
    tools: Beyond = Beyond.STOP
    autonomy: Beyond = Beyond.STOP
    spend_per_day: Beyond = Beyond.STOP
    data_classes: Beyond = Beyond.STOP
    exposure: Beyond = Beyond.STOP
    conversation_header: str = "x-conversation-id"


class EnvelopeStage:
    """Compares what is measured with what the release allows.

    Args:
        settings: What happens beyond each line.
        limits: The envelope of the release that is in force; None where there is none.
        measures: What was measured.
        now: Seconds since 1970.
        prices: By name of the route; what a route that is missing costs is not measured.
    """

    name = "envelope"

    __slots__ = (
        "_header", "_internal", "_limits", "_lines", "_measures", "_now", "_outside", "_prices", "_read", "_served",
        "_settings",
    )  # fmt: skip

    def __init__(
        self,
        settings: EnvelopeSettings,
        *,
        limits: Callable[[], GrowthLimits | None],
        measures: Measures,
        now: Callable[[], float],
        prices: Mapping[str, Price] | None = None,
    ) -> None:
        self._settings, self._limits, self._now = settings, limits, now
        self._measures = measures
        self._header = settings.conversation_header
        self._prices = dict(prices or {})
        self._read: GrowthLimits | None = None
        self._lines: tuple[EnvelopeLine, ...] = ()
        self._internal = False
        self._outside: dict[str, bool] = {}
        self._served: set[str] = set()

    def __call__(self, exchange: Exchange) -> Decision:
        """Decide about the exchange."""
        call, principal = exchange.call, exchange.principal
        if call is None or principal is None:
            return Decision(outcome=Outcome.DENY, reason="stage-failed")
        limits = self._limits()
        if limits is not self._read:
            self._lines = envelope_lines(limits) if limits is not None else ()
            self._internal = limits is not None and is_internal(limits)
            self._read = limits
        measures, now_s, route = self._measures, self._now(), exchange.route
        user = _counted_as(principal)
        tools = _tools(call) if call.tools or call.tool_uses else ()
        price = self._prices.get(route.name) if route is not None else None
        money = (
            0 if price is None else cost_of(price, call.input_tokens, call.max_output_tokens * call.choices)
        )
        talk = exchange.request.headers.get(self._header, "") if self._header else ""
        steps = measures.steps(call, user, talk[:_MAX_CONVERSATION])
        said = ALLOW
        if self._lines:
            said = self._compared(
                exchange, measures.measured(user, tools, steps=steps, money=money, now_s=now_s)
            )
        is_outside = self._is_outside(exchange.request.peer)
        if limits is not None:
            said = self._other(exchange, said, limits, is_outside=is_outside)
        if said.outcome is not Outcome.ALLOW:
            return said
        measures.count(user, tools, money=money, now_s=now_s, is_outside=is_outside)
        if talk:
            measures.note_steps(user, talk[:_MAX_CONVERSATION], steps)
        if route is not None and route.name not in self._served:
            self._note(route)
        if price is not None and money:
            exchange.at_end.append(_settling(measures, call, price, money))
        return ALLOW

    def _compared(self, exchange: Exchange, found: tuple[int, ...]) -> Decision:
        """What the numbers say, as they would be with this request."""
        said = ALLOW
        for line in self._lines:
            if found[line.place] > line.most:
                said = self._worse(exchange, said, line.dimension, _words(line, found[line.place]))
        return said

    def _note(self, route: Route) -> None:
        self._served.add(route.name)
        self._measures.note_model(f"{route.asset}@{route.revision}" if route.revision else route.asset)
        if route.data_class:
            self._measures.note_data_class(route.data_class)

    def _other(
        self, exchange: Exchange, said: Decision, limits: GrowthLimits, *, is_outside: bool
    ) -> Decision:
        data_class = exchange.facts.get("data_class", "")
        if limits.data_classes and data_class and data_class not in limits.data_classes:
            said = self._worse(
                exchange, said, "data_classes", f"data_classes: `{data_class}` is none of the release"
            )
        if self._internal and is_outside:
            said = self._worse(
                exchange, said, "exposure", "exposure: a caller from outside, and the release is internal"
            )
        return said

    def _is_outside(self, peer: str) -> bool:
        """Whether a caller is from outside, remembered: the same few addresses come again and again."""
        found = self._outside.get(peer)
        if found is None:
            if len(self._outside) >= _MAX_PEERS:
                self._outside.clear()
            found = self._outside[peer] = _is_outside(peer)
        return found

    def _worse(self, exchange: Exchange, said: Decision, name: str, words: str) -> Decision:
        """Record a crossing, and say the stricter of what was said so far and what it asks for."""
        beyond: Beyond = getattr(self._settings, name)
        outcome = _OUTCOMES[beyond]
        exchange.grounds.append(
            Ground(
                stage=self.name,
                reason="outside-envelope",
                outcome=Outcome.DENY if beyond is Beyond.WARN else outcome,
                is_enforced=beyond is not Beyond.WARN,
                detail=words[:_MAX_DETAIL],
            )
        )
        if beyond is Beyond.WARN or said.outcome is Outcome.DENY:
            return said
        if beyond is Beyond.ASK:
            return Decision(outcome=Outcome.ASK, reason="needs-approval", detail=name)
        return Decision(outcome=Outcome.DENY, reason="outside-envelope", detail=name)


def _counted_as(principal: Principal) -> str:
    """Who proves one name in different ways is not the same."""
    return principal.id if principal.proof is Proof.API_KEY else f"{principal.proof}:{principal.id}"


def _tools(call: Call) -> tuple[str, ...]:
    return (*(tool.name for tool in call.tools), *(use.name for use in call.tool_uses))


def _words(line: EnvelopeLine, measure: int) -> str:
    shown = f"{measure // _MILLION}.{measure % _MILLION:06d}" if line.dimension == _SPEND else str(measure)
    return f"{line.dimension}: {shown} of {line.limit}; beyond: {line.reason}"


def _settling(measures: Measures, call: Call, price: Price, money: int) -> Callable[[Exchange], None]:
    day = measures.day

    def at_end(exchange: Exchange) -> None:
        usage = exchange.usage
        if not exchange.request_digest:
            measures.settle(day, money, 0)
        elif usage is not None and (usage.input_tokens >= 0 or usage.output_tokens >= 0):
            going_in = usage.input_tokens if usage.input_tokens >= 0 else call.input_tokens
            most = call.max_output_tokens * call.choices
            coming_out = usage.output_tokens if usage.output_tokens >= 0 else most
            measures.settle(day, money, cost_of(price, going_in, coming_out))

    return at_end


def _is_outside(peer: str) -> bool:
    """Whether an address is outside of private networks; one that cannot be read counts as outside."""
    if not peer:
        return False  # A Unix socket.
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return True
    # An address of IPv4 as sockets of IPv6 write it: the range of those counts as private, whatever is in it.
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return not address.is_private

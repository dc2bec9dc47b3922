"""Makes the event of an exchange: what is known of it, texts of others bounded and cleaned, nothing that is a credential.

Texts of others are names of models and principals, and ids of reasons and stages, which plug-ins may have made. Headers
are never looked at. What is read of the facts is named here; whoever delivers the answer puts it there.
"""

from __future__ import annotations

from functools import lru_cache
from operator import sub
from typing import TYPE_CHECKING, Final

from keelmark.core.exchange import ALLOW
from keelmark.core.request_event import (
    AdmissionEvent,
    EventBounds,
    EventGround,
    EventPrincipal,
    RequestEvent,
    clean,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.core.exchange import Exchange, Ground
    from keelmark.core.principal import Principal

__all__ = [
    "ANSWER_BODY",
    "BROKEN_OFF",
    "BYTES_OUT",
    "SENT_BODY",
    "TOKENS_ESTIMATED",
    "admission_of",
    "event_of",
]

SENT_BODY: Final = "sent_body"
"""Fact: the canonical body as sent to the model, bytes; wanted only where content is kept."""
ANSWER_BODY: Final = "answer_body"
"""Fact: the answer as delivered, bytes; wanted only where content is kept."""
BYTES_OUT: Final = "bytes_out"
"""Fact: bytes of the body of the answer that were delivered."""
BROKEN_OFF: Final = "aborted"
"""Fact: the answer did not arrive as a whole."""
TOKENS_ESTIMATED: Final = "tokens_estimated"
"""Fact: the tokens of `exchange.usage` are estimated; else the upstream counted them."""

_BOUNDS = EventBounds()
_LEAST_NS = 1000 * _BOUNDS.least_timing_us


def event_of(exchange: Exchange, *, ended_ns: int) -> RequestEvent:
    """The event of an exchange that is over.

    Args:
        exchange: What is known of it.
        ended_ns: When it was over, on the clock of `exchange.started_ns`.
    """
    call, usage, facts, request = exchange.call, exchange.usage, exchange.facts, exchange.request
    decision, grounds, marks = exchange.decision, exchange.grounds, exchange.marks
    input_tokens, output_tokens = (-1, -1) if usage is None else (usage.input_tokens, usage.output_tokens)
    is_counted = (input_tokens >= 0 or output_tokens >= 0) and not facts.get(TOKENS_ESTIMATED)
    cut: tuple[str, ...] = ()
    if len(marks) > _BOUNDS.max_timings + 1:
        cut, marks = ("timings",), marks[: _BOUNDS.max_timings + 1]
    if len(grounds) > _BOUNDS.max_grounds:
        cut, grounds = (*cut, "grounds"), grounds[: _BOUNDS.max_grounds]
    if call is None:
        action = api = model = ""
        is_stream = False
    else:
        action, api, model, is_stream = call.action, call.api, clean(call.model), call.stream
        if input_tokens < 0:
            input_tokens = call.input_tokens
        if len(call.model) > _BOUNDS.max_name:
            cut = (*cut, "model")
    return RequestEvent(
        action=action,
        answer_digest=exchange.answer_digest,
        api=api,
        broken_off=bool(facts.get(BROKEN_OFF)),
        bytes_in=len(request.body),
        bytes_out=facts.get(BYTES_OUT, 0),
        cut=cut,
        decided_by="" if decision is ALLOW else clean(exchange.decided_by),
        duration_us=(ended_ns - exchange.started_ns) // 1000,
        grounds=_grounds(grounds) if grounds else (),
        id=exchange.id,
        input_tokens=input_tokens,
        model=model,
        outcome=decision.outcome,
        output_tokens=output_tokens,
        peer=request.peer,
        principal=_principal(exchange.principal),
        reason="" if decision is ALLOW else clean(decision.reason),
        release=clean(exchange.release),
        request_digest=exchange.request_digest,
        route="" if exchange.route is None else exchange.route.name,
        status=exchange.status,
        stream=is_stream,
        time=exchange.started,
        timings=tuple(
            [
                (name, took // 1000)
                for name, took in zip(exchange.steps, map(sub, marks[1:], marks), strict=False)
                if took >= _LEAST_NS
            ]
        ),
        tokens="counted" if is_counted else "estimated",
    )


def admission_of(exchange: Exchange) -> AdmissionEvent:
    """The event of an exchange that is let through."""
    call = exchange.call
    return AdmissionEvent(
        action=call.action if call is not None else "",
        api=call.api if call is not None else "",
        id=exchange.id,
        model=clean(call.model) if call is not None else "",
        principal=_principal(exchange.principal),
        release=clean(exchange.release),
        request_digest=exchange.request_digest,
        route="" if exchange.route is None else exchange.route.name,
        time=exchange.started,
    )


@lru_cache(maxsize=1024)  # The same callers come again.
def _principal(principal: Principal | None) -> EventPrincipal | None:
    if principal is None:
        return None
    return EventPrincipal(
        id=clean(principal.id),
        proof=principal.proof,
        team=clean(principal.team) if principal.team else "",
        tenant=clean(principal.tenant) if principal.tenant else "",
    )


def _grounds(grounds: Sequence[Ground]) -> tuple[EventGround, ...]:
    return tuple(
        EventGround(
            detail=clean(ground.detail, _BOUNDS.max_detail),
            enforced=ground.is_enforced,
            outcome=ground.outcome,
            reason=clean(ground.reason),
            score=round(ground.score * 1000),
            stage=clean(ground.stage),
        )
        for ground in grounds
    )

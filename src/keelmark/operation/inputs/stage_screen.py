"""The stage `screen-input`: looks at every text of a call, takes parts out, asks or denies.

1. What is enforced and found is done: parts taken out of the body, or a refusal with the id of its reason.
2. What is only monitored is recorded and changes nothing.
3. The operator's own texts are never taken for attacks; on demand they are looked at for credentials and personal data.
4. A text that is too long is refused, not skipped.
5. No ground carries foreign text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.call import Provenance, Span
from keelmark.core.exchange import ALLOW, Decision, Ground, Outcome, deny
from keelmark.operation.inputs import plugins as plug_ins
from keelmark.operation.inputs.screening import Screening
from keelmark.operation.inputs.settings import Action, GroupRule, InputSettings
from keelmark.operation.inputs.spots import placeholder_of
from keelmark.operation.inputs.taint import mark

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from keelmark.core.call import Call
    from keelmark.core.exchange import Exchange
    from keelmark.operation.inputs.plugins import Plugin
    from keelmark.operation.inputs.screening import Verdict
    from keelmark.operation.inputs.spots import Spot
    from keelmark.operation.inputs.taint import TaintMemory
    from keelmark.operation.inputs.tool_arguments import ToolGuard

__all__ = ["ScreenInput", "put_back"]

_REASONS = {
    "injection": "injection",
    "jailbreak": "injection",
    "extraction": "prompt-extraction",
    "endless": "repetition",
    "repetition": "repetition",
    "many_shot": "many-shot",
    "hidden_text": "hidden-text",
}


def put_back(call: Call, span: Span, text: str) -> None:
    """Put a changed text where a span of the call stands, in its body and among its spans.

    Raises:
        ValueError: The place does not lead to the text, so that it cannot be taken out.
    """
    inner = call.body
    try:
        for key in span.place[:-1]:
            inner = inner[key]
        if inner[span.place[-1]] != span.text:
            raise ValueError("another text stands at the place")
        inner[span.place[-1]] = text
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError("place does not lead to a text") from error
    changed = Span(text=text, provenance=span.provenance, place=span.place)
    call.spans = tuple(changed if each is span else each for each in call.spans)


class ScreenInput:
    """The stage.

    Args:
        settings: What is looked for, and what is done.
        replace: Puts a changed text back into the body of a call.
        tools: Judges the tools that a call offers and uses; None where no tools are let through at all.
        plugins: Detectors of others.
        memory: What is known of earlier answers.
    """

    __slots__ = (
        "_max_characters",
        "_memory",
        "_plugins",
        "_replace",
        "_rules",
        "_screening",
        "_screens_system",
        "_tools",
    )

    name = "screen-input"

    def __init__(
        self,
        settings: InputSettings,
        *,
        replace: Callable[[Call, Span, str], None] = put_back,
        tools: ToolGuard | None = None,
        plugins: Sequence[Plugin] = (),
        memory: TaintMemory | None = None,
    ) -> None:
        self._screening = Screening(settings)
        self._rules: dict[str, GroupRule] = {group: getattr(settings, group) for group in _REASONS}
        self._replace = replace
        self._tools = tools
        self._plugins = tuple(plugins)
        self._memory = memory
        self._max_characters = settings.bounds.max_characters
        self._screens_system = settings.screens_system

    def __call__(self, exchange: Exchange) -> Decision | Awaitable[Decision]:
        """Decide about the exchange."""
        call = exchange.call
        if call is None:
            return deny("stage-failed")
        # An earlier stage that knows of earlier answers may have marked it.
        if "tainted" not in exchange.facts:
            mark(exchange, memory=self._memory)
        decision = self._spans(exchange, call)
        if decision.outcome in {Outcome.DENY, Outcome.ASK}:
            return decision
        if call.tools or call.tool_uses:
            judged = self._tools.judge(exchange) if self._tools is not None else deny("tool-not-allowed")
            if judged is not ALLOW:
                return judged
        if not self._plugins:
            return decision
        return self._asked(exchange, call, decision)

    async def _asked(self, exchange: Exchange, call: Call, decision: Decision) -> Decision:
        spans = [span for span in call.spans if span.provenance is not Provenance.SYSTEM]
        said = await plug_ins.ask(self._plugins, spans, exchange)
        return decision if said is ALLOW else said

    def _spans(self, exchange: Exchange, call: Call) -> Decision:
        look, result = self._screening.look, ALLOW
        for span in call.spans:
            if span.provenance is Provenance.SYSTEM and not self._screens_system:
                continue
            if len(span.text) > self._max_characters:
                return deny("too-large")
            verdict = look(span.text, span.provenance)
            if verdict is None:
                continue
            stopped = self._judged(exchange, verdict)
            if stopped is not None:
                return stopped
            if any(spot.action is Action.REDACT for spot in verdict.spots):
                self._replace(call, span, _without(span.text, verdict.spots))
                reason = next(spot.reason for spot in verdict.spots if spot.action is Action.REDACT)
                result = Decision(outcome=Outcome.REDACT, reason=reason)
        return result

    def _judged(self, exchange: Exchange, verdict: Verdict) -> Decision | None:
        """Record everything; the decision that stops, if any."""
        stopped: Decision | None = None
        for group in verdict.scores:
            said = _of_group(exchange, group, verdict, self._rules[group])
            stopped = stopped or said
        told: set[tuple[str, str]] = set()
        for spot in verdict.spots:
            if (spot.kind, spot.action) not in told:
                told.add((spot.kind, spot.action))
                exchange.grounds.append(_ground_of(spot))
            if spot.action is Action.DENY:
                stopped = stopped or deny(spot.reason)
            elif spot.action is Action.ASK:
                stopped = stopped or Decision(
                    outcome=Outcome.ASK, reason="needs-approval", detail=spot.reason
                )
        return stopped


def _without(text: str, spots: Sequence[Spot]) -> str:
    """The text with what is to be taken out replaced."""
    data = text.encode("utf-8", "surrogatepass")
    pieces: list[str] = []
    at = 0
    for spot in spots:
        if spot.action is Action.REDACT:
            pieces += (data[at : spot.start].decode("utf-8", "surrogatepass"), placeholder_of(spot))
            at = spot.end
    pieces.append(data[at:].decode("utf-8", "surrogatepass"))
    return "".join(pieces)


def _of_group(exchange: Exchange, group: str, verdict: Verdict, rule: GroupRule) -> Decision | None:
    score, spoken = verdict.scores[group], verdict.rules.get(group, "")
    if score < rule.flag_at or rule.action is Action.OFF:
        return None
    is_block = score >= rule.block_at and rule.action in {Action.DENY, Action.ASK}
    is_done = is_block and rule.is_enforced
    outcome = Outcome.ALLOW
    if is_block:
        outcome = Outcome.ASK if rule.action is Action.ASK else Outcome.DENY
    reason = _REASONS[group]
    exchange.grounds.append(
        Ground(
            stage=ScreenInput.name,
            reason=reason,
            outcome=outcome,
            score=round(score, 3),
            is_enforced=is_done,
            detail=f"{group}: {spoken}" if spoken else group,
        )
    )
    if not is_done:
        return None
    return (
        deny(reason)
        if outcome is Outcome.DENY
        else Decision(outcome=Outcome.ASK, reason="needs-approval", detail=reason)
    )


_OUTCOMES = {Action.DENY: Outcome.DENY, Action.ASK: Outcome.ASK, Action.REDACT: Outcome.REDACT}


def _ground_of(spot: Spot) -> Ground:
    outcome = _OUTCOMES.get(spot.action, Outcome.ALLOW)
    return Ground(
        stage=ScreenInput.name,
        reason=spot.reason,
        outcome=outcome,
        score=spot.score,
        is_enforced=outcome is not Outcome.ALLOW,
        detail=spot.kind,
    )

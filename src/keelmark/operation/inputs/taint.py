"""Whether others than the operator and the caller wrote a part of a conversation.

Indirect injections cannot be seen in the text, so that trust is carried instead: a conversation with a tool result or a
retrieved document in it is tainted, and stays so. Policies and the guard of tools read it from `exchange.facts`.

1. A call with a text from outside is tainted, whatever the text says.
2. A call that goes on from an earlier answer is tainted when that one was, and when nothing is known of it.
3. An answer is known as clean only to the caller that got it, through the same upstream, and only when its own conversation
   was clean and nothing but the model wrote in it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from keelmark.core.call import Api
from keelmark.core.exchange import ALLOW, deny

if TYPE_CHECKING:
    from keelmark.core.call import Call
    from keelmark.core.exchange import Decision, Exchange

__all__ = ["EarlierAnswers", "TaintMemory", "mark"]

_MAX_REMEMBERED = 100_000
_MAX_ID = 256
# What a model itself writes; whatever else stands in an answer, such as a search of the upstream, came from outside.
_OWN = frozenset({"message", "reasoning", "function_call", "custom_tool_call"})
_CONTINUES = ("previous_response_id", "conversation")


class TaintMemory:
    """Which earlier answers came out of conversations without untrusted text, by their ids; the oldest are forgotten.

    Args:
        max_remembered: How many.
    """

    __slots__ = ("_clean", "_max")

    def __init__(self, max_remembered: int = _MAX_REMEMBERED) -> None:
        self._clean: OrderedDict[str, None] = OrderedDict()
        self._max = max_remembered

    def note(self, answer: str, *, is_tainted: bool) -> None:
        """Remember an answer.

        Args:
            answer: Its id, together with whatever keeps tenants apart.
            is_tainted: Whether its conversation is tainted.
        """
        if is_tainted:
            self._clean.pop(answer, None)
            return
        self._clean[answer] = None
        self._clean.move_to_end(answer)
        if len(self._clean) > self._max:
            self._clean.popitem(last=False)

    def is_clean(self, answer: str) -> bool:
        """Whether the answer is known, and its conversation free of untrusted text."""
        return answer in self._clean


class EarlierAnswers:
    """The stage that knows which earlier answers are clean. It stands behind the one that finds out who calls.

    Args:
        memory: What is known of earlier answers.
    """

    name: Final = "earlier-answers"

    __slots__ = ("_memory",)

    def __init__(self, memory: TaintMemory) -> None:
        self._memory = memory

    def __call__(self, exchange: Exchange) -> Decision:
        """Take the taint from a call that goes on from a clean answer, and is tainted for no other reason."""
        call = exchange.call
        if call is None or exchange.principal is None:
            return deny("stage-failed")
        if (
            call.continues
            and exchange.facts.get("tainted_by") == ("conversation",)
            and self._memory.is_clean(_key(exchange, call.continues))
        ):
            call.is_tainted = exchange.facts["tainted"] = False
            del exchange.facts["tainted_by"]
        return ALLOW

    def note(self, exchange: Exchange, body: Any) -> None:
        """Remember an answer.

        Args:
            exchange: That it ends.
            body: The answer, as it leaves.
        """
        call = exchange.call
        if call is None or call.api is not Api.RESPONSES or type(body) is not dict:
            return
        name, output = body.get("id"), body.get("output")
        if type(name) is not str or not 0 < len(name) <= _MAX_ID:
            return
        is_clean = (
            exchange.facts.get("tainted") is False
            and type(output) is list
            and all(type(item) is dict and item.get("type") in _OWN for item in output)
        )
        self._memory.note(_key(exchange, name), is_tainted=not is_clean)


def _key(exchange: Exchange, answer: str) -> str:
    """An answer, of one caller and upstream: nobody goes on from what another one said."""
    principal, route = exchange.principal, exchange.route
    if principal is None:
        return ""
    parts = (
        principal.proof,
        principal.tenant,
        principal.id,
        route.upstream if route is not None else "",
        answer,
    )
    return "\0".join(parts)


def mark(exchange: Exchange, *, memory: TaintMemory | None = None) -> bool:
    """Set `facts["tainted"]` and `facts["tainted_by"]` of an exchange; whether it is tainted.

    Args:
        exchange: With its call.
        memory: What is known of earlier answers.
    """
    call = exchange.call
    if call is None:
        return False
    sources = _sources(call)
    if not sources and _goes_on_from_unknown(call, memory):
        sources = ("conversation",)
    call.is_tainted = call.is_tainted or bool(sources)
    exchange.facts["tainted"] = call.is_tainted
    if sources:
        exchange.facts["tainted_by"] = sources
    return call.is_tainted


def _sources(call: Call) -> tuple[str, ...]:
    found: tuple[str, ...] = ()
    for span in call.spans:
        provenance = span.provenance
        if provenance.is_untrusted and provenance.value not in found:
            found = (*found, provenance.value)
    return found


def _goes_on_from_unknown(call: Call, memory: TaintMemory | None) -> bool:
    body = call.body
    if not isinstance(body, dict):
        return False
    for field in _CONTINUES:
        earlier = body.get(field)
        if isinstance(earlier, dict):
            earlier = earlier.get("id")
        if earlier and (memory is None or not memory.is_clean(str(earlier))):
            return True
    return False

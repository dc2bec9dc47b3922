"""Whole answers of `/v1/responses`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.call import ToolUse, Usage
from keelmark.gateway.apis.interface import Answer, AnswerText, TextKind
from keelmark.gateway.apis.openai_answer import add_strings, arguments_of, kept, object_of
from keelmark.gateway.apis.refused import AnswerError

if TYPE_CHECKING:
    from collections.abc import Collection

    from keelmark.core.call import Call
    from keelmark.gateway.apis.bounds import AnswerBounds
    from keelmark.gateway.apis.texts import Place

__all__ = ["CALLS", "HEAD", "PARTS", "answer_of", "echo", "item_tool", "read_response", "usage_of"]

HEAD = frozenset({
    "background", "completed_at", "conversation", "created_at", "error", "id", "incomplete_details", "instructions",
    "max_output_tokens", "max_tool_calls", "metadata", "model", "object", "output", "parallel_tool_calls",
    "previous_response_id", "prompt_cache_key", "prompt_cache_retention", "reasoning", "safety_identifier",
    "service_tier", "status", "store", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p",
    "truncation", "usage", "user",
})  # fmt: skip
"""Fields of a response that are handed on."""

PARTS = {
    "output_text": ("text", TextKind.CONTENT),
    "refusal": ("refusal", TextKind.REFUSAL),
    "reasoning_text": ("text", TextKind.REASONING),
    "summary_text": ("text", TextKind.REASONING),
}
"""Parts of items that are texts: the field, and what the text is."""

CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
"""Items that ask for tools of the caller: the field of their arguments."""

_ECHOED = frozenset({"instructions", "metadata", "tools", "tool_choice", "text"})
_ITEMS = {
    "message": frozenset({"type", "id", "role", "status", "content", "phase"}),
    "reasoning": frozenset({"type", "id", "status", "summary", "content", "encrypted_content"}),
    "function_call": frozenset({"type", "id", "call_id", "name", "arguments", "status", "namespace", "caller"}),
    "custom_tool_call": frozenset({"type", "id", "call_id", "name", "input", "status", "namespace", "caller"}),
}  # fmt: skip
_PART = frozenset({"type", "text", "refusal", "annotations", "logprobs"})


def usage_of(usage: Any) -> Usage | None:
    """Counts as Responses spells them."""
    if type(usage) is not dict:
        return None
    into, out = usage.get("input_tokens"), usage.get("output_tokens")
    return Usage(
        input_tokens=into if type(into) is int and into >= 0 else -1,
        output_tokens=out if type(out) is int and out >= 0 else -1,
    )


def answer_of(call: Call, body: bytes, bounds: AnswerBounds) -> Answer:
    """Read a whole answer.

    Raises:
        AnswerError: It is not what the interface promises.
    """
    value = object_of(body, bounds)
    echo(value, call)
    return read_response(value, bounds, said=call.body)


def echo(value: dict[str, Any], call: Call) -> None:
    """Put what the caller said where the upstream repeats it: as it was sent, not as it came back."""
    for name in _ECHOED & value.keys() & call.body.keys():
        value[name] = call.body[name]
    if "model" in value:
        value["model"] = call.model


def read_response(value: Any, bounds: AnswerBounds, *, said: Collection[str] = ()) -> Answer:
    """Read a response that was decoded.

    Args:
        value: Decoded.
        bounds: What it may hold.
        said: Fields that hold what the caller said.

    Raises:
        AnswerError: It is not what the interface promises.
    """
    value = kept(value, HEAD, "answer")
    output = value.get("output")
    if type(output) is not list:
        raise AnswerError("upstream-invalid", "answer has no output")
    status = value.get("status")

    def changed(text: AnswerText) -> None:
        # Log probabilities stand beside the text, in the same part.
        part: Any = value
        for step in text.place[:-1]:
            part = part[step]
        if type(part) is dict and part.get("logprobs"):
            part["logprobs"] = []

    answer = Answer(
        body=value,
        usage=usage_of(value.get("usage")),
        finish=status if type(status) is str else "",
        changed=changed,
    )
    for index, item in enumerate(output):
        output[index] = _read_item(item, ("output", index), answer, bounds)
    if value.get("error"):
        add_strings(answer, value["error"], ("error",), TextKind.OTHER)
    for name in value.keys() & _ECHOED:
        if name not in said:
            add_strings(answer, value[name], (name,), TextKind.OTHER)
    return answer


def item_tool(item: dict[str, Any], bounds: AnswerBounds) -> ToolUse:
    """The tool that an item asks for.

    Raises:
        AnswerError: It names none.
    """
    kind = item["type"]
    name, held, identity = item.get("name"), item.get(CALLS[kind]), item.get("call_id")
    if type(name) is not str or type(held) is not str:
        raise AnswerError("upstream-invalid", "tool call has no name or arguments")
    return ToolUse(
        name=name,
        arguments=arguments_of(held, bounds) if kind == "function_call" else held,
        id=identity if type(identity) is str else "",
    )


def _read_item(item: Any, place: Place, answer: Answer, bounds: AnswerBounds) -> Any:
    kind = item.get("type") if type(item) is dict else None
    if type(kind) is not str:
        raise AnswerError("upstream-invalid", "item has no kind")
    names = _ITEMS.get(kind)
    if names is None:
        # What tools of the upstream say: every text of it is looked at.
        add_strings(answer, item, place, TextKind.OTHER)
        return item
    item = kept(item, names, "item")
    if kind in CALLS:
        answer.tool_uses = (*answer.tool_uses, item_tool(item, bounds))
        held = item[CALLS[kind]]
        if held:
            answer.texts.append(AnswerText(text=held, place=(*place, CALLS[kind]), kind=TextKind.TOOL))
        return item
    for name in ("content", "summary"):
        parts = item.get(name)
        if parts is None:
            continue
        if type(parts) is not list:
            raise AnswerError("upstream-invalid", "item has no parts")
        for index, part in enumerate(parts):
            parts[index] = _read_part(part, (*place, name, index), answer)
    return item


def _read_part(part: Any, place: Place, answer: Answer) -> Any:
    part = kept(part, _PART, "part")
    kind = part.get("type")
    known = PARTS.get(kind) if type(kind) is str else None
    if known is None:
        add_strings(answer, part, place, TextKind.OTHER)
        return part
    field, text_kind = known
    held = part.get(field)
    if type(held) is not str:
        raise AnswerError("upstream-invalid", "part has no text")
    if held:
        answer.texts.append(AnswerText(text=held, place=(*place, field), kind=text_kind))
    if part.get("annotations"):
        add_strings(answer, part["annotations"], (*place, "annotations"), TextKind.OTHER)
    return part

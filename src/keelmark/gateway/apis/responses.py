"""`/v1/responses`: the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.call import Action, Api, Call, Provenance, ToolDefinition
from keelmark.gateway.apis.fields import (
    check_fields,
    fraction,
    is_bool,
    is_flat,
    is_list,
    is_object,
    is_text,
    list_of,
    one_of,
    text,
    whole,
)
from keelmark.gateway.apis.media import check_stored
from keelmark.gateway.apis.reading import add_extra, begin, cap_output, model_of, read_object, tokens_of
from keelmark.gateway.apis.refused import RefusedError
from keelmark.gateway.apis.responses_items import read_input
from keelmark.gateway.apis.tools import check_count, function_tool, hosted_tool

if TYPE_CHECKING:
    from keelmark.core.exchange import Request
    from keelmark.gateway.apis.bounds import ApiBounds
    from keelmark.gateway.apis.fields import Table
    from keelmark.gateway.apis.texts import Collected

__all__ = ["call_of"]

_WORDS = text(512)
_INCLUDED = (
    "message.output_text.logprobs", "reasoning.encrypted_content", "file_search_call.results",
    "web_search_call.action.sources", "web_search_call.results", "code_interpreter_call.outputs",
)  # fmt: skip
_TABLE: Table = {
    "model": is_text,
    "input": lambda value: type(value) is str or type(value) is list,
    "instructions": is_text,
    # What goes on without the caller would leave unseen.
    "background": lambda value: value is False,
    "conversation": lambda value: type(value) is str or is_flat(value),
    "include": list_of(one_of(*_INCLUDED), 16),
    "max_output_tokens": whole(0, 2**63 - 1),
    "max_tool_calls": whole(0, 10_000),
    "metadata": is_flat,
    "parallel_tool_calls": is_bool,
    "previous_response_id": text(256),
    "prompt_cache_key": _WORDS,
    "prompt_cache_options": is_flat,
    "prompt_cache_retention": _WORDS,
    "reasoning": is_flat,
    "safety_identifier": _WORDS,
    "service_tier": _WORDS,
    "store": is_bool,
    "stream": is_bool,
    "stream_options": is_flat,
    "temperature": fraction(0, 2),
    "text": is_object,
    "tool_choice": lambda value: type(value) is str or type(value) is dict,
    "tools": is_list,
    "top_logprobs": whole(0, 20),
    "top_p": fraction(0, 1),
    "truncation": _WORDS,
    "user": _WORDS,
}
_TEXT: Table = {"format": is_object, "verbosity": _WORDS}


def call_of(request: Request, bounds: ApiBounds) -> Call:
    """The call that a request makes.

    Raises:
        RefusedError: It is not well formed, or asks for more than allowed.
    """
    body, decoded = read_object(request, bounds)
    check_fields(body, _TABLE, extra=bounds.extra_fields)
    found = begin(request, bounds)
    found.add(body.get("instructions") or "", Provenance.SYSTEM, ("instructions",))
    if body.get("input") is None:
        raise RefusedError("bad-field", "`input`")
    read_input(body["input"], found)
    if (held := body.get("conversation")) is not None:
        check_stored(held.get("id") if type(held) is dict else held, found)
    tools = _read_rest(body, found)
    earlier, was_tainted = body.get("previous_response_id"), found.is_tainted
    if earlier is not None:
        check_stored(earlier, found)
    return Call(
        api=Api.RESPONSES,
        action=Action.INFER,
        model=model_of(body),
        body=body,
        spans=tuple(found.spans),
        tools=tools,
        stream=body.get("stream") is True,
        input_tokens=tokens_of(decoded, found),
        max_output_tokens=cap_output(body, bounds, ("max_output_tokens",), default="max_output_tokens"),
        is_tainted=found.is_tainted,
        continues="" if earlier is None or was_tainted else earlier,
    )


def _read_rest(body: dict[str, Any], found: Collected) -> tuple[ToolDefinition, ...]:
    if body.get("text") is not None:
        check_fields(body["text"], _TEXT)
        found.add_all(body["text"].get("format"), Provenance.SYSTEM, ("text", "format"))
    if type(body.get("tool_choice")) is dict:
        found.add_all(body["tool_choice"], Provenance.SYSTEM, ("tool_choice",))
    add_extra(body, found)
    tools = []
    for index, tool in enumerate(check_count(body.get("tools") or [], found)):
        kind = tool.get("type") if type(tool) is dict else None
        if type(kind) is str and kind in {"function", "custom"}:
            tools.append(function_tool(tool, ("tools", index), found))
        elif type(tool) is dict:
            tools.append(hosted_tool(tool, ("tools", index), found))
        else:
            raise RefusedError("bad-field", "`tools`")
    return tuple(tools)

"""`/v1/chat/completions`: the request."""

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
from keelmark.gateway.apis.media import check_base64, check_stored, check_url
from keelmark.gateway.apis.reading import (
    add_extra,
    begin,
    cap_output,
    choices_of,
    model_of,
    read_object,
    tokens_of,
)
from keelmark.gateway.apis.refused import RefusedError
from keelmark.gateway.apis.tools import check_count, function_tool, openai_tools

if TYPE_CHECKING:
    from keelmark.core.exchange import Request
    from keelmark.gateway.apis.bounds import ApiBounds
    from keelmark.gateway.apis.fields import Table
    from keelmark.gateway.apis.texts import Collected, Place

__all__ = ["COMMON", "ask_usage", "call_of", "check_stop", "read_parts"]

_WORDS = text(512)
_MAX_BIAS = 1024
_LONGEST = 2**63 - 1


def _is_bias(value: Any) -> bool:
    return (
        type(value) is dict
        and len(value) <= _MAX_BIAS
        and all(type(each) in {int, float} and -100 <= each <= 100 for each in value.values())
    )


COMMON: Table = {
    "model": is_text,
    "frequency_penalty": fraction(-2, 2),
    "logit_bias": _is_bias,
    "max_tokens": whole(0, _LONGEST),
    "n": whole(1, _LONGEST),
    "presence_penalty": fraction(-2, 2),
    "seed": whole(-(2**63), 2**64 - 1),
    "stop": lambda _: True,
    "stream": is_bool,
    "stream_options": is_flat,
    "temperature": fraction(0, 2),
    "top_p": fraction(0, 1),
    "user": _WORDS,
}
"""Fields that requests for text share; what stands under `stop` is checked by `check_stop`."""

_TABLE: Table = {
    **COMMON,
    "messages": is_list,
    "function_call": lambda value: type(value) is str or is_flat(value),
    "functions": is_list,
    "logprobs": is_bool,
    "max_completion_tokens": whole(0, _LONGEST),
    "metadata": is_flat,
    "modalities": list_of(one_of("text"), 4),
    "parallel_tool_calls": is_bool,
    "prediction": is_object,
    "prompt_cache_key": _WORDS,
    "prompt_cache_options": is_flat,
    "prompt_cache_retention": _WORDS,
    "reasoning_effort": _WORDS,
    "response_format": is_object,
    "safety_identifier": _WORDS,
    "service_tier": _WORDS,
    "store": is_bool,
    "tool_choice": lambda value: type(value) is str or type(value) is dict,
    "tools": is_list,
    "top_logprobs": whole(0, 20),
    "verbosity": _WORDS,
    "web_search_options": is_object,
}
_MESSAGE: Table = {
    "role": is_text,
    "content": lambda value: type(value) is str or type(value) is list,
    "name": text(256),
    "refusal": is_text,
    "tool_calls": is_list,
    "function_call": is_object,
    "tool_call_id": text(256),
    # As some models write it; they want it back.
    "reasoning_content": is_text,
    "reasoning": is_text,
}
_ROLES = {
    "system": Provenance.SYSTEM,
    "developer": Provenance.SYSTEM,
    "user": Provenance.USER,
    "assistant": Provenance.MODEL,
    "tool": Provenance.TOOL,
    "function": Provenance.TOOL,
}
_PARTS = {
    "text": ("type", "text"),
    "refusal": ("type", "refusal"),
    "image_url": ("type", "image_url"),
    "input_audio": ("type", "input_audio"),
    "file": ("type", "file"),
}
_TOOL_CALL: Table = {
    "id": text(256),
    "type": text(64),
    "index": whole(0, 10_000),
    "function": is_object,
    "custom": is_object,
}
_STREAM_OPTIONS: Table = {"include_usage": is_bool, "include_obfuscation": is_bool}
_FORMAT: Table = {"type": text(64), "json_schema": is_object}


def call_of(request: Request, bounds: ApiBounds) -> Call:
    """The call that a request makes.

    Raises:
        RefusedError: It is not well formed, or asks for more than allowed.
    """
    body, decoded = read_object(request, bounds)
    check_fields(body, _TABLE, extra=bounds.extra_fields)
    found = begin(request, bounds)
    _read_messages(body.get("messages"), found)
    tools = _read_rest(body, found) if len(body) > 2 else ()
    tokens = tokens_of(decoded, found)
    stream = body.get("stream") is True
    return Call(
        api=Api.CHAT,
        action=Action.INFER,
        model=model_of(body),
        body=body,
        spans=tuple(found.spans),
        tools=tools,
        stream=stream,
        max_output_tokens=cap_output(
            body, bounds, ("max_tokens", "max_completion_tokens"), default=bounds.cap_field
        ),
        choices=choices_of(body, bounds, "n") if "n" in body else 1,
        input_tokens=tokens,
        is_tainted=found.is_tainted,
        hides_usage=stream and ask_usage(body, bounds),
    )


def ask_usage(body: dict[str, Any], bounds: ApiBounds) -> bool:
    """Make a stream tell its counts; whether the caller did not ask for them.

    Raises:
        RefusedError: The options of the stream are not well formed.
    """
    options = body.get("stream_options") or {}
    check_fields(options, _STREAM_OPTIONS)
    if options.get("include_usage") is True or not bounds.asks_usage:
        return False
    body["stream_options"] = {**options, "include_usage": True}
    return True


def check_stop(body: dict[str, Any], found: Collected, name: str = "stop") -> None:
    """Check the texts that end an answer.

    Raises:
        RefusedError: They are none, or too many.
    """
    stops = body.get(name)
    if stops is None or type(stops) is str:
        return
    if (
        type(stops) is not list
        or len(stops) > found.bounds.max_stops
        or not all(type(each) is str for each in stops)
    ):
        raise RefusedError("bad-field", f"`{name}`")


def read_parts(parts: Any, provenance: Provenance, place: Place, found: Collected) -> None:
    """Read the content of a message that has parts.

    Raises:
        RefusedError: A part is not well formed, or of a kind that is not allowed.
    """
    if type(parts) is not list or len(parts) > found.bounds.max_parts:
        raise RefusedError("bad-field", "`content`")
    for index, part in enumerate(parts):
        kind = part.get("type") if type(part) is dict else None
        known = _PARTS.get(kind) if type(kind) is str else None
        if known is None or type(kind) is not str:
            raise RefusedError("bad-field", "`content` has a part of a kind that is not known")
        for name in part:
            if name not in known and not (name == "cache_control" and is_flat(part[name])):
                raise RefusedError("unknown-field", "in a part of `content`")
        held = part.get(known[1])
        if kind in {"text", "refusal"}:
            if type(held) is not str:
                raise RefusedError("bad-field", "`content`")
            found.add(held, provenance, (*place, index, kind))
        else:
            _read_media(kind, held, (*place, index, kind), found)


def _read_media(kind: str, held: Any, place: Place, found: Collected) -> None:
    if type(held) is not dict:
        raise RefusedError("bad-field", f"`{kind}`")
    if kind == "image_url":
        check_fields(held, {"url": is_text, "detail": text(64)})
        check_url(held.get("url"), found)
    elif kind == "input_audio":
        check_fields(held, {"data": is_text, "format": text(64)})
        check_base64(held.get("data"), found)
    else:
        check_fields(held, {"file_data": is_text, "file_id": is_text, "filename": text(256)})
        if held.get("file_id") is not None:
            check_stored(held["file_id"], found)
        if held.get("file_data") is not None or held.get("file_id") is None:
            check_base64(held.get("file_data"), found)
        # What it says is seen by nobody but the model.
        found.is_tainted = True
        found.add(held.get("filename") or "", Provenance.RETRIEVED, (*place, "filename"))


def _read_messages(messages: Any, found: Collected) -> None:
    if type(messages) is not list or not messages:
        raise RefusedError("bad-field", "`messages`")
    if len(messages) > found.bounds.max_messages:
        raise RefusedError("bad-field", f"`messages`: at most {found.bounds.max_messages}")
    for index, message in enumerate(messages):
        if type(message) is not dict:
            raise RefusedError("bad-field", "`messages`")
        role = message.get("role")
        provenance = _ROLES.get(role) if type(role) is str else None
        if provenance is None:
            raise RefusedError("bad-field", "`role`")
        if found.marks is not None:
            provenance = found.of_message(index, provenance)
        content = message.get("content")
        if type(content) is str:
            found.add(content, provenance, ("messages", index, "content"))
            if len(message) == 2:
                continue
        elif content is not None:
            read_parts(content, provenance, ("messages", index, "content"), found)
        _read_message(message, provenance, index, found)


def _read_message(message: dict[str, Any], provenance: Provenance, index: int, found: Collected) -> None:
    """What a message may hold besides its content."""
    check_fields(message, _MESSAGE)
    for name in ("name", "refusal", "reasoning_content", "reasoning"):
        if message.get(name):
            found.add(message[name], provenance, ("messages", index, name))
    for at, use in enumerate(message.get("tool_calls") or ()):
        if type(use) is not dict:
            raise RefusedError("bad-field", "`tool_calls`")
        check_fields(use, _TOOL_CALL)
        for name in ("function", "custom"):
            place: Place = ("messages", index, "tool_calls", at, name)
            _read_use(use.get(name), provenance, place, found)
    _read_use(message.get("function_call"), provenance, ("messages", index, "function_call"), found)


def _read_use(use: Any, provenance: Provenance, place: Place, found: Collected) -> None:
    if use is None:
        return
    check_fields(use, {"name": text(128), "arguments": is_text, "input": is_text})
    for name in ("arguments", "input"):
        found.add(use.get(name) or "", provenance, (*place, name))


def _read_rest(body: dict[str, Any], found: Collected) -> tuple[ToolDefinition, ...]:
    """Fields beside messages and model: tools, schemas, what holds texts."""
    check_stop(body, found)
    tools: tuple[ToolDefinition, ...] = ()
    if body.get("tools"):
        tools = openai_tools(body["tools"], found)
    if body.get("functions"):
        tools += tuple(
            function_tool(_object(tool), ("functions", index), found)
            for index, tool in enumerate(check_count(body["functions"], found))
        )
    if body.get("web_search_options") is not None and "web_search" not in found.bounds.hosted_tools:
        raise RefusedError("bad-field", "`web_search_options` is not allowed here")
    if body.get("response_format") is not None:
        check_fields(body["response_format"], _FORMAT)
    for name in ("response_format", "tool_choice", "web_search_options"):
        if type(body.get(name)) is dict:
            found.add_all(body[name], Provenance.SYSTEM, (name,))
    if body.get("prediction") is not None:
        check_fields(body["prediction"], {"type": text(64), "content": lambda _: True})
        found.add_all(body["prediction"], Provenance.USER, ("prediction",))
    if found.bounds.extra_fields:
        add_extra(body, found)
    return tools


def _object(value: Any) -> dict[str, Any]:
    if type(value) is not dict:
        raise RefusedError("bad-field", "`functions`")
    return value

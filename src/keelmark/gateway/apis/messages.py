"""`/v1/messages` and `/v1/messages/count_tokens`: the request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from keelmark.core.call import Action, Api, Call, Provenance, ToolDefinition
from keelmark.gateway.apis.chat import check_stop
from keelmark.gateway.apis.fields import (
    check_fields,
    fraction,
    is_bool,
    is_flat,
    is_list,
    is_object,
    is_text,
    shown,
    text,
    whole,
)
from keelmark.gateway.apis.messages_blocks import read_blocks
from keelmark.gateway.apis.reading import (
    add_extra,
    begin,
    cap_output,
    model_of,
    read_object,
    tokens_of,
)
from keelmark.gateway.apis.refused import RefusedError
from keelmark.gateway.apis.tools import anthropic_tool, check_count

if TYPE_CHECKING:
    from keelmark.core.exchange import Request
    from keelmark.gateway.apis.bounds import ApiBounds
    from keelmark.gateway.apis.fields import Table
    from keelmark.gateway.apis.texts import Collected

__all__ = ["call_of", "count_call_of"]

# What a version changes shows in fields, and those are known.
_VERSION = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")
_COUNTED: Table = {
    "model": is_text,
    "messages": is_list,
    "system": lambda _: True,
    "tools": is_list,
    "tool_choice": is_flat,
    "thinking": is_flat,
    "output_config": is_object,
    "cache_control": is_flat,
    "speed": text(64),
    "user_profile_id": text(256),
}
_TABLE: Table = {
    **_COUNTED,
    "max_tokens": whole(0, 2**63 - 1),
    "metadata": is_flat,
    "service_tier": text(64),
    "inference_geo": text(64),
    "stop_sequences": is_list,
    "stream": is_bool,
    "temperature": fraction(0, 1),
    "top_k": whole(0, 2**31 - 1),
    "top_p": fraction(0, 1),
}
_OUTPUT: Table = {"format": is_object, "effort": text(64)}
_ROLES = {"user": Provenance.USER, "assistant": Provenance.MODEL, "system": Provenance.SYSTEM}


def call_of(request: Request, bounds: ApiBounds) -> Call:
    """The call that a request for an answer makes.

    Raises:
        RefusedError: It is not well formed, or asks for more than allowed.
    """
    return _call(request, bounds, _TABLE, has_output=True)


def count_call_of(request: Request, bounds: ApiBounds) -> Call:
    """The call that a request for a count of tokens makes.

    Raises:
        RefusedError: It is not well formed, or asks for more than allowed.
    """
    return _call(request, bounds, _COUNTED, has_output=False)


def _call(request: Request, bounds: ApiBounds, table: Table, *, has_output: bool) -> Call:
    _check_headers(request, bounds)
    body, decoded = read_object(request, bounds)
    check_fields(body, table, extra=bounds.extra_fields)
    found = begin(request, bounds)
    if body.get("system") is not None:
        read_blocks(body["system"], Provenance.SYSTEM, ("system",), found)
    _read_messages(body.get("messages"), found)
    tools = _read_rest(body, found)
    tokens = tokens_of(decoded, found)
    if has_output and body.get("max_tokens") is None and not bounds.caps_output:
        raise RefusedError("bad-field", "`max_tokens`")
    return Call(
        api=Api.MESSAGES,
        action=Action.INFER,
        model=model_of(body),
        body=body,
        spans=tuple(found.spans),
        tools=tools,
        stream=body.get("stream") is True,
        max_output_tokens=(
            cap_output(body, bounds, ("max_tokens",), default="max_tokens") if has_output else 0
        ),
        input_tokens=tokens,
        is_tainted=found.is_tainted,
    )


def _check_headers(request: Request, bounds: ApiBounds) -> None:
    version = request.headers.get("anthropic-version")
    if version is not None and not _VERSION.fullmatch(version):
        raise RefusedError("bad-request", "`anthropic-version`")
    for beta in (request.headers.get("anthropic-beta") or "").split(","):
        if beta.strip() and beta.strip() not in bounds.betas:
            raise RefusedError("bad-request", "`anthropic-beta` asks for what is not allowed here")


def _read_messages(messages: Any, found: Collected) -> None:
    if type(messages) is not list or not messages:
        raise RefusedError("bad-field", "`messages`")
    if len(messages) > found.bounds.max_messages:
        raise RefusedError("bad-field", f"`messages`: at most {found.bounds.max_messages}")
    for index, message in enumerate(messages):
        role = message.get("role") if type(message) is dict else None
        provenance = _ROLES.get(role) if type(role) is str else None
        if provenance is None:
            raise RefusedError("bad-field", "`role`")
        for name in message:
            if name not in {"role", "content"}:
                raise RefusedError("unknown-field", shown(name))
        if found.marks is not None:
            provenance = found.of_message(index, provenance)
        read_blocks(message.get("content"), provenance, ("messages", index, "content"), found)


def _read_rest(body: dict[str, Any], found: Collected) -> tuple[ToolDefinition, ...]:
    """Fields beside messages and model."""
    check_stop(body, found, "stop_sequences")
    if body.get("output_config") is not None:
        check_fields(body["output_config"], _OUTPUT)
        found.add_all(body["output_config"].get("format"), Provenance.SYSTEM, ("output_config", "format"))
    add_extra(body, found)
    if not body.get("tools"):
        return ()
    return tuple(
        anthropic_tool(tool, ("tools", index), found)
        for index, tool in enumerate(check_count(body["tools"], found))
    )

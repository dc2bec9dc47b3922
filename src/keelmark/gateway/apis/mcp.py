"""MCP over streamable HTTP: requests, notifications and answers of clients, at `/mcp/{server}`.

One message per request: batches are refused. Methods that are not known are refused. What comes back stands in
`mcp_answer`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.call import Action, Api, Call, Provenance, ToolUse
from keelmark.gateway.apis.fields import check_fields, is_object, is_text, required_text
from keelmark.gateway.apis.reading import begin, read_object, tokens_of
from keelmark.gateway.apis.refused import RefusedError

if TYPE_CHECKING:
    from keelmark.core.exchange import Request
    from keelmark.gateway.apis.bounds import ApiBounds
    from keelmark.gateway.apis.fields import Table
    from keelmark.gateway.apis.texts import Collected

__all__ = ["METHODS", "PASSED", "RETURNED", "call_of", "session_call_of"]

PASSED = ("mcp-session-id", "mcp-protocol-version", "last-event-id")
"""Headers of the request that servers read."""

RETURNED = ("mcp-session-id", "mcp-protocol-version")
"""Headers of the answer that clients read."""

METHODS = {
    "initialize": Action.LIST_TOOLS,
    "ping": Action.LIST_TOOLS,
    "tools/list": Action.LIST_TOOLS,
    "tools/call": Action.CALL_TOOL,
    "resources/list": Action.READ_RESOURCE,
    "resources/templates/list": Action.READ_RESOURCE,
    "resources/read": Action.READ_RESOURCE,
    "resources/subscribe": Action.READ_RESOURCE,
    "resources/unsubscribe": Action.READ_RESOURCE,
    "prompts/list": Action.READ_RESOURCE,
    "prompts/get": Action.READ_RESOURCE,
    "completion/complete": Action.READ_RESOURCE,
    "logging/setLevel": Action.LIST_TOOLS,
    "server/discover": Action.LIST_TOOLS,
}
"""Methods that clients may call, and what policies take them for."""

_NOTIFICATIONS = frozenset({
    "notifications/initialized", "notifications/cancelled", "notifications/progress", "notifications/roots/list_changed",
})  # fmt: skip
_MESSAGE: Table = {
    "jsonrpc": lambda value: value == "2.0",
    "id": lambda value: type(value) in {str, int},
    "method": is_text,
    "params": is_object,
    "result": is_object,
    "error": is_object,
}
_ERROR: Table = {"code": lambda value: type(value) is int, "message": is_text, "data": lambda _: True}
_CALL: Table = {
    "name": is_text,
    "arguments": is_object,
    "_meta": is_object,
    "task": is_object,
    "inputResponses": is_object,
    "requestState": is_text,
}
_MAX_ID = 256
_VISIBLE = frozenset(map(chr, range(0x21, 0x7F)))


def call_of(request: Request, bounds: ApiBounds, name: str) -> Call:
    """The call that one message makes.

    Raises:
        RefusedError: It is not well formed, or of a method that is not allowed.
    """
    _check_headers(request)
    body, decoded = read_object(request, bounds)
    check_fields(body, _MESSAGE)
    if body.get("jsonrpc") != "2.0":
        raise RefusedError("bad-field", "`jsonrpc`")
    identity = body.get("id")
    if ("id" in body and identity is None) or (type(identity) is str and len(identity) > _MAX_ID):
        raise RefusedError("bad-field", "`id`")
    found = begin(request, bounds)
    uses: tuple[ToolUse, ...] = ()
    if "method" in body:
        action, uses = _read_method(body, found)
    else:
        action = _read_response(body, found)
    return Call(
        api=Api.MCP,
        action=action,
        model=name,
        body=body,
        spans=tuple(found.spans),
        tool_uses=uses,
        input_tokens=tokens_of(decoded, found),
        id=identity,
        is_tainted=found.is_tainted,
    )


def session_call_of(request: Request, _: ApiBounds, name: str) -> Call:
    """The call of a GET, which opens the stream of a session, or of a DELETE, which ends it.

    Raises:
        RefusedError: It has a body.
    """
    _check_headers(request)
    if request.body:
        raise RefusedError("bad-request", "this takes no body")
    return Call(api=Api.MCP, action=Action.LIST_TOOLS, model=name, body=None, stream=request.method == "GET")


def _check_headers(request: Request) -> None:
    for name in PASSED:
        value = request.headers.get(name)
        if value is not None and not (0 < len(value) <= _MAX_ID and _VISIBLE.issuperset(value)):
            raise RefusedError("bad-request", f"`{name}`")


def _read_method(body: dict[str, Any], found: Collected) -> tuple[Action, tuple[ToolUse, ...]]:
    method = body["method"]
    if "result" in body or "error" in body or type(method) is not str:
        raise RefusedError("bad-field", "`method`")
    params = body.get("params") or {}
    provenance = found.of_message(0, Provenance.USER)
    if "id" not in body:
        if method not in _NOTIFICATIONS:
            raise RefusedError("bad-field", "`method` is none that is allowed here")
        found.add_all(params, provenance, ("params",))
        return Action.LIST_TOOLS, ()
    action = METHODS.get(method)
    if action is None:
        if method not in found.bounds.mcp_methods:
            raise RefusedError("bad-field", "`method` is none that is allowed here")
        # Least is known of it, so it counts as what has effects.
        action = Action.CALL_TOOL
    found.add_all(params, provenance, ("params",))
    if method != "tools/call":
        return action, ()
    check_fields(params, _CALL)
    use = ToolUse(
        name=required_text(params, "name"),
        arguments=params.get("arguments") or {},
        id=str(body["id"]),
    )
    return action, (use,)


def _read_response(body: dict[str, Any], found: Collected) -> Action:
    """What a client answers to a server: texts that its model or its user wrote."""
    if ("result" in body) == ("error" in body) or "id" not in body or "params" in body:
        raise RefusedError("bad-field", "message is neither request, notification nor answer")
    if body.get("error") is not None:
        check_fields(body["error"], _ERROR)
        found.add_all(body["error"], Provenance.USER, ("error",))
    found.add_all(body.get("result"), Provenance.MODEL, ("result",))
    return Action.LIST_TOOLS

"""What MCP servers send: answers, notifications and requests, as one JSON body or as a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.call import Api, ToolDefinition
from keelmark.gateway.apis.interface import Answer, TextKind, apply
from keelmark.gateway.apis.openai_answer import add_strings, kept
from keelmark.gateway.apis.refused import AnswerError
from keelmark.gateway.apis.sse import Event, event_bytes
from keelmark.gateway.apis.streaming import EventStream
from keelmark.gateway.apis.strict_json import decode_foreign, encode
from keelmark.gateway.apis.tools import tool_digest
from keelmark.gateway.refusals import body_of

if TYPE_CHECKING:
    from keelmark.core.call import Call
    from keelmark.core.exchange import Decision
    from keelmark.gateway.apis.bounds import AnswerBounds
    from keelmark.gateway.apis.interface import Screens

__all__ = ["McpStream", "answer_of"]

_MESSAGE = frozenset({"jsonrpc", "id", "method", "params", "result", "error"})
_NOTIFICATIONS = frozenset({
    "notifications/cancelled", "notifications/message", "notifications/progress", "notifications/prompts/list_changed",
    "notifications/resources/list_changed", "notifications/resources/updated", "notifications/tools/list_changed",
})  # fmt: skip


def answer_of(call: Call, body: bytes, bounds: AnswerBounds) -> Answer:
    """Read the answer to one request. An empty one is that of a notification.

    Raises:
        AnswerError: It is not what the interface promises.
    """
    if len(body) > bounds.max_bytes:
        raise AnswerError("upstream-too-large", "answer is too large")
    if not body:
        if call.id is not None:
            raise AnswerError("upstream-invalid", "request was not answered")
        return Answer(body=None)
    answer = _read(body, bounds)
    if "method" in answer.body or (call.id is not None and not _is_same(answer.body.get("id"), call.id)):
        raise AnswerError("upstream-invalid", "answer is to something else")
    return answer


def _read(data: bytes, bounds: AnswerBounds) -> Answer:
    """Read one message of a server."""
    try:
        value = decode_foreign(data, max_depth=bounds.max_depth)
    except ValueError as error:
        raise AnswerError("upstream-invalid", f"message is {error}") from error
    value = kept(value, _MESSAGE, "message")
    if value.get("jsonrpc") != "2.0":
        raise AnswerError("upstream-invalid", "message is no JSON-RPC 2.0")
    answer = Answer(body=value)
    if "method" in value:
        if type(value["method"]) is not str or "result" in value or "error" in value:
            raise AnswerError("upstream-invalid", "message is request and answer")
        add_strings(answer, value.get("params"), ("params",), TextKind.TOOL)
        return answer
    if ("result" in value) == ("error" in value):
        raise AnswerError("upstream-invalid", "message is neither request nor answer")
    for name in ("result", "error"):
        if name in value:
            if type(value[name]) is not dict:
                raise AnswerError("upstream-invalid", f"`{name}` is no object")
            add_strings(answer, value[name], (name,), TextKind.TOOL)
    tools = (value.get("result") or {}).get("tools")
    if type(tools) is list:
        answer.tools = tuple(map(_tool, tools))
    return answer


def _tool(tool: Any) -> ToolDefinition:
    name = tool.get("name") if type(tool) is dict else None
    description = tool.get("description") if type(tool) is dict else None
    if type(name) is not str or not (description is None or type(description) is str):
        raise AnswerError("upstream-invalid", "server offers a tool without a name")
    return ToolDefinition(
        name=name, digest=tool_digest(name, description or "", tool.get("inputSchema")), definition=tool
    )


def _is_same(one: Any, other: str | int) -> bool:
    return type(one) is type(other) and one == other


class McpStream(EventStream):
    """A stream of messages of a server: each is screened as a whole.

    The stream of a request ends with its answer; the one of a session (GET) has no end of its own.

    Args:
        call: What was asked.
        screens: What texts and tools are shown to.
        bounds: What the answer may hold.
    """

    def __init__(self, call: Call, screens: Screens, bounds: AnswerBounds) -> None:
        super().__init__(screens, bounds)
        self._id = call.id
        self._is_session = call.body is None

    def take(self, event: Event) -> bytes:
        """What may leave after one event."""
        answer = _read(event.data, self.bounds)
        body = answer.body
        if "method" in body:
            allowed = self.bounds.server_requests if "id" in body else _NOTIFICATIONS
            if body["method"] not in allowed:
                return b""
        elif self._is_session:
            if "id" not in body:
                raise AnswerError("upstream-invalid", "answer is to nothing")
        elif not _is_same(body.get("id"), self._id if self._id is not None else ""):
            raise AnswerError("upstream-invalid", "answer is to something else")
        else:
            self.is_done = True
            self.finish = "error" if "error" in body else "result"
        apply(answer, self.screens)
        return event_bytes(encode(body), name="message", id=event.id)

    def close(self) -> bytes:
        """What may leave when the server says no more: a stream can be taken up again later, so this is no failure."""
        self.is_done = True
        return b""

    def refuse(self, decision: Decision) -> bytes:
        """The answer that tells the caller why nothing more comes."""
        self.is_done = True
        return event_bytes(body_of(decision, api=Api.MCP, id=self._id), name="message")

"""Streams of `/v1/messages`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.call import Api, ToolUse
from keelmark.gateway.apis.interface import TextKind
from keelmark.gateway.apis.messages_answer import HEAD, OPAQUE, usage_of
from keelmark.gateway.apis.openai_answer import arguments_of, kept
from keelmark.gateway.apis.refused import AnswerError
from keelmark.gateway.apis.sse import Event, event_bytes
from keelmark.gateway.apis.streaming import EventStream, screened
from keelmark.gateway.apis.strict_json import encode
from keelmark.gateway.refusals import body_of
from keelmark.operation.credentials.disclosure import FIELD

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.core.call import Call
    from keelmark.core.exchange import Decision
    from keelmark.gateway.apis.bounds import AnswerBounds
    from keelmark.gateway.apis.interface import Screens

__all__ = ["MessagesStream"]

_DELTAS = {
    "text_delta": ("text", TextKind.CONTENT),
    "thinking_delta": ("thinking", TextKind.REASONING),
}
_STOP = frozenset({"stop_reason", "stop_sequence", "stop_details", "container"})
_MAX_BLOCKS = 4096


class _Block:
    """One block of content that is open."""

    __slots__ = ("kind", "parts", "start", "texts")

    def __init__(self, kind: str, start: dict[str, Any]) -> None:
        self.kind = kind
        self.start = start
        self.texts: set[str] = set()
        self.parts: list[str] = []


class MessagesStream(EventStream):
    """A stream of one message.

    Args:
        call: What was asked.
        screens: What texts and tools are shown to.
        bounds: What the answer may hold.
    """

    def __init__(self, call: Call, screens: Screens, bounds: AnswerBounds) -> None:
        super().__init__(screens, bounds)
        self._model = call.model
        self._open: dict[int, _Block] = {}
        self._takes: dict[str, Callable[[dict[str, Any]], bytes]] = {
            "message_start": self._message_start,
            "content_block_start": self._block_start,
            "content_block_delta": self._block_delta,
            "content_block_stop": self._block_stop,
            "message_delta": self._message_delta,
            "message_stop": self._message_stop,
            "ping": self._ping,
            "error": self._error,
        }

    def take(self, event: Event) -> bytes:
        """What may leave after one event."""
        value = self.value_of(event)
        kind = value.get("type")
        take = self._takes.get(kind) if type(kind) is str else None
        # The name beside the data is not read: clients that go by it and those that go by the data get the same.
        return b"" if take is None else take(value)

    def refuse(self, decision: Decision) -> bytes:
        """The event that tells the caller why nothing more comes."""
        self.is_done = True
        return event_bytes(body_of(decision, api=Api.MESSAGES), name="error")

    def _message_start(self, value: dict[str, Any]) -> bytes:
        message = kept(value.get("message"), HEAD, "message")
        message["content"] = []
        if "model" in message:
            message["model"] = self._model
        if self.disclosed is not None:
            message[FIELD] = self.disclosed
        self.usage = usage_of(message.get("usage"), self.usage)
        return _bytes({"type": "message_start", "message": message})

    def _block_start(self, value: dict[str, Any]) -> bytes:
        index, block = value.get("index"), value.get("content_block")
        kind = block.get("type") if type(block) is dict else None
        if type(index) is not int or not 0 <= index < _MAX_BLOCKS or type(kind) is not str:
            raise AnswerError("upstream-invalid", "block has no index or kind")
        if index in self._open:
            raise AnswerError("upstream-invalid", "block begins twice")
        assert type(block) is dict
        opened = self._open[index] = _Block(kind, block)
        first = ""
        if kind in ("text", "thinking"):
            first = block.get(kind) or ""
            block = {"type": kind, kind: "", **({"signature": ""} if kind == "thinking" else {})}
            if type(first) is not str:
                raise AnswerError("upstream-invalid", "block has no text")
        elif kind == "tool_use":
            given = block.get("input")
            if given:
                opened.parts.append(encode(given).decode())
            block = {**kept(block, frozenset({"type", "id", "name", "caller"}), "block"), "input": {}}
        elif kind not in OPAQUE:
            block = screened(block, self.screens)
        start = _bytes({"type": "content_block_start", "index": index, "content_block": block})
        return start + self._text(index, opened, f"{kind}_delta", first) if first else start

    def _block_delta(self, value: dict[str, Any]) -> bytes:
        index, delta = value.get("index"), value.get("delta")
        opened = self._open.get(index) if type(index) is int else None
        if opened is None or type(index) is not int or type(delta) is not dict:
            raise AnswerError("upstream-invalid", "delta of a block that is not open")
        kind = delta.get("type")
        if type(kind) is str and kind in _DELTAS:
            return self._text(index, opened, kind, delta.get(_DELTAS[kind][0]))
        if kind == "input_json_delta":
            part = delta.get("partial_json")
            if type(part) is not str:
                raise AnswerError("upstream-invalid", "delta holds no text")
            self.hold(len(part))
            opened.parts.append(part)
            return b""
        if kind == "signature_delta":
            # The signature follows the whole text: clients put them together in this order.
            delta = {"type": kind, "signature": delta.get("signature")}
            return self._rest(index, opened) + _delta(index, delta)
        if kind == "citations_delta":
            citation = screened(delta.get("citation"), self.screens)
            return _delta(index, {"type": kind, "citation": citation})
        return b""

    def _text(self, index: int, opened: _Block, kind: str, part: Any) -> bytes:
        field, text_kind = _DELTAS[kind]
        if type(part) is not str:
            raise AnswerError("upstream-invalid", "delta holds no text")
        opened.texts.add(kind)
        given = self.channel((index, kind), text_kind, 0).feed(part)
        return _delta(index, {"type": kind, field: given}) if given else b""

    def _rest(self, index: int, opened: _Block) -> bytes:
        """What was held back of the texts of a block."""
        out = []
        for kind in sorted(opened.texts):
            rest = self.channels[index, kind].close()
            if rest:
                out.append(_delta(index, {"type": kind, _DELTAS[kind][0]: rest}))
        return b"".join(out)

    def _block_stop(self, value: dict[str, Any]) -> bytes:
        index = value.get("index")
        opened = self._open.pop(index, None) if type(index) is int else None
        if opened is None or type(index) is not int:
            raise AnswerError("upstream-invalid", "a block that is not open ends")
        before = self._rest(index, opened)
        for kind in opened.texts:
            del self.channels[index, kind]
        if opened.kind == "tool_use":
            before += self._tool(index, opened)
        elif opened.parts:
            # Arguments of a tool of the upstream: as a whole too.
            held = screened("".join(opened.parts), self.screens, TextKind.TOOL)
            before += _delta(index, {"type": "input_json_delta", "partial_json": held})
        return before + _bytes({"type": "content_block_stop", "index": index})

    def _tool(self, index: int, opened: _Block) -> bytes:
        """Show a whole tool call, and its texts."""
        name, identity = opened.start.get("name"), opened.start.get("id")
        if type(name) is not str:
            raise AnswerError("upstream-invalid", "tool use has no name")
        held = "".join(opened.parts)
        use = ToolUse(
            name=name,
            arguments=arguments_of(held, self.bounds),
            id=identity if type(identity) is str else "",
        )
        self.screens.tool(use)
        self.tool_uses.append(use)
        if not held:
            return b""
        held = screened(held, self.screens, TextKind.TOOL)
        return _delta(index, {"type": "input_json_delta", "partial_json": held})

    def _message_delta(self, value: dict[str, Any]) -> bytes:
        delta = kept(value.get("delta"), _STOP, "delta")
        self.usage = usage_of(value.get("usage"), self.usage)
        reason = delta.get("stop_reason")
        if type(reason) is str:
            self.finish = reason
        if delta.get("stop_sequence"):
            delta["stop_sequence"] = screened(delta["stop_sequence"], self.screens)
        return _bytes({"type": "message_delta", "delta": delta, "usage": value.get("usage")})

    def _message_stop(self, _: dict[str, Any]) -> bytes:
        if self._open:
            raise AnswerError("upstream-invalid", "message ends with blocks that are open")
        self.is_done = True
        return _bytes({"type": "message_stop"})

    def _ping(self, _: dict[str, Any]) -> bytes:
        return _bytes({"type": "ping"})

    def _error(self, _: dict[str, Any]) -> bytes:
        raise AnswerError("upstream-failed", "upstream says that it failed")


def _bytes(value: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (value["type"].encode(), encode(value))


def _delta(index: int, delta: dict[str, Any]) -> bytes:
    return _bytes({"type": "content_block_delta", "index": index, "delta": delta})

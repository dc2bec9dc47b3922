"""A system behind the gateway, on loopback, in a thread of its own: it says what it is told to, and keeps all it was asked."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

TEXTS = ("Hello", ", how", " are you?")
TOOL = {
    "name": "look",
    "description": "Looks a word up.",
    "inputSchema": {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]},
}
EFFECT = {
    "name": "send",
    "description": "Sends a mail.",
    "inputSchema": {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]},
}
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Script:
    """What is said next.

    `texts` is the answer, part by part. A `status` other than 200 comes with `words`. `body` replaces a whole answer, and
    `kind` its media type. `calls` makes models call a tool. `ends_after` breaks a stream off behind so many events, `is_endless`
    repeats the texts until the other side leaves; `is_open` lets streams and `is_answering` whole answers go on.
    """

    texts: tuple[str, ...] = TEXTS
    status: int = 200
    words: bytes = b"the words of the upstream"
    headers: tuple[str, ...] = ()
    body: bytes | None = None
    kind: str = _JSON
    ends_after: int | None = None
    is_endless: bool = False
    calls: tuple[str, dict[str, Any]] | None = None
    tool: dict[str, Any] = field(default_factory=lambda: dict(TOOL))
    is_open: asyncio.Event = field(default_factory=asyncio.Event)
    is_answering: asyncio.Event = field(default_factory=asyncio.Event)


class Upstream:
    """Speaks the interfaces of OpenAI and Anthropic, MCP, and a predict path of a trained model."""

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        self.gone = 0
        self.port = 0
        self.loop: asyncio.AbstractEventLoop
        self.stopping: asyncio.Event
        self.reset()

    def reset(self) -> None:
        """Say again what is said by default."""
        self.script = Script()
        self.script.is_open.set()
        self.script.is_answering.set()

    def hold(self) -> None:
        """Let streams wait behind their first event until `go`."""
        self.loop.call_soon_threadsafe(self.script.is_open.clear)

    def be_silent(self) -> None:
        """Let every answer wait until `go`."""
        self.loop.call_soon_threadsafe(self.script.is_answering.clear)

    def go(self) -> None:
        """Let answers go on."""
        self.loop.call_soon_threadsafe(self.script.is_open.set)
        self.loop.call_soon_threadsafe(self.script.is_answering.set)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ahead = b""
        tasks: list[asyncio.Task[Any]] = []
        try:
            while True:
                asked = await _read(reader, ahead)
                self.requests.append(asked)
                answering = asyncio.create_task(self._answer(asked, writer))
                # Who asks sends nothing more before the answer; its going away ends this.
                leaving = asyncio.create_task(reader.read(1))
                tasks = [answering, leaving]
                await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if leaving.done() and not leaving.result():
                    self.gone += 1
                    return
                if not await answering:
                    return
                # The first byte of what is asked next on the same connection.
                ahead = await leaving
                if not ahead:
                    return
        except asyncio.IncompleteReadError:
            return
        except ConnectionError:
            self.gone += 1
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            writer.close()

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        script, path = self.script, asked.path
        await script.is_answering.wait()
        more = "".join(f"{line}\r\n" for line in script.headers)
        if script.status != 200:
            return await _whole(writer, script.status, script.words, kind="text/plain", more=more)
        if script.body is not None:
            return await _whole(writer, 200, script.body, kind=script.kind, more=more)
        if path.startswith("/mcp"):
            return await self._mcp(asked, writer)
        body = asked.json
        text = "".join(script.texts)
        if body.get("stream"):
            return await self._stream(_EVENTS[path](script.texts), writer)
        answer = _called(path, script.calls) if script.calls is not None else _WHOLE[path](text)
        return await _whole(writer, 200, json.dumps(answer).encode(), more=more)

    async def _stream(self, events: list[tuple[str, Any]], writer: asyncio.StreamWriter) -> bool:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for number, event in enumerate(events):
            if self.script.ends_after == number:
                return False
            await _event(writer, *event)
            await self.script.is_open.wait()
            while self.script.is_endless and number == len(self.script.texts):
                await _event(writer, *event)
                await asyncio.sleep(0)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def _mcp(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        if asked.method == "GET":
            return await _whole(writer, 405, b"", more="allow: POST\r\n")
        message = asked.json if asked.method == "POST" else {}
        if "id" not in message:
            return await _whole(writer, 202, b"")
        found = {
            "initialize": lambda: {
                "protocolVersion": message["params"]["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "words", "version": "1"},
            },
            "tools/list": lambda: {"tools": [self.script.tool]},
            "tools/call": lambda: {
                "content": [{"type": "text", "text": f"found {message['params']['arguments']['word']}"}]
            },
        }.get(message["method"])
        answer = {"jsonrpc": "2.0", "id": message["id"]}
        if found is None:
            answer["error"] = {"code": -32601, "message": "no such method"}
        else:
            answer["result"] = found()
        more = "mcp-session-id: session-1\r\n" if message["method"] == "initialize" else ""
        return await _whole(writer, 200, json.dumps(answer).encode(), more=more)


async def _event(writer: asyncio.StreamWriter, name: str, value: Any) -> None:
    data = value if isinstance(value, str) else json.dumps(value)
    event = ((f"event: {name}\n" if name else "") + f"data: {data}\n\n").encode()
    writer.write(b"%x\r\n%b\r\n" % (len(event), event))
    await writer.drain()


async def _read(reader: asyncio.StreamReader, ahead: bytes) -> Asked:
    head = (ahead + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, path, headers, body)


async def _whole(
    writer: asyncio.StreamWriter, status: int, body: bytes, *, kind: str = _JSON, more: str = ""
) -> bool:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nserver: upstream\r\n{more}content-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    return True


def _called(path: str, use: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """The answer of a model that calls a tool."""
    name, arguments = use
    if path == "/v1/messages":
        block = {"type": "tool_use", "id": "call_1", "name": name, "input": arguments}
        return {**_message(""), "content": [block], "stop_reason": "tool_use"}
    answer = _chat("")
    function = {"name": name, "arguments": json.dumps(arguments)}
    call = {"id": "call_1", "type": "function", "function": function}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    answer["choices"] = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
    return answer


def _chat(text: str) -> dict[str, Any]:
    return {
        "id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    }  # fmt: skip


def _chat_events(texts: tuple[str, ...]) -> list[tuple[str, Any]]:
    deltas = [{"role": "assistant", "content": ""}, *({"content": text} for text in texts), {}]
    return [
        *(
            ("", {
                "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                "choices": [{"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}],
            })
            for delta in deltas
        ),
        ("", "[DONE]"),
    ]  # fmt: skip


def _completion(text: str) -> dict[str, Any]:
    return {
        "id": "x", "object": "text_completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "text": text, "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }  # fmt: skip


def _completion_events(texts: tuple[str, ...]) -> list[tuple[str, Any]]:
    events = [{**_completion(text), "usage": None} for text in ("", *texts, "")]
    for event in events[:-1]:
        event["choices"][0]["finish_reason"] = None
    return [*(("", event) for event in events), ("", "[DONE]")]


def _predicted(_: str) -> dict[str, Any]:
    return {"predictions": [0.25]}


def _embedding(_: str) -> dict[str, Any]:
    return {
        "object": "list", "model": "m", "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0]}],
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
    }  # fmt: skip


def _message(text: str) -> dict[str, Any]:
    return {
        "id": "m1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn", "stop_sequence": None,
        "content": [{"type": "text", "text": text}] if text else [], "usage": {"input_tokens": 5, "output_tokens": 7},
    }  # fmt: skip


def _message_events(texts: tuple[str, ...]) -> list[tuple[str, Any]]:
    values = [
        {"type": "message_start", "message": {**_message(""), "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
            for text in texts
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    ]  # fmt: skip
    return [(str(value["type"]), value) for value in values]


def _response(text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    item = {"type": "message", "id": "i", "role": "assistant", "status": "completed", "content": [part]}
    return {
        "id": "r", "object": "response", "created_at": 1.0, "model": "m", "status": "completed",
        "output": [item] if text else [], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "error": None,
        "incomplete_details": None, "metadata": {}, "temperature": 1.0, "top_p": 1.0, "instructions": None,
        "usage": {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12,
                  "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}},
    }  # fmt: skip


def _response_events(texts: tuple[str, ...]) -> list[tuple[str, Any]]:
    whole = _response("".join(texts))
    item = whole["output"][0]
    part = item["content"][0]
    at = {"item_id": "i", "output_index": 0, "content_index": 0}
    begun = {**_response(""), "status": "in_progress", "usage": None}
    values: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0,
         "item": {**item, "content": [], "status": "in_progress"}},
        {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
        *({"type": "response.output_text.delta", **at, "delta": text, "logprobs": []} for text in texts),
        {"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []},
        {"type": "response.content_part.done", **at, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]  # fmt: skip
    return [(value["type"], {**value, "sequence_number": number}) for number, value in enumerate(values)]


_WHOLE = {
    "/v1/chat/completions": _chat,
    "/v1/completions": _completion,
    "/v1/embeddings": _embedding,
    "/v1/responses": _response,
    "/v1/messages": _message,
    "/predict": _predicted,
}
_EVENTS = {
    "/v1/chat/completions": _chat_events,
    "/v1/completions": _completion_events,
    "/v1/responses": _response_events,
    "/v1/messages": _message_events,
}


@contextmanager
def running() -> Iterator[Upstream]:
    """An upstream that is up."""
    upstream, is_up = Upstream(), threading.Event()

    async def main() -> None:
        upstream.loop = asyncio.get_running_loop()
        upstream.stopping = asyncio.Event()
        server = await asyncio.start_server(upstream, "127.0.0.1", 0, backlog=512)
        upstream.port = server.sockets[0].getsockname()[1]
        is_up.set()
        await upstream.stopping.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    thread = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
    thread.start()
    assert is_up.wait(30)
    try:
        yield upstream
    finally:
        upstream.go()
        upstream.loop.call_soon_threadsafe(upstream.stopping.set)
        thread.join(30)

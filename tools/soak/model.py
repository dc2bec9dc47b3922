"""The model behind the gateway while it is soaked: it answers at once, names what it was asked, and counts who went away."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from typing import Self

__all__ = ["WORDS", "Model"]

WORDS = (
    "Thank you for writing to us; ", "the watering can ", "was sent apart on Wednesday ", "and should arrive tomorrow. ",
    "Keep the shears ", "for thirty days ", "and decide at leisure. ", "Returning them ", "costs nothing. ",
    "Enjoy your garden!",
)  # fmt: skip
"""What every answer says, after the number of the case."""

_CASE = re.compile(rb"case ([0-9a-f]{8})")
_LENGTH = re.compile(rb"content-length: (\d+)")
_STREAM = b'"stream":true'
_GAP_S = 0.002
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_EVENT = (
    b'data: {"id":"chatcmpl-%b","object":"chat.completion.chunk","created":1700000000,"model":"small",'
    b'"choices":[{"index":0,"delta":%b,"finish_reason":%b}]}\n\n'
)
_WHOLE = (
    b'{"id":"chatcmpl-%b","object":"chat.completion","created":1700000000,"model":"small","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"case %b: %b"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":210,"completion_tokens":128,"total_tokens":338}}'
)
_TEXT = "".join(WORDS * 4).encode()


class Model:
    """A server on loopback.

    Attributes:
        connections: Open now.
        streams: Under way now.
        given_up: Streams whose reader went away before their end.
    """

    def __init__(self) -> None:
        self.connections = self.streams = self.given_up = 0
        self.port = 0
        self._server: asyncio.Server

    async def __aenter__(self) -> Self:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Line(self), "127.0.0.1", 0, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Listen no more."""
        self._server.close()


class _Line(asyncio.Protocol):
    """One connection; requests of a pool come one after the other."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._said = b""
        self._is_streaming = False
        self._next: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._model.connections += 1

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self._model.connections -= 1
        if self._next is not None:
            self._next.cancel()
        if self._is_streaming:
            self._model.streams -= 1
            self._model.given_up += 1

    def data_received(self, data: bytes) -> None:
        self._said += data
        end = self._said.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(self._said, 0, end)
        whole = end + 4 + (int(length[1]) if length else 0)
        if len(self._said) < whole:
            return
        body, self._said = self._said[end + 4 : whole], self._said[whole:]
        found = _CASE.search(body)
        case = found[1] if found else b"00000000"
        if _STREAM in body:
            self._is_streaming = True
            self._model.streams += 1
            self._later(lambda: self._begin(case))
            return
        answer = _WHOLE % (case, case, _TEXT)
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
            % (len(answer), answer)
        )

    def _later(self, what: object) -> None:
        self._next = asyncio.get_running_loop().call_later(_GAP_S, what)  # type: ignore[arg-type]

    def _begin(self, case: bytes) -> None:
        self._transport.write(_HEAD)
        self._say(case, 0)

    def _say(self, case: bytes, number: int) -> None:
        if number < len(WORDS):
            said = f"case {case.decode()}: {WORDS[0]}" if number == 0 else WORDS[number]
            event = _EVENT % (case, b'{"content":"%b"}' % said.encode(), b"null")
            chunk = b"%x\r\n%b\r\n" % (len(event), event)
            # Chunks do not fall together with what is read at once.
            cut = int(case[-2:], 16) % len(chunk)
            self._transport.write(chunk[:cut])
            self._later(lambda: self._rest(case, number, chunk[cut:]))
            return
        event = _EVENT % (case, b"{}", b'"stop"')
        self._transport.write(b"%x\r\n%b\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n" % (len(event), event))
        self._is_streaming = False
        self._model.streams -= 1

    def _rest(self, case: bytes, number: int, rest: bytes) -> None:
        self._transport.write(rest)
        self._say(case, number + 1)

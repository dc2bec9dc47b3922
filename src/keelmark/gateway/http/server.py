"""A server of HTTP/1.1 that reads strictly and inside bounds.

The grammar is read by llhttp; what it leaves open is settled in `head`. One request of a connection is answered at a time,
in the order they came. The promises, each with a test:

1. Nothing grows with what a caller sends beyond the bounds: target, headers, body, requests in line, connections.
2. A caller who sends or takes too slowly is let go; times are looked at twice a second.
3. What can be read in more than one way is refused, and the connection ends: nothing behind it is read as a request.
4. When the caller goes away, the task that answers is cancelled.
5. An answer that was begun and cannot be ended breaks the connection off: half of it never passes for whole.
6. When the server stops, requests under way are answered, and no others are taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from email.utils import formatdate
from typing import TYPE_CHECKING, Protocol, cast

import httptools

from keelmark.core.exchange import Request, deny
from keelmark.gateway.http.bounds import LONGEST_CHUNK, ServerBounds
from keelmark.gateway.http.head import headers_of, path_of
from keelmark.gateway.http.reply import Reply, taken
from keelmark.gateway.refusals import body_of, refusal_of

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable
    from typing import Self

__all__ = ["Connection", "Handler", "Server"]

_SWEEP_S = 0.5
_NEVER = float("inf")
_JSON = ((b"content-type", b"application/json"),)
_VERSIONS = frozenset({"1.1", "1.0"})
_METHODS = frozenset({b"GET", b"POST", b"DELETE", b"HEAD", b"OPTIONS", b"PUT", b"PATCH"})
# What is read at all; which of them a path takes is told by whoever knows paths.
_ALLOW = (b"allow", b", ".join(sorted(_METHODS)))


class Handler(Protocol):
    """Answers one request."""

    async def __call__(self, request: Request, reply: Reply) -> None:
        """Answer it, with all of `reply.send`, or `begin`, `write` and `finish`."""
        ...


class _RefusedError(Exception):
    """Raised inside of callbacks of the parser, which passes it on; an ordinary exception never is."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Server:
    """Connections of one listener.

    Args:
        handler: Answers requests.
        bounds: What one caller may ask.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        bounds: ServerBounds | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.handler = handler
        self.bounds = bounds or ServerBounds()
        self.clock = clock
        self.connections: set[Connection] = set()
        self.is_draining = False
        self.date = b""
        self._listener: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Event | None = None
        self._tick()

    async def listen(self, *, sock: socket.socket, tls: ssl.SSLContext | None = None) -> Self:
        """Take connections of a bound socket from now on."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: Connection(self), sock=sock, ssl=tls, backlog=1024)
        self._sweep()
        return self

    async def close(self) -> None:
        """Take no more requests, let those under way end, then end all connections."""
        self.is_draining = True
        if self._listener is not None:
            self._listener.close()
        for connection in tuple(self.connections):
            connection.close_if_idle()
        if self.connections:
            self._emptied = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.bounds.drain_timeout_s):
                    await self._emptied.wait()
        for connection in tuple(self.connections):
            connection.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()

    @property
    def under_way(self) -> int:
        """How many requests are being answered."""
        return sum(connection.is_answering for connection in self.connections)

    def left(self, connection: Connection) -> None:
        """A connection is gone."""
        self.connections.discard(connection)
        if self._emptied is not None and not self.connections:
            self._emptied.set()

    def _sweep(self) -> None:
        self._tick()
        now = self.clock()
        for connection in tuple(self.connections):
            if connection.deadline <= now:
                connection.expire()
        self._sweeper = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)

    def _tick(self) -> None:
        self.date = b"date: %b\r\n" % formatdate(usegmt=True).encode()


class Connection(asyncio.Protocol):
    """One connection. The parser calls the methods that begin with `on_`."""

    __slots__ = (
        "_body", "_body_bytes", "_certificate", "_has_head", "_headers", "_is_begun", "_is_closing", "_max_headers",
        "_parser", "_peer", "_raw_bytes", "_read", "_requests", "_target", "_task", "_transport", "_version", "_waiting", "deadline",
        "is_lost", "server", "taken",
    )  # fmt: skip

    def __init__(self, server: Server) -> None:
        self.server = server
        self.is_lost = False
        self.taken: asyncio.Future[None] | None = None
        self.deadline = _NEVER
        self._transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)
        self._task: asyncio.Task[None] | None = None
        self._waiting: deque[tuple[Request, str, bool]] = deque()
        self._is_closing = self._is_begun = False
        self._max_headers = server.bounds.max_headers
        self._read: tuple[dict[str, str], tuple[str, str]] = ({}, ("", ""))
        self._requests = self._raw_bytes = 0
        self._peer = self._certificate = ""
        self._reset()

    # From the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A caller is there."""
        self._transport = cast("asyncio.Transport", transport)
        transport = self._transport
        server = self.server
        if server.is_draining or len(server.connections) >= server.bounds.max_connections:
            self.is_lost = True
            transport.abort()
            return
        server.connections.add(self)
        transport.set_write_buffer_limits(high=server.bounds.write_buffer_bytes)
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if isinstance(peer, tuple) else ""
        self._certificate = _subject_of(transport.get_extra_info("peercert"))
        self.deadline = server.clock() + server.bounds.header_timeout_s

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._is_closing:
            return
        message = self._headers
        try:
            self._parser.feed_data(data)
            if self._is_begun and self._headers is message:
                self._count(len(data))
        except httptools.HttpParserUpgrade:
            self._refuse("bad-request")
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            self._refuse(cause.reason if isinstance(cause, _RefusedError) else "bad-request")
        except _RefusedError as error:
            self._refuse(error.reason)
        except httptools.HttpParserError as error:
            is_length = "Length" in str(error) or "Transfer-Encoding" in str(error)
            self._refuse("ambiguous-request" if is_length else "bad-request")

    def pause_writing(self) -> None:
        """The caller takes less than is written."""
        self.taken = taken()
        self.deadline = self.server.clock() + self.server.bounds.write_timeout_s

    def resume_writing(self) -> None:
        """The caller has taken what waited."""
        self.deadline = _NEVER
        self._release()

    def eof_received(self) -> bool:
        """The caller says no more; who does not listen for the answer either cannot be told, so it is taken for gone."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The caller is gone."""
        del error
        self.is_lost = self._is_closing = True
        self.server.left(self)
        self._waiting.clear()
        self._release()
        if self._task is not None:
            self._task.cancel()

    # From the parser

    def on_message_begin(self) -> None:
        """A request begins."""
        self._reset()
        self._is_begun = True
        if self._task is None:
            self.deadline = self.server.clock() + self.server.bounds.header_timeout_s

    def on_url(self, url: bytes) -> None:
        """The target, or a part of it."""
        self._target += url
        if len(self._target) > self.server.bounds.max_target_bytes:
            raise _RefusedError("headers-too-large")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; behind a body, a trailer, which nobody asked for. Their bytes are counted when the head is whole."""
        headers = self._headers
        headers.append((name, value))
        if self._has_head or len(headers) > self._max_headers:
            self._check_size()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._check_size()
        self._has_head = True
        pairs, bounds, parser = self._headers, self.server.bounds, self._parser
        self._version = version = parser.get_http_version()
        if version not in _VERSIONS:
            raise _RefusedError("bad-request")
        if parser.get_method() not in _METHODS:
            raise _RefusedError("bad-method")
        headers = headers_of(pairs, version=version)
        if headers is None:
            raise _RefusedError("ambiguous-request")
        place = path_of(self._target)
        if place is None:
            raise _RefusedError("bad-request")
        self._read = (headers, place)
        if int(headers.get("content-length", "0")) > bounds.max_body_bytes:
            raise _RefusedError("too-large")
        if self._task is None:
            self.deadline = self.server.clock() + bounds.body_timeout_s
            if "expect" in headers:
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body_bytes += len(body)
        if self._body_bytes > self.server.bounds.max_body_bytes:
            raise _RefusedError("too-large")
        self._body.append(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._is_begun = False
        headers, (path, query) = self._read
        request = Request(
            method=self._parser.get_method().decode("ascii"),
            path=path,
            query=query,
            headers=headers,
            body=self._body[0] if len(self._body) == 1 else b"".join(self._body),
            peer=self._peer,
            certificate=self._certificate,
        )
        keeps = self._parser.should_keep_alive()
        if self._task is None:
            self._answer(request, self._version, keeps)
        elif len(self._waiting) >= self.server.bounds.max_pipelined:
            raise _RefusedError("bad-request")
        else:
            self._waiting.append((request, self._version, keeps))

    # From replies and the server

    @property
    def date(self) -> bytes:
        """The header that tells the time."""
        return self.server.date

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if not self.is_lost:
            self._transport.write(data)

    @property
    def is_answering(self) -> bool:
        """Whether a request is under way."""
        return self._task is not None

    def answered(self, *, keeps: bool) -> None:
        """The answer to the request under way is whole."""
        if not keeps or self.server.is_draining or self._requests >= self.server.bounds.max_requests:
            self._close()

    def abort(self) -> None:
        """Break off."""
        self._is_closing = True
        self._transport.abort()

    def expire(self) -> None:
        """A time is over."""
        if self._task is None and self._is_begun and not self._is_closing:
            self._refuse("timeout")
            return
        self.abort()

    def close_if_idle(self) -> None:
        """End the connection unless a request is under way."""
        if self._task is None:
            self._close()

    def _reset(self) -> None:
        self._target, self._version = b"", ""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._body_bytes = self._raw_bytes = 0
        self._has_head = False

    def _check_size(self) -> None:
        """Check the headers and trailers that came so far."""
        pairs, bounds = self._headers, self.server.bounds
        size = sum([len(name) + len(value) for name, value in pairs])
        if len(pairs) > bounds.max_headers or size > bounds.max_header_bytes:
            raise _RefusedError("headers-too-large")

    def _count(self, length: int) -> None:
        """Bytes that all belong to one request: nothing else bounds a header or a trailer that never ends."""
        bounds = self.server.bounds
        self._raw_bytes += length
        head = bounds.max_header_bytes + bounds.max_target_bytes
        if self._raw_bytes > head + LONGEST_CHUNK * self._body_bytes:
            raise _RefusedError("headers-too-large")

    def _answer(self, request: Request, version: str, keeps: bool) -> None:  # noqa: FBT001 - one of two callers
        self._requests += 1
        self.deadline = _NEVER
        reply = Reply(self, version=version, keeps=keeps, is_head=request.method == "HEAD")
        self._task = asyncio.get_running_loop().create_task(self._run(request, reply))

    async def _run(self, request: Request, reply: Reply) -> None:
        try:
            await self.server.handler(request, reply)
        except asyncio.CancelledError:
            if not self.is_lost:
                self.abort()
            raise
        except Exception:  # noqa: BLE001 - the edge: whatever fails is a refusal or a broken answer
            if not reply.is_begun and not self.is_lost:
                reply.close_after()
                _refuse(reply, "stage-failed")
        finally:
            self._task = None
            if not reply.is_done and not self.is_lost:
                self.abort()
        self._next()

    def _next(self) -> None:
        if self._is_closing:
            return
        if self._waiting:
            self._answer(*self._waiting.popleft())
            return
        bounds = self.server.bounds
        self.deadline = self.server.clock() + (
            bounds.body_timeout_s if self._is_begun else bounds.idle_timeout_s
        )

    def _refuse(self, reason: str) -> None:
        """Refuse what cannot be read; nothing behind it can be relied on."""
        if self._is_closing:
            return
        self._waiting.clear()
        if self._task is not None:
            self._is_closing = True  # The request before it is answered; then nothing more.
            return
        reply = Reply(self, version="1.1", keeps=False, is_head=False)
        _refuse(reply, reason)

    def _close(self) -> None:
        self._is_closing = True
        self.deadline = self.server.clock() + self.server.bounds.write_timeout_s
        self._transport.close()

    def _release(self) -> None:
        waiting, self.taken = self.taken, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)


def _refuse(reply: Reply, reason: str) -> None:
    decision = deny(reason)
    headers = (*_JSON, _ALLOW) if reason == "bad-method" else _JSON
    with contextlib.suppress(OSError):
        reply.send(refusal_of(decision).status, body_of(decision, api=None), headers)


def _subject_of(certificate: object) -> str:
    """The subject of a verified certificate, as in RFC 4514, first part first."""
    if not isinstance(certificate, dict):
        return ""
    pairs = (pair for part in certificate.get("subject", ()) for pair in part)
    return ",".join(f"{name}={value}" for name, value in pairs)

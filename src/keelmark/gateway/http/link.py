"""One connection to a model, and the answers that come over it.

An answer belongs to its call alone: the connection may be at the next one while the last part of the one before is still
to be taken.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Protocol, cast

import httptools

from keelmark.errors import KeelmarkError
from keelmark.gateway.http.bounds import LONGEST_CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.gateway.http.bounds import UpstreamBounds

__all__ = ["Answer", "ClosedError", "Link", "UpstreamError"]

_NEVER = float("inf")
_INFORMATIONAL, _NO_CONTENT, _NOT_MODIFIED = 200, 204, 304


class UpstreamError(KeelmarkError):
    """A model could not be asked, or gave no answer that can be relied on.

    Args:
        reason: Id of the reason, as the table of refusals knows it.
        message: What happened, for the log.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ClosedError(Exception):
    """A connection ended before any byte of an answer."""


class Answer:
    """One answer: its head, and its body as it comes. It belongs to one call; the connection may be at the next one already.

    Attributes:
        status: HTTP status.
        headers: Names in lower case, and values.
        is_whole: Whether all of the body has come.
    """

    __slots__ = ("_error", "_link", "_parts", "_wanted", "buffered", "headers", "is_whole", "status")

    def __init__(self, link: Link, status: int, headers: dict[str, str]) -> None:
        self._link, self.status, self.headers = link, status, headers
        self._parts: deque[bytes] = deque()
        self._wanted: asyncio.Future[None] | None = None
        self._error: UpstreamError | None = None
        self.buffered = 0
        self.is_whole = False

    async def next_part(self) -> bytes:
        """What has come since the last part; nothing at the end of the body.

        Raises:
            UpstreamError: It broke off, or a bound was reached.
        """
        while not self._parts:
            if self._error is not None:
                raise self._error
            if self.is_whole:
                return b""
            self._wanted = asyncio.get_running_loop().create_future()
            try:
                await self._wanted
            except BaseException:
                self.close()
                raise
        part = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self.buffered = 0
        self._link.taken(self)
        return part

    async def body(self) -> bytes:
        """The whole body.

        Raises:
            UpstreamError: It broke off, or a bound was reached.
        """
        first = await self.next_part()
        if self.is_whole and not self._parts:
            return first
        parts = [first]
        while part := await self.next_part():
            parts.append(part)
        return b"".join(parts)

    def close(self) -> None:
        """Let go of it; the connection of an answer that is not whole is closed."""
        if not self.is_whole:
            self._link.let_go(self)

    def came(self, part: bytes) -> None:
        """A part of the body has come."""
        self._parts.append(part)
        self.buffered += len(part)
        self._wake()

    def ended(self, error: UpstreamError | None = None) -> None:
        """Nothing more comes."""
        if error is None:
            self.is_whole = True
        else:
            self._error = error
        self._wake()

    def _wake(self) -> None:
        waiting, self._wanted = self._wanted, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)


class Pool(Protocol):
    """Where a connection goes back to."""

    bounds: UpstreamBounds
    clock: Callable[[], float]

    def kept(self, link: Link) -> None:
        """A connection is free again."""
        ...

    def lost(self, link: Link) -> None:
        """A connection is gone."""
        ...


class Link(asyncio.Protocol):
    """One connection. The parser calls the methods that begin with `on_`."""

    __slots__ = (
        "_answer", "_body_bytes", "_expected", "_headers", "_is_busy", "_is_endless", "_is_head", "_is_paused",
        "_keeps", "_parser", "_raw_bytes", "_transport", "_upstream", "deadline", "is_open", "last",
    )  # fmt: skip

    def __init__(self, upstream: Pool) -> None:
        self._upstream = upstream
        self._transport: asyncio.Transport
        self._parser: httptools.HttpResponseParser
        self._expected: asyncio.Future[Answer] | None = None
        self._answer: Answer | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._body_bytes = self._raw_bytes = 0
        self._is_busy = self._is_paused = self._is_head = self._is_endless = self._keeps = self.is_open = (
            False
        )
        self.deadline = self.last = _NEVER

    # For one call

    async def call(self, request: bytes, *, is_head: bool) -> Answer:
        """Send a request and wait for the head of the answer."""
        upstream = self._upstream
        now = upstream.clock()
        self.deadline, self.last = (
            now + upstream.bounds.answer_timeout_s,
            now + upstream.bounds.total_timeout_s,
        )
        self._parser = httptools.HttpResponseParser(self)
        self._headers = []
        self._answer = None
        self._body_bytes = self._raw_bytes = 0
        self._is_busy, self._is_head = True, is_head
        self._keeps = self._is_endless = False
        self._expected = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._expected
        except BaseException:
            self.abort()
            raise

    def taken(self, answer: Answer) -> None:
        """What had come was taken."""
        if self._is_paused and self._answer is answer:
            self._is_paused = False
            self._transport.resume_reading()

    def let_go(self, answer: Answer) -> None:
        """Nobody waits for the rest of an answer."""
        if self._answer is answer:
            self.abort()

    def abort(self) -> None:
        """Close the connection at once."""
        self._keeps = self._is_busy = self.is_open = False
        self._transport.abort()

    def expire(self) -> None:
        """A time is over."""
        if not self._is_busy:
            self.abort()
            return
        if self._is_paused and self.last > self._upstream.clock():
            return  # It is the caller who takes nothing; the server looks after that.
        self._fail("upstream-timeout", "no answer in time")

    # From the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if not self._is_busy:
            self.abort()  # Nobody asked: whatever it is, it is no answer to the next call.
            return
        bounds = self._upstream.bounds
        self.deadline = self._upstream.clock() + bounds.idle_timeout_s
        self._raw_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (
            httptools.HttpParserError,
            httptools.HttpParserUpgrade,
            httptools.HttpParserCallbackError,
        ) as error:
            self._keeps = False
            if self._is_under_way:
                self._fail("upstream-invalid", f"answer is not well formed: {error}")
            return
        if (
            self._raw_bytes > bounds.max_header_bytes + LONGEST_CHUNK * self._body_bytes
            and self._is_under_way
        ):
            self._fail("upstream-too-large", "head, trailers or chunks of the answer are too large")
        elif self._answer is not None and self._answer.buffered > bounds.buffer_bytes and self._is_under_way:
            self._is_paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """The other end says no more."""
        if self._is_endless and self._is_under_way:
            self._ended()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        self.is_open = False
        if self._is_under_way:
            waiting = self._expected
            if not self._raw_bytes and waiting is not None and not waiting.done():
                self._is_busy = False
                waiting.set_exception(ClosedError())
            else:
                self._fail("upstream-failed", f"answer broke off: {error or 'closed'}")
        self._upstream.lost(self)

    # From the parser

    def on_message_begin(self) -> None:
        """An answer begins."""
        if self._is_over:
            self._keeps = False  # A second answer to one request.
        self._headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which is not handed on."""
        if self._answer is None:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        status = self._parser.get_status_code()
        if status < _INFORMATIONAL or self._answer is not None:
            return
        headers: dict[str, str] = {}
        for raw_name, raw_value in self._headers:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        has_body = not (self._is_head or status in {_NO_CONTENT, _NOT_MODIFIED})
        self._is_endless = has_body and not ({"content-length", "transfer-encoding"} & headers.keys())
        self._answer = Answer(self, status, headers)
        if self._expected is not None and not self._expected.done():
            self._expected.set_result(self._answer)
        if self._is_head:
            self._ended()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        if not self._is_busy:
            return
        if self._answer is None or self._answer.is_whole:
            self._keeps = False
            return
        self._body_bytes += len(body)
        if self._body_bytes > self._upstream.bounds.max_body_bytes:
            self._fail("upstream-too-large", "answer is too large")
        else:
            self._answer.came(body)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self._is_busy and self._answer is not None and not self._answer.is_whole:
            self._keeps = self._parser.should_keep_alive()
            self._ended()

    # Inside

    @property
    def _is_over(self) -> bool:
        return self._answer is not None and self._answer.is_whole

    @property
    def _is_under_way(self) -> bool:
        return self._is_busy and not self._is_over

    def _ended(self) -> None:
        assert self._answer is not None
        self._answer.ended()
        self.deadline = self.last = _NEVER
        # Only behind the last byte that was fed together with it can be known whether anything follows.
        asyncio.get_running_loop().call_soon(self._free)

    def _free(self) -> None:
        if not self._is_busy:
            return
        self._is_busy = False
        self._answer = None
        if self._keeps and self.is_open and not self._is_head and not self._is_paused:
            self._upstream.kept(self)
        else:
            self.abort()

    def _fail(self, reason: str, message: str) -> None:
        error = UpstreamError(reason, message)
        if self._answer is not None:
            self._answer.ended(error)
        elif self._expected is not None and not self._expected.done():
            self._expected.set_exception(error)
        self.abort()

"""Connections to one model behind the gateway, kept and used again.

The promises, each with a test:

1. A connection carries one call at a time, and is used again only after an answer that was whole, with nothing behind it.
2. Whatever ends a call early (a bound, a time, the caller going away) closes its connection: no later call can read what
   was meant for an earlier one.
3. A call that was sent on a kept connection is sent again, once, only when the other end had closed that connection before
   any byte of an answer came, and only where the caller of this module says that twice does no harm.
4. What comes is buffered up to a bound; then nothing more is read until it is taken.
5. Bytes are handed on as they come: nothing is held back to fill a buffer.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from keelmark.errors import ConfigurationError
from keelmark.gateway.http.bounds import UpstreamBounds
from keelmark.gateway.http.link import Answer, ClosedError, Link, UpstreamError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

__all__ = ["Answer", "Upstream", "UpstreamError", "header_lines"]

_SWEEP_S = 0.5


class Upstream:
    """Connections to one address.

    Args:
        url: Scheme, host, port, and a path that stands before all others.
        bounds: What it may take.
        tls: Context for `https`.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        url: str,
        *,
        bounds: UpstreamBounds | None = None,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bounds = bounds or UpstreamBounds()
        self.clock = clock
        self._host, self._port, prefix, self._is_tls = _address(url)
        self._prefix = prefix.encode("ascii")
        self._tls = tls
        default = 443 if self._is_tls else 80
        named = f"[{self._host}]" if ":" in self._host else self._host
        host = named if self._port == default else f"{named}:{self._port}"
        self._head = f"host: {host}\r\n".encode("ascii")
        self._idle: list[Link] = []
        self._links: set[Link] = set()
        self._opening = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._links)

    async def send(
        self,
        method: str,
        path: str,
        headers: bytes,
        body: bytes,
        *,
        may_repeat: bool = False,
    ) -> Answer:
        """Send a request; its answer once the head is there.

        Args:
            method: In capitals.
            path: Behind the prefix, encoded.
            headers: Lines of `header_lines`, without `host` and lengths.
            body: Whole.
            may_repeat: Whether sending it twice does no harm.

        Raises:
            UpstreamError: It could not be sent, or no answer came.
        """
        request = b"%b %b%b HTTP/1.1\r\n%b%bcontent-length: %d\r\n\r\n%b" % (
            method.encode("ascii"), self._prefix, path.encode("ascii"), self._head, headers, len(body), body,
        )  # fmt: skip
        for _ in range(2):
            link, is_kept = await self._take()
            try:
                return await link.call(request, is_head=method == "HEAD")
            except ClosedError as error:
                if not (is_kept and may_repeat):
                    raise UpstreamError(
                        "upstream-failed", "connection was closed before an answer"
                    ) from error
        raise UpstreamError("upstream-failed", "connection was closed before an answer, twice")

    async def close(self) -> None:
        """End all connections."""
        self._is_closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for link in tuple(self._links):
            link.abort()

    async def _take(self) -> tuple[Link, bool]:
        """A free connection, and whether it was used before."""
        while self._idle:
            link = self._idle.pop()
            if link.is_open:
                return link, True
        if self._is_closed:
            raise UpstreamError("upstream-failed", "upstream is closed")
        try:
            async with asyncio.timeout(self.bounds.connect_timeout_s):
                return await self._connected()
        except TimeoutError as error:
            raise UpstreamError("upstream-timeout", "no connection in time") from error
        except OSError as error:
            raise UpstreamError("upstream-failed", f"no connection: {error}") from error

    async def _connected(self) -> tuple[Link, bool]:
        loop = asyncio.get_running_loop()
        while len(self._links) + self._opening >= self.bounds.max_connections:
            if len(self._waiting) >= self.bounds.max_waiting:
                raise UpstreamError("overloaded", "too many calls wait for a connection")
            turn = loop.create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._waiting_left(turn)
                raise
            while self._idle:
                link = self._idle.pop()
                if link.is_open:
                    return link, True
        self._opening += 1
        try:
            name = self._host if self._is_tls else None
            _, link = await loop.create_connection(
                lambda: Link(self),
                self._host,
                self._port,
                ssl=self._tls if self._is_tls else None,
                server_hostname=name,
            )
        finally:
            self._opening -= 1
        self._links.add(link)
        if self._sweeper is None:
            self._sweeper = loop.call_later(_SWEEP_S, self._sweep)
        return link, False

    def _waiting_left(self, turn: asyncio.Future[None]) -> None:
        if turn.done() and not turn.cancelled():
            self._next_turn()
        elif turn in self._waiting:
            self._waiting.remove(turn)

    def kept(self, link: Link) -> None:
        """A connection is free again."""
        link.deadline = self.clock() + self.bounds.keep_idle_s
        self._idle.append(link)
        self._next_turn()

    def lost(self, link: Link) -> None:
        """A connection is gone."""
        self._links.discard(link)
        if link in self._idle:
            self._idle.remove(link)
        self._next_turn()

    def _next_turn(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _sweep(self) -> None:
        now = self.clock()
        for link in tuple(self._links):
            if min(link.deadline, link.last) <= now:
                link.expire()
        self._sweeper = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep) if self._links else None


def header_lines(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Headers as they are sent.

    Raises:
        ConfigurationError: A name or value would not be one line of ASCII.
    """
    lines = []
    for name, value in pairs:
        line = f"{name}: {value}"
        if not line.isascii() or not line.isprintable() or ":" in name or not name:
            raise ConfigurationError(f"`{name}` cannot be sent as a header", hint="it is one line of ASCII")
        lines.append(f"{line}\r\n".encode("ascii"))
    return b"".join(lines)


def _address(url: str) -> tuple[str, int, str, bool]:
    """Host, port, path before all others, and whether TLS is spoken."""
    hint = "write http://127.0.0.1:8000 or https://models.example.org/prefix"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigurationError(f"`{url}` is no address of an upstream: {error}", hint=hint) from error
    is_tls = parts.scheme == "https"
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or parts.username
        or parts.query
        or parts.fragment
    ):
        raise ConfigurationError(f"`{url}` is no address of an upstream", hint=hint)
    return parts.hostname, port or (443 if is_tls else 80), parts.path.rstrip("/"), is_tls

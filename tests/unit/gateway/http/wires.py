"""A server on loopback and raw connections to it, for tests that look at single bytes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from keelmark.core.exchange import Request
from keelmark.gateway.http.bounds import ServerBounds
from keelmark.gateway.http.reply import Reply
from keelmark.gateway.http.server import Server

Handler = Callable[[Request, Reply], Awaitable[None]]


def bound() -> socket.socket:
    """A socket on a free port of loopback."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


class Echo:
    """Answers with what it was asked, and keeps it."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    async def __call__(self, request: Request, reply: Reply) -> None:
        self.requests.append(request)
        reply.send(200, request.body or b"-")


@asynccontextmanager
async def serving(
    handler: Handler, *, bounds: ServerBounds | None = None, **more
) -> AsyncIterator[tuple[Server, int]]:
    """A server and its port."""
    sock = bound()
    server = await Server(handler, bounds=bounds, **more).listen(sock=sock)
    try:
        yield server, sock.getsockname()[1]
    finally:
        for connection in tuple(server.connections):
            connection.abort()
        await server.close()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A raw connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def spoken(port: int, *parts: bytes) -> bytes:
    """Everything that comes back until the other end closes."""
    async with connected(port) as (reader, writer):
        for part in parts:
            writer.write(part)
            with contextlib.suppress(OSError):
                await writer.drain()
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            try:
                return await reader.read()
            except ConnectionResetError:
                return b""


def run(coroutine: Awaitable[None]) -> None:
    """Run a test that waits, with a bound on its time."""

    async def bounded() -> None:
        async with asyncio.timeout(20):
            await coroutine

    asyncio.run(bounded())


async def until(holds: Callable[[], object]) -> None:
    """Wait for what the other side of a connection does."""
    while not holds():  # noqa: ASYNC110 - the other side tells nobody
        await asyncio.sleep(0.001)

"""Many callers at once, in one loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.e2e.gateway.gateways import CHAT, Gateway


@dataclass(slots=True)
class Heard:
    """What came back: for each request its status, and the ids of those that were served."""

    statuses: list[int] = field(default_factory=list)
    served: list[str] = field(default_factory=list)


def request_of(gateway: Gateway, body: dict, *, stays: bool, path: str = "/v1/chat/completions") -> bytes:
    """The bytes of one request."""
    data = json.dumps(body).encode()
    lines = [
        f"POST {path} HTTP/1.1", "host: a", "content-type: application/json",
        f"authorization: Bearer {gateway.api_key}", f"content-length: {len(data)}",
        *(() if stays else ("connection: close",)),
    ]  # fmt: skip
    return "\r\n".join([*lines, "", ""]).encode() + data


async def ask(port: int, request: bytes, heard: Heard) -> None:
    """One request on a connection of its own, to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        await _head(reader, heard)
        await reader.read()
    finally:
        writer.close()


async def go_on(port: int, requests: list[bytes], heard: Heard, after: Callable[[], None]) -> None:
    """Ask one after the other until the other end is gone; what was answered counts from its head on."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return
    try:
        while True:
            for request in requests:
                writer.write(request)
                head = await _head(reader, heard)
                after()
                if b"transfer-encoding: chunked" in head:
                    await reader.readuntil(b"0\r\n\r\n")
                else:
                    length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
                    await reader.readexactly(int(length[15:]))
    except (OSError, asyncio.IncompleteReadError):
        return
    finally:
        writer.close()


async def _head(reader: asyncio.StreamReader, heard: Heard) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head.split(b" ", 2)[1])
    heard.statuses.append(status)
    if status == 200:
        line = next(each for each in head.split(b"\r\n") if each.startswith(b"x-request-id:"))
        heard.served.append(line[13:].strip().decode())
    return head


async def all_at_once(
    gateway: Gateway, ports: list[int], *, of_each: int, admitted: int, request: bytes = b""
) -> list[int]:
    """Ask so often of each port while nobody behind it answers; the statuses, once all refusals and the admitted are there."""
    heard, upstream = Heard(), gateway.upstream
    upstream.be_silent()
    request = request or request_of(gateway, CHAT, stays=False)
    asking = [asyncio.create_task(ask(port, request, heard)) for port in ports for _ in range(of_each)]
    try:
        async with asyncio.timeout(60):
            # Everybody who is not let through hears it while those who are still wait: all were there at the same time.
            while len(heard.statuses) < len(asking) - admitted or len(upstream.requests) < admitted:  # noqa: ASYNC110 - another thread counts
                await asyncio.sleep(0.01)
            upstream.go()
            await asyncio.gather(*asking)
    finally:
        for each in asking:
            each.cancel()
    return heard.statuses

"""Answers of models as connections read them: bytes cut anywhere give what they give uncut, and h11 reads what is taken alike.

The first byte of an input says whether HEAD was asked and whether the model hangs up at the end; the rest is what it sends.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import h11
from tools.fuzz.core import in_loop, pieces, promise

from keelmark.gateway.http.bounds import UpstreamBounds
from keelmark.gateway.http.link import Answer, ClosedError, Link, UpstreamError

__all__ = ["SEEDS", "WORDS", "one"]

_BOUNDS = UpstreamBounds(max_header_bytes=400, max_body_bytes=300, buffer_bytes=100)
_HEAD, _HANGS_UP = 1, 2
_TOO_LARGE = "upstream-too-large"

SEEDS = (
    b"\0HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody",
    b"\0HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nx: y\r\n\r\n",
    b"\2HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: x\n\n",
    b"\2HTTP/1.0 200 OK\r\n\r\nall of it",
    b"\0HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    b"\0HTTP/1.1 204 No Content\r\n\r\n",
    b"\0HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n",
    b"\1HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n",
    b"\0HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\ny",
    b"\0HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    b"\0HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\nx: 1\r\nX: 2\r\n\r\nbo",
    b"\0HTTP/1.1 200 OK\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"\0HTTP/1.1 200 OK\r\ncontent-length: 301\r\n\r\n" + b"a" * 301,
    b"\0HTTP/1.1 200 OK\r\nx: " + b"a" * 401 + b"\r\n\r\n",
)
WORDS = (
    b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b"\r\n ", b"\r\n\r\n", b"content-length: 0\r\n", b"content-length: 2, 2\r\n",
    b"transfer-encoding: chunked\r\n", b"transfer-encoding: gzip\r\n", b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"HTTP/1.1 ", b"HTTP/1.0 ",
    b"100 x", b"199 x", b"200", b"204 x", b"304 x", b"500 x", b"999 x", b"1000 x", b"connection: close\r\n", b"connection: upgrade\r\n",
    b"upgrade: h2c\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b"\0", b"\x80",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one call."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    reason: str
    is_kept: bool


class _Pool:
    """Where a connection goes back to."""

    bounds = _BOUNDS

    def __init__(self) -> None:
        self.is_kept = False

    @staticmethod
    def clock() -> float:
        return 0.0

    def kept(self, link: Link) -> None:
        del link
        self.is_kept = True

    def lost(self, link: Link) -> None:
        """It is gone."""


class _Wire:
    """A transport."""

    def __init__(self) -> None:
        self.is_closed = self.is_paused = False

    def write(self, data: bytes) -> None:
        """Nobody reads it."""

    def abort(self) -> None:
        self.is_closed = True

    def pause_reading(self) -> None:
        promise(not self.is_paused, "reading is paused twice")
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False


async def _called(parts: list[bytes], *, is_head: bool, hangs_up: bool) -> _Outcome:
    pool, wire = _Pool(), _Wire()
    link = Link(pool)
    link.connection_made(wire)  # type: ignore[arg-type]
    reading = asyncio.ensure_future(_outcome(link, is_head=is_head))
    await asyncio.sleep(0)
    for part in parts:
        if wire.is_closed:
            break
        if part:
            link.data_received(part)
        # As transports do: nothing comes while reading is paused, which ends when the caller has taken what came.
        for _ in range(4):
            if wire.is_paused:
                await asyncio.sleep(0)
    if hangs_up and not wire.is_closed:
        link.eof_received()
    # What is not whole by now never will be.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    link.connection_lost(None)
    found = await reading
    promise(
        not (pool.is_kept and found.reason),
        "a connection is used again after an answer that broke off",
        found,
    )
    return replace(found, is_kept=pool.is_kept)


async def _outcome(link: Link, *, is_head: bool) -> _Outcome:
    answer: Answer | None = None
    body = b""
    try:
        answer = await link.call(b"", is_head=is_head)
        body = await answer.body()
        reason = ""
    except UpstreamError as error:
        reason = error.reason
    except ClosedError:
        reason = "closed"
    if answer is None:
        return _Outcome(0, (), b"", reason, is_kept=False)
    return _Outcome(
        answer.status, tuple(answer.headers.items()), b"" if reason else body, reason, is_kept=False
    )


def one(data: bytes) -> None:
    """One connection."""
    if data:
        in_loop(_judged(data[1:], is_head=bool(data[0] & _HEAD), hangs_up=bool(data[0] & _HANGS_UP)))


async def _judged(said: bytes, **how: bool) -> None:
    whole = await _called([said], **how)
    cut = await _called(pieces(said), **how)
    # A bound may be met earlier where bytes come in parts.
    if _TOO_LARGE not in {whole.reason, cut.reason}:
        promise(whole == cut, "cut bytes are another answer", whole, cut)
    promise(len(whole.body) <= _BOUNDS.max_body_bytes, "body is beyond its bound", whole)
    if not whole.reason:
        _compare(said, whole, **how)


def _compare(said: bytes, mine: _Outcome, *, is_head: bool, hangs_up: bool) -> None:
    """An answer that was taken, read by another parser: the same, as long as it takes it too."""
    other = h11.Connection(h11.CLIENT)
    other.send(h11.Request(method="HEAD" if is_head else "GET", target="/", headers=[("host", "a")]))
    other.send(h11.EndOfMessage())
    other.receive_data(said)
    if hangs_up:
        other.receive_data(b"")
    status, body, events = 0, b"", 0
    try:
        while events < 1000:
            events += 1
            event: Any = other.next_event()
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                promise(
                    (status, body) == (mine.status, mine.body), "h11 reads another answer", mine, status, body
                )
                return
            elif not isinstance(event, h11.InformationalResponse):
                promise(event != h11.NEED_DATA, "h11 waits for the rest of what was taken for whole", mine)
                return
    except h11.RemoteProtocolError:
        return

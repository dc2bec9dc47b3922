"""Requests as the server reads them: bytes cut anywhere give what the same bytes give uncut, and h11 reads what is let in alike."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import h11
from tools.fuzz.core import in_loop, pieces, promise

from keelmark.gateway.http.bounds import ServerBounds
from keelmark.gateway.http.head import path_of
from keelmark.gateway.http.server import Connection, Server

if TYPE_CHECKING:
    from keelmark.core.exchange import Request
    from keelmark.gateway.http.reply import Reply

__all__ = ["SEEDS", "WORDS", "one"]

_BOUNDS = ServerBounds(max_target_bytes=64, max_header_bytes=300, max_headers=8, max_body_bytes=200)
_BOUND_WORDS = ("headers-too-large", "too-large")

SEEDS = (
    b"GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n",
    b"POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbodyGET / HTTP/1.1\r\nhost: b\r\n\r\n",
    b"POST /a%20b?c=d HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked\r\n\r\n3;x=1\r\nabc\r\n2\r\nde\r\n0\r\nx: y\r\n\r\n",
    b"GET /a HTTP/1.0\r\n\r\n",
    b"GET /a HTTP/1.0\r\nconnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n",
    b"HEAD /a/b HTTP/1.1\r\nhost: a\r\nx: 1\r\nX: 2\r\nconnection: close\r\n\r\n",
    b"POST /a HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\nx",
    b"\r\nDELETE /mcp/s HTTP/1.1\r\nhost: a\r\nauthorization: Bearer x\r\n\r\n",
    b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET /" + b"a" * 70 + b" HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 310 + b"\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 201\r\n\r\n" + b"a" * 201,
)
WORDS = (
    b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b"\r\n ", b"\r\n\r\n", b"host: a\r\n", b"content-length: 0\r\n", b"content-length: +1\r\n",
    b"content-length: 1, 1\r\n", b"Content-Length : 5\r\n", b"transfer-encoding: chunked\r\n", b"transfer-encoding: identity\r\n",
    b"transfer-encoding: gzip, chunked\r\n", b"Transfer-Encoding:\x0bchunked\r\n", b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"0x1\r\n",
    b'1;a="b\r\n', b"connection: close\r\n", b"connection: upgrade\r\nupgrade: h2c\r\n", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0",
    b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"/../", b"//", b"/%2e%2e/", b"%00", b"%2f", b"?", b"#",
    b"http://a/", b"\x00", b"\x80", b"\xff", b"expect: 100-continue\r\n", b"content-encoding: gzip\r\n",
)  # fmt: skip


class _Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.sent = b""
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.sent += data

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def get_extra_info(self, name: str) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else None

    def set_write_buffer_limits(self, **_: int) -> None:
        """Nothing waits here."""


async def _read(parts: list[bytes], *, turns: bool) -> tuple[list[Request], _Wire]:
    """What the server makes of bytes; between two parts others get their turn, or nobody."""
    found: list[Request] = []

    async def handler(request: Request, reply: Reply) -> None:
        found.append(request)
        reply.send(200, b"ok")

    server = Server(handler, bounds=_BOUNDS, clock=lambda: 0.0)
    server.date = b"date: now\r\n"
    wire = _Wire()
    connection = Connection(server)
    connection.connection_made(wire)  # type: ignore[arg-type]
    for part in parts:
        if wire.is_closed:
            break
        connection.data_received(part)
        if turns:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
    for _ in range(_BOUNDS.max_pipelined * 2 + 4):
        await asyncio.sleep(0)
    connection.connection_lost(None)
    await asyncio.sleep(0)
    return found, wire


def one(data: bytes) -> None:
    """One connection."""
    in_loop(_judged(data))


async def _judged(data: bytes) -> None:
    whole, wire = await _read([data], turns=False)
    cut, cut_wire = await _read(pieces(data), turns=False)
    is_bound = any(word in each.sent.decode("latin-1") for word in _BOUND_WORDS for each in (wire, cut_wire))
    # A bound may be met earlier where bytes come in parts; what was let in before stays the same.
    if is_bound:
        least = min(len(whole), len(cut))
        promise(whole[:least] == cut[:least], "cut bytes are another request", whole, cut)
    else:
        promise(whole == cut, "cut bytes are other requests", whole, cut)
        promise(wire.sent == cut_wire.sent, "cut bytes get another answer", wire.sent, cut_wire.sent)
    slowly, _ = await _read(pieces(data), turns=True)
    # Requests in line behind one that cannot be read are dropped, unless they were answered before.
    if not is_bound:
        promise(whole == slowly[: len(whole)], "bytes that come slowly are other requests", whole, slowly)
    for request in whole:
        _check_request(request)
    _compare(data, whole)


def _check_request(request: Request) -> None:
    promise(request.path.startswith("/"), "path is none", request)
    promise(not {".", ".."} & set(request.path.split("/")), "path has dot segments", request)
    promise("//" not in request.path and "\\" not in request.path, "path can be read in two ways", request)
    promise(not set(map(chr, range(32))) & set(request.path), "path holds control characters", request)
    promise(len(request.body) <= _BOUNDS.max_body_bytes, "body is beyond its bound", request)
    promise(
        not {"transfer-encoding", "content-length"} <= request.headers.keys(),
        "both lengths were let in",
        request,
    )
    for name, value in request.headers.items():
        promise(name == name.lower() and name, "name of a header", request)
        promise(not set("\r\n\0") & set(name + value), "header holds the end of a line", request)


def _compare(data: bytes, ours: list[Request]) -> None:
    """What the server let in, read by another parser: the same requests, as long as it lets them in too."""
    other = h11.Connection(h11.SERVER)
    other.receive_data(data)
    for mine in ours:
        theirs = _next(other)
        if theirs is None:
            return
        request, body = theirs
        promise(
            (request.method.decode(), body) == (mine.method, mine.body),
            "h11 reads another request",
            mine,
            request,
            body,
        )
        promise(path_of(request.target) == (mine.path, mine.query), "h11 reads another target", mine, request)
        names: dict[str, str] = {}
        for name, value in request.headers:
            held, now = names.get(name.decode()), value.decode("latin-1").strip(" \t")
            names[name.decode()] = now if held is None else f"{held}, {now}"
        held_by_us = dict(mine.headers)
        if "transfer-encoding" in held_by_us:
            held_by_us["transfer-encoding"] = held_by_us["transfer-encoding"].lower()  # as h11 does
        promise(names == held_by_us, "h11 reads other headers", mine, request)
        try:
            other.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
            other.send(h11.EndOfMessage())
            other.start_next_cycle()
        except h11.ProtocolError:
            return


def _next(other: h11.Connection) -> tuple[h11.Request, bytes] | None:
    request, body = None, b""
    try:
        while True:
            event = other.next_event()
            if isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return None if request is None else (request, body)
            else:
                return None
    except h11.RemoteProtocolError as error:
        # Empty lines before a request and further blanks in its first line are let in, as RFC 9112 says that servers may.
        is_known = any(each in str(error) for each in ("no request line", "illegal request line"))
        promise(is_known, "h11 refuses what was let in", error)
        return None

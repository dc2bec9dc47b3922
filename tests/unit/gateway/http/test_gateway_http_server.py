"""What the server promises: bounds, times, one way to read, nothing after what cannot be read."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.gateway.http.wires import Echo, bound, connected, run, serving, spoken, until

from keelmark.core.exchange import Request
from keelmark.gateway.http.bounds import ServerBounds
from keelmark.gateway.http.reply import GoneError, Reply
from keelmark.gateway.http.server import Server

CLOSE = b"connection: close\r\n"
HEAD = b"POST /v1/x HTTP/1.1\r\nhost: a\r\n" + CLOSE


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def asked(*parts: bytes, bounds: ServerBounds | None = None) -> tuple[bytes, list[Request]]:
    echo, answers = Echo(), []

    async def main() -> None:
        async with serving(echo, bounds=bounds) as (_, port):
            answers.append(await spoken(port, *parts))

    run(main())
    return answers[0], echo.requests


def test_a_request_is_read_and_answered() -> None:
    answer, requests = asked(
        b"POST /v1/chat?a=b HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nx-one: 2\r\ncontent-length: 4\r\n"
        + CLOSE
        + b"\r\nbody"
    )
    assert status(answer) == 200
    assert answer.endswith(b"\r\n\r\nbody")
    assert b"server:" not in answer.lower()
    [request] = requests
    assert (request.method, request.path, request.query, request.body) == ("POST", "/v1/chat", "a=b", b"body")
    assert request.headers["x-one"] == "1, 2"
    assert request.peer == "127.0.0.1"


def test_a_chunked_body_is_read_and_its_trailers_are_dropped() -> None:
    _, [request] = asked(
        HEAD + b"transfer-encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nauthorization: x\r\n\r\n"
    )
    assert request.body == b"abcde"
    assert "authorization" not in request.headers


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (HEAD + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"content-length: 3\r\ncontent-length: 3\r\n\r\nabc", 400),
        (HEAD + b"content-length: 3, 3\r\n\r\nabc", 400),
        (HEAD + b"content-length: +3\r\n\r\nabc", 400),
        (HEAD + b"content-length: 0x3\r\n\r\nabc", 400),
        (HEAD + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"transfer-encoding: identity\r\n\r\nabc", 400),
        (HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"host: b\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + CLOSE + b"\r\n", 400),
        (HEAD + b"authorization: a\r\nauthorization: b\r\n\r\n", 400),
        (HEAD + b"x-api-key: a\r\nx-api-key: b\r\n\r\n", 400),
        (HEAD + b"content-type: a\r\ncontent-type: b\r\n\r\n", 400),
        (HEAD + b"content-encoding: gzip\r\n\r\n", 400),
        (HEAD + b"expect: 200-ok\r\n\r\n", 400),
        (HEAD + b"x: a\r\n b\r\n\r\n", 400),
        (HEAD + b"x : a\r\n\r\n", 400),
        (HEAD + b"x: a\x00b\r\n\r\n", 400),
        (b"POST / HTTP/1.1\nhost: a\n\n", 400),
        (b"POST / HTTP/2.0\r\nhost: a\r\n\r\n", 400),
        (b"POST / HTTP/0.9\r\nhost: a\r\n\r\n", 400),
        (b"GET http://b/ HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        (b"GET //b/ HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        (b"GET /a/../b HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        (b"GET /a/%2e%2e/b HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        (b"GET /a%2f%2fb HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        (b"GET /a%5cb HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        (b"GET /a%00b HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        (b"GET /a%ffb HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        (b"GET /a%2 HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        (b"GET /a\\b HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        (b"OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        (b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n", 405),
        (b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", 400),
        (b"PROPFIND / HTTP/1.1\r\nhost: a\r\n\r\n", 405),
        (b"TRACE / HTTP/1.1\r\nhost: a\r\n\r\n", 405),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ],
)
def test_what_can_be_read_in_more_than_one_way_is_refused_and_ends_the_connection(
    raw: bytes, expected: int
) -> None:
    answer, requests = asked(raw, b"GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n")
    assert status(answer) == expected
    assert requests == []
    assert answer.count(b"HTTP/1.1 ") == 1
    assert (b"\r\nallow: " in answer) == (expected == 405)


def test_a_path_is_decoded_once() -> None:
    _, [request] = asked(b"GET /v1/models/a%2Fb%2520 HTTP/1.1\r\nhost: a\r\n" + CLOSE + b"\r\n")
    assert request.path == "/v1/models/a/b%20"


SMALL = ServerBounds(max_target_bytes=64, max_header_bytes=512, max_headers=8, max_body_bytes=100)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"GET /" + b"a" * 100 + b" HTTP/1.1\r\nhost: a\r\n\r\n", 431),
        (HEAD + b"x: " + b"a" * 600 + b"\r\n\r\n", 431),
        (HEAD + b"x" * 600 + b": a\r\n\r\n", 431),
        (HEAD + b"x: a\r\n" * 10 + b"\r\n", 431),
        (HEAD + b"content-length: 101\r\n\r\n", 413),
        (HEAD + b"content-length: 99999999999999999999999\r\n\r\n", 400),
        (
            HEAD
            + b"transfer-encoding: chunked\r\n\r\n"
            + b"32\r\n"
            + b"a" * 50
            + b"\r\n32\r\n"
            + b"a" * 50
            + b"\r\n1\r\na",
            413,
        ),
        (HEAD + b"transfer-encoding: chunked\r\n\r\nffffffff\r\n" + b"a" * 200, 413),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"x: " + b"a" * 600 + b"\r\n\r\n", 431),
    ],
)
def test_what_is_too_large_is_refused(raw: bytes, expected: int) -> None:
    answer, requests = asked(raw, bounds=SMALL)
    assert status(answer) == expected
    assert requests == []


@pytest.mark.parametrize(
    "begun",
    [
        b"x: ",
        b"transfer-encoding: chunked\r\n\r\n0\r\nx: ",
        b"transfer-encoding: chunked\r\n\r\n1;extension=",
    ],
)
def test_what_never_ends_is_refused_before_it_is_whole(begun: bytes) -> None:
    async def main() -> None:
        async with serving(Echo(), bounds=SMALL) as (_, port), connected(port) as (reader, writer):
            writer.write(HEAD + begun)
            for _ in range(100):
                writer.write(b"a" * 50)
                await writer.drain()
                await asyncio.sleep(0.001)
                if reader.at_eof() or reader._buffer:
                    break
            assert status(await reader.readline()) == 431

    run(main())


def test_a_body_in_the_smallest_chunks_is_read() -> None:
    chunks = [b"1\r\na\r\n"] * 90
    _, [request] = asked(HEAD + b"transfer-encoding: chunked\r\n\r\n", *chunks, b"0\r\n\r\n", bounds=SMALL)
    assert request.body == b"a" * 90


class Hands:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("sent", "seconds", "expected"),
    [
        (b"", 11, b""),
        (b"POST / HT", 11, b"HTTP/1.1 408 "),
        (HEAD + b"content-length: 5\r\n\r\nab", 31, b"HTTP/1.1 408 "),
    ],
    ids=["nothing", "head", "body"],
)
def test_who_sends_too_slowly_is_let_go(sent: bytes, seconds: float, expected: bytes) -> None:
    hands = Hands()

    async def main() -> None:
        async with serving(Echo(), clock=hands) as (server, port), connected(port) as (reader, writer):
            writer.write(sent)
            await until(lambda: server.connections)
            await asyncio.sleep(0.02)
            hands.now += seconds - 2
            server._sweep()
            writer.write(b"T" if sent else b"")  # One more byte must not buy more time.
            await asyncio.sleep(0.02)
            hands.now += 2
            server._sweep()
            try:
                answer = await reader.read()
            except ConnectionResetError:
                answer = b""
            assert answer[:13] == expected

    run(main())


def test_requests_in_line_are_answered_in_order() -> None:
    one = b"POST /%d HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n%d"
    answer, requests = asked(b"".join(one % (n, n) for n in range(5)) + b"GET /last HTTP/1.0\r\n\r\n")
    assert [request.path for request in requests] == ["/0", "/1", "/2", "/3", "/4", "/last"]
    assert [part[:1] for part in answer.split(b"\r\n\r\n")[1:6]] == [b"0", b"1", b"2", b"3", b"4"]


def test_too_many_requests_in_line_end_the_connection_behind_the_first() -> None:
    slow = asyncio.Event

    async def main() -> None:
        gate = slow()
        seen = []

        async def handler(request: Request, reply: Reply) -> None:
            seen.append(request)
            await gate.wait()
            reply.send(200, b"ok")

        async with (
            serving(handler, bounds=ServerBounds(max_pipelined=2)) as (_, port),
            connected(port) as (reader, writer),
        ):
            writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n" * 10)
            await until(lambda: seen)
            await asyncio.sleep(0.02)
            gate.set()
            await asyncio.sleep(0.05)
            assert len(seen) == 1
            writer.write_eof()
            assert (await reader.read()).count(b"HTTP/1.1 200") == 1

    run(main())


def test_when_the_caller_goes_away_the_task_is_cancelled() -> None:
    async def main() -> None:
        states = []

        async def handler(request: Request, reply: Reply) -> None:
            states.append("begun")
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                states.append("cancelled")
                raise

        async with serving(handler) as (server, port):
            async with connected(port) as (_, writer):
                assert server.under_way == 0
                writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
                await until(lambda: states)
                assert server.under_way == 1
            await until(lambda: len(states) == 2)
            assert states == ["begun", "cancelled"]
            await until(lambda: not server.connections)
            assert server.under_way == 0

    run(main())


@pytest.mark.parametrize("begun", [False, True])
def test_a_handler_that_fails_gives_a_refusal_or_a_broken_answer_never_half_of_one(begun: bool) -> None:
    async def handler(request: Request, reply: Reply) -> None:
        if begun:
            reply.begin(200)
            await reply.write(b"half")
        raise RuntimeError("s3cr3t")

    async def main() -> None:
        async with serving(handler) as (_, port), connected(port) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            try:
                answer = await reader.read()
            except ConnectionResetError:
                answer = b"reset"
            assert b"s3cr3t" not in answer
            assert not answer.endswith(b"0\r\n\r\n")
            assert begun or status(answer) == 503

    run(main())


def test_a_handler_that_answers_nothing_breaks_off() -> None:
    async def handler(request: Request, reply: Reply) -> None:
        return

    async def main() -> None:
        async with serving(handler) as (_, port), connected(port) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""

    run(main())


@pytest.mark.parametrize(
    ("version", "ending"), [(b"1.1", b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"), (b"1.0", b"\r\n\r\nabc")]
)
def test_parts_are_sent_as_they_come(version: bytes, ending: bytes) -> None:
    async def handler(request: Request, reply: Reply) -> None:
        reply.begin(200, [(b"content-type", b"text/event-stream")])
        await reply.write(b"ab")
        await reply.write(b"")
        await reply.write(b"c")
        reply.finish()

    async def main() -> None:
        async with serving(handler) as (_, port):
            raw = b"GET / HTTP/" + version + b"\r\nhost: a\r\nconnection: close\r\n\r\n"
            assert (await spoken(port, raw)).endswith(ending)

    run(main())


def test_who_reads_slowly_holds_the_writer_back_and_is_let_go_in_the_end() -> None:
    hands = Hands()

    async def main() -> None:
        written, ended = [0], []

        async def handler(request: Request, reply: Reply) -> None:
            reply.begin(200)
            try:
                while True:
                    await reply.write(bytes(64 * 1024))
                    written[0] += 1
            except (GoneError, asyncio.CancelledError) as error:
                ended.append(error)
                raise

        async with serving(handler, clock=hands) as (server, port), connected(port) as (_, writer):
            writer.transport.pause_reading()
            writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            await until(lambda: written[0] and any(each.taken for each in server.connections))
            before = written[0]
            await asyncio.sleep(0.05)
            assert written[0] == before
            hands.now += 31
            server._sweep()
            await until(lambda: ended)

    run(main())


def test_connections_beyond_the_bound_are_closed_at_once() -> None:
    async def main() -> None:
        async with serving(Echo(), bounds=ServerBounds(max_connections=1)) as (server, port), connected(port):
            await until(lambda: server.connections)
            assert await spoken(port, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n") == b""
            assert len(server.connections) == 1

    run(main())


def test_a_server_that_stops_answers_what_is_under_way_and_takes_nothing_more() -> None:
    async def main() -> None:
        gate, seen = asyncio.Event(), []

        async def handler(request: Request, reply: Reply) -> None:
            seen.append(request)
            await gate.wait()
            reply.send(200, b"done")

        sock = bound()
        server = await Server(handler).listen(sock=sock)
        port = sock.getsockname()[1]
        async with connected(port) as (reader, writer), connected(port) as (idle, _):
            writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            await until(lambda: seen and len(server.connections) == 2)
            closing = asyncio.create_task(server.close())
            assert await idle.read() == b""
            gate.set()
            assert (await reader.read()).endswith(b"done")
            await closing
        with pytest.raises(OSError, match="onnect"):
            await asyncio.open_connection("127.0.0.1", port)

    run(main())


TOKENS = st.sampled_from([
    b"GET ", b"POST ", b"/", b"/a", b" HTTP/1.1", b" HTTP/1.0", b"\r\n", b"\n", b"host: a", b"host: b", b"content-length: 3",
    b"content-length: 0", b"transfer-encoding: chunked", b"transfer-encoding: identity", b"Transfer-Encoding : chunked", b"abc",
    b"3\r\nabc\r\n0\r\n\r\n", b"0\r\n\r\n", b"x: y", b" z", b"\x00", b"\r", b"connection: close", b"connection: keep-alive", b"%2e",
])  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(TOKENS, max_size=14), st.integers(1, 40))
def test_what_is_accepted_is_read_as_another_parser_reads_it(tokens: list[bytes], step: int) -> None:
    raw = b"POST /v1 HTTP/1.1\r\nhost: a\r\n" + b"".join(tokens)
    _, requests = asked_open(raw, step)
    peer = h11.Connection(h11.SERVER)
    peer.receive_data(raw)
    peer.receive_data(b"")
    for ours in requests:
        theirs, body = peer.next_event(), b""
        assert isinstance(theirs, h11.Request)
        while not isinstance(event := peer.next_event(), h11.EndOfMessage):
            body += event.data
        assert (theirs.method.decode(), theirs.target.decode()) == (ours.method, ours.path)
        assert body == ours.body
        peer.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
        peer.send(h11.EndOfMessage())
        if peer.our_state is not h11.DONE:
            break
        peer.start_next_cycle()


def asked_open(raw: bytes, step: int) -> tuple[bytes, list[Request]]:
    """Bytes in pieces, and then the end of the connection."""
    echo = Echo()

    async def main() -> bytes:
        async with serving(echo) as (_, port), connected(port) as (reader, writer):
            sock: socket.socket = writer.get_extra_info("socket")
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(0, len(raw), step):
                writer.write(raw[at : at + step])
                await asyncio.sleep(0)
            await asyncio.sleep(0.005)
            writer.write_eof()
            try:
                return await reader.read()
            except ConnectionResetError:
                return b""

    return asyncio.run(main()), echo.requests

"""What calls to a model promise: one at a time, never another one's answer, bounds, nothing held back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.gateway.http.wires import run, until

from keelmark.errors import ConfigurationError
from keelmark.gateway.http.bounds import UpstreamBounds
from keelmark.gateway.http.link import Answer, UpstreamError
from keelmark.gateway.http.upstream import Upstream, header_lines

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Hands:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Scripted:
    """A model that answers as it is told; it keeps what it was asked."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[bytes] = []
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                request = head + await reader.readexactly(length)
                self.requests.append(request)
                await self.script(reader, writer, request)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def asking(script: Script, **more) -> AsyncIterator[tuple[Upstream, Scripted]]:
    """A scripted model and the connections to it."""
    model = Scripted(script)
    server = await asyncio.start_server(model, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    upstream = Upstream(f"http://127.0.0.1:{port}/v1", **more)
    try:
        yield upstream, model
    finally:
        await upstream.close()
        server.close()
        await asyncio.sleep(0)


def says(*parts: bytes, closes: bool = False) -> Script:
    async def script(reader, writer, request) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.002)
        if closes:
            writer.close()

    return script


async def sent(upstream: Upstream, body: bytes = b"{}", **more) -> Answer:
    return await upstream.send("POST", "/chat", header_lines([("authorization", "Bearer k")]), body, **more)


def test_a_request_is_sent_with_its_own_headers_alone() -> None:
    async def main() -> None:
        async with asking(says(OK)) as (upstream, model):
            answer = await sent(upstream, b'{"a":1}')
            assert (answer.status, await answer.body()) == (200, b"ok")
            [request] = model.requests
            lines = request.split(b"\r\n")
            assert lines[0] == b"POST /v1/chat HTTP/1.1"
            assert sorted(line.split(b":")[0] for line in lines[1:4]) == [
                b"authorization",
                b"content-length",
                b"host",
            ]
            assert lines[-1] == b'{"a":1}'

    run(main())


def test_a_connection_is_used_again() -> None:
    async def main() -> None:
        async with asking(says(OK)) as (upstream, model):
            for _ in range(5):
                assert await (await sent(upstream)).body() == b"ok"
                await asyncio.sleep(0.001)
            assert (model.connections, upstream.connections) == (1, 1)

    run(main())


@pytest.mark.parametrize(
    "behind", [b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", b"x", b"\r\nHTTP/1.1 200 OK\r\n\r\n"]
)
@pytest.mark.parametrize("pause", [False, True])
def test_what_comes_behind_an_answer_is_never_the_next_one(behind: bytes, pause: bool) -> None:
    async def main() -> None:
        parts = [OK, behind] if pause else [OK + behind]
        async with asking(says(*parts)) as (upstream, model):
            for _ in range(3):
                assert await (await sent(upstream)).body() == b"ok"
                await asyncio.sleep(0.02)
            assert model.connections == 3

    run(main())


def test_an_answer_that_is_not_read_to_its_end_closes_its_connection() -> None:
    async def main() -> None:
        script = says(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nfirst")
        async with asking(script) as (upstream, model):
            for _ in range(2):
                answer = await sent(upstream)
                assert await answer.next_part() == b"first"
                answer.close()
                await until(lambda: not upstream.connections)
            assert model.connections == 2

    run(main())


def test_an_answer_is_its_own_though_the_connection_is_at_the_next_call() -> None:
    async def main() -> None:
        count = iter(range(10))

        async def script(reader, writer, request) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n%d" % next(count))

        async with asking(script) as (upstream, model):
            first = await sent(upstream)
            await asyncio.sleep(0.01)
            second = await sent(upstream)
            assert (await second.body(), await first.body()) == (b"1", b"0")
            assert model.connections == 1

    run(main())


def test_a_caller_who_goes_away_closes_the_connection() -> None:
    async def main() -> None:
        gone = asyncio.Event()

        async def script(reader, writer, request) -> None:
            assert await reader.read() == b""
            gone.set()

        async with asking(script) as (upstream, _):
            task = asyncio.create_task(sent(upstream))
            await until(lambda: upstream.connections)
            await asyncio.sleep(0.01)
            task.cancel()
            await gone.wait()
            with pytest.raises(asyncio.CancelledError):
                await task

    run(main())


def test_a_stream_is_handed_on_as_it_comes() -> None:
    async def main() -> None:
        gate = asyncio.Event()

        async def script(reader, writer, request) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
            await gate.wait()
            writer.write(b"3\r\ntwo\r\n0\r\n\r\n")

        async with asking(script) as (upstream, _):
            answer = await sent(upstream)
            assert await answer.next_part() == b"one"
            gate.set()
            assert await answer.next_part() == b"two"
            assert await answer.next_part() == b""
            await asyncio.sleep(0.005)
            assert upstream.connections == 1

    run(main())


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([b"nonsense\r\n\r\n"], "upstream-invalid"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n"], "upstream-invalid"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc"], "upstream-invalid"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"], "upstream-failed"),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nab"], "upstream-failed"),
        ([b"HTTP/1.1 200 OK\r\n"], "upstream-failed"),
        ([], "upstream-failed"),
        ([b"HTTP/1.1 200 OK\r\nx: " + b"a" * 3000], "upstream-too-large"),
        ([CHUNKED + b"0\r\nx: ", *[b"a" * 500] * 40], "upstream-too-large"),
        ([CHUNKED + b"1;extension=", *[b"a" * 500] * 40], "upstream-too-large"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n" + b"a" * 9000], "upstream-too-large"),
    ],
)
def test_an_answer_that_cannot_be_relied_on_is_none(parts: list[bytes], reason: str) -> None:
    async def main() -> None:
        bounds = UpstreamBounds(max_header_bytes=2000, max_body_bytes=5000)
        async with asking(says(*parts, closes=True), bounds=bounds) as (upstream, _):
            with pytest.raises(UpstreamError) as caught:
                await (await sent(upstream, may_repeat=True)).body()
            assert caught.value.reason == reason
            await until(lambda: not upstream.connections)

    run(main())


def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    async def main() -> None:
        async with asking(says(b"HTTP/1.1 200 OK\r\n\r\nall ", b"of it", closes=True)) as (upstream, _):
            assert await (await sent(upstream)).body() == b"all of it"
            await until(lambda: not upstream.connections)

    run(main())


def test_a_reading_before_the_answer_is_passed_over() -> None:
    async def main() -> None:
        async with asking(says(b"HTTP/1.1 102 Processing\r\n\r\n" + OK)) as (upstream, _):
            assert await (await sent(upstream)).body() == b"ok"

    run(main())


@pytest.mark.parametrize("may_repeat", [True, False])
def test_a_kept_connection_that_was_closed_is_asked_again_only_where_that_is_allowed(
    may_repeat: bool,
) -> None:
    async def main() -> None:
        calls = []

        async def script(reader, writer, request) -> None:
            calls.append(request)
            if len(calls) == 2:
                writer.close()
                return
            writer.write(OK)

        async with asking(script) as (upstream, model):
            await (await sent(upstream)).body()
            await asyncio.sleep(0.005)
            if may_repeat:
                assert await (await sent(upstream, may_repeat=True)).body() == b"ok"
                assert (len(calls), model.connections) == (3, 2)
                return
            with pytest.raises(UpstreamError, match="closed before an answer"):
                await sent(upstream)
            assert len(calls) == 2

    run(main())


@pytest.mark.parametrize(("seconds", "begun"), [(121, False), (61, True), (601, True)])
def test_a_model_that_takes_too_long_is_let_go(seconds: float, begun: bool) -> None:
    hands = Hands()

    async def main() -> None:
        gate = asyncio.Event()

        async def script(reader, writer, request) -> None:
            if begun:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\na")
            await gate.wait()

        async with asking(script, clock=hands) as (upstream, model):
            task = asyncio.create_task(sent(upstream))
            await until(lambda: model.requests)
            if begun:
                assert await (await task).next_part() == b"a"
                rest = asyncio.create_task(task.result().next_part())
            else:
                rest = task
            await asyncio.sleep(0.01)
            hands.now += seconds - 2
            if seconds < 600:
                upstream._sweep()
                await asyncio.sleep(0)
                assert not rest.done()
            hands.now += 2
            upstream._sweep()
            with pytest.raises(UpstreamError) as caught:
                await rest
            assert caught.value.reason == "upstream-timeout"
            gate.set()

    run(main())


def test_what_is_not_taken_is_not_read_on() -> None:
    async def main() -> None:
        taken = [0]

        async def script(reader, writer, request) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (50 * 1024**2))
            for _ in range(800):
                writer.write(bytes(65536))
                await writer.drain()
                taken[0] += 65536

        bounds = UpstreamBounds(buffer_bytes=64 * 1024, max_body_bytes=64 * 1024**2)
        async with asking(script, bounds=bounds) as (upstream, _):
            answer = await sent(upstream)
            await asyncio.sleep(0.1)
            before = taken[0]
            await asyncio.sleep(0.05)
            assert taken[0] == before < 30 * 1024**2
            assert answer.buffered < 1024**2
            total = 0
            while part := await answer.next_part():
                total += len(part)
            assert total == 50 * 1024**2

    run(main())


def test_calls_wait_for_a_connection_in_turn_and_no_more_than_the_bound() -> None:
    async def main() -> None:
        now, most = [0], [0]

        async def script(reader, writer, request) -> None:
            now[0] += 1
            most[0] = max(most[0], now[0])
            await asyncio.sleep(0.002)
            now[0] -= 1
            writer.write(OK)

        async with asking(script, bounds=UpstreamBounds(max_connections=3, max_waiting=20)) as (
            upstream,
            model,
        ):
            tasks = [asyncio.create_task(asked_whole(upstream)) for _ in range(23)]
            assert await asyncio.gather(*tasks) == [b"ok"] * 23
            assert most[0] == model.connections == 3
            tasks = [asyncio.create_task(asked_whole(upstream)) for _ in range(40)]
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert {each.reason for each in done if isinstance(each, UpstreamError)} == {"overloaded"}
            assert await asked_whole(upstream) == b"ok"

    run(main())


async def asked_whole(upstream: Upstream) -> bytes:
    return await (await sent(upstream)).body()


def test_a_call_that_waits_and_goes_away_leaves_its_turn_to_the_next() -> None:
    async def main() -> None:
        gate = asyncio.Event()

        async def script(reader, writer, request) -> None:
            await gate.wait()
            writer.write(OK)

        async with asking(script, bounds=UpstreamBounds(max_connections=1)) as (upstream, _):
            tasks = [asyncio.create_task(asked_whole(upstream)) for _ in range(3)]
            await asyncio.sleep(0.01)
            tasks[1].cancel()
            gate.set()
            assert await tasks[0] == await tasks[2] == b"ok"

    run(main())


def test_nobody_there_is_told() -> None:
    async def main() -> None:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        upstream = Upstream(f"http://127.0.0.1:{port}")
        with pytest.raises(UpstreamError) as caught:
            await sent(upstream)
        assert caught.value.reason == "upstream-failed"

    run(main())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://a",
        "http://",
        "http://u:p@a",
        "http://a?b",
        "http://a#b",
        "http://a:99999",
        "a:80",
        "http://[a",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="no address of an upstream"):
        Upstream(url)


@pytest.mark.parametrize(
    "pair", [("a", "b\r\nc: d"), ("a\n", "b"), ("a:b", "c"), ("", "b"), ("a", "\u00e9"), ("a", "\0")]
)
def test_a_header_is_one_line(pair: tuple[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="cannot be sent"):
        header_lines([pair])


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_any_answer_is_an_answer_or_an_error(raw: bytes, with_head: bool) -> None:
    async def main() -> None:
        head = b"HTTP/1.1 200 OK\r\n" if with_head else b""
        async with asking(says(head + raw, closes=True)) as (upstream, _):
            [found] = await asyncio.gather(asked_whole(upstream), return_exceptions=True)
            assert isinstance(found, bytes) or found.reason.startswith("upstream-")

    run(main())

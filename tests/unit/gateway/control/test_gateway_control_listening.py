"""Who comes in: our own user over the socket, the token over a port, nobody else."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from pathlib import Path

import pytest
import uvloop
from tests.unit.gateway.control.operators import Operators, on_socket
from tests.unit.gateway.http.wires import run, serving, spoken

from keelmark.core.exchange import Request
from keelmark.core.secret import Secret
from keelmark.errors import ConfigurationError
from keelmark.gateway.control import listening
from keelmark.gateway.control.client import UnansweredError, ask
from keelmark.gateway.control.listening import (
    CONTROL_BOUNDS,
    ControlHandler,
    bearer_of,
    listen,
    port_socket,
    unix_socket,
)
from keelmark.gateway.control.peers import peer_user
from keelmark.gateway.settings import ControlSettings

TOKEN = "t" * 20 + "0123456789abcdef"


@pytest.fixture
def folder():
    # Paths of sockets are short.
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        yield Path(place)


async def over(path: Path, request: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(request)
    async with asyncio.timeout(5):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""
        finally:
            writer.close()


def get(path: str, *headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "host: a", "connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_our_own_user_comes_in_over_the_socket_and_is_named(folder, loop) -> None:
    operators = Operators(folder)
    path = folder / "c" / "control.sock"

    async def asked() -> None:
        async with on_socket(operators, path):
            assert path.stat().st_mode & 0o777 == 0o600
            assert path.parent.stat().st_mode & 0o777 == 0o700
            answer = await over(path, get("/readyz"))
            assert answer.startswith(b"HTTP/1.1 200")
            assert b"cache-control: no-store\r\n" in answer
            drain = b"POST /v1/drain HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            assert (await over(path, drain)).startswith(b"HTTP/1.1 200")

    loop(asked())
    assert operators.records == [("drain", f"uid {os.geteuid()}", "")]


@pytest.mark.parametrize("user", [-1, os.geteuid() + 1])
def test_another_user_is_let_go_before_a_byte_is_read(folder, monkeypatch, user) -> None:
    operators = Operators(folder)
    path = folder / "c" / "control.sock"
    monkeypatch.setattr(listening, "_user_of", lambda _: user)

    async def asked() -> None:
        async with on_socket(operators, path) as server:
            drain = b"POST /v1/drain HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"
            assert await over(path, drain) == b""
            assert not server.connections

    run(asked())
    assert operators.gateway.done == []


def test_the_system_names_who_is_at_the_other_end() -> None:
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with one, two:
        assert peer_user(one) == os.geteuid()


def test_a_transport_without_a_socket_has_no_user() -> None:
    class Nothing(asyncio.BaseTransport):
        def get_extra_info(self, name, default=None):
            return None

    assert listening._user_of(Nothing()) == -1


def test_a_socket_in_use_is_not_taken_away_and_one_that_was_left_is_replaced(folder) -> None:
    path = folder / "c" / "control.sock"
    first = unix_socket(path)
    with pytest.raises(ConfigurationError, match="somebody listens"):
        unix_socket(path)
    first.close()
    unix_socket(path).close()


def test_what_is_no_socket_is_not_removed(folder) -> None:
    (folder / "c").mkdir(mode=0o700)
    (folder / "c" / "control.sock").write_text("precious")
    with pytest.raises(ConfigurationError, match="is no socket"):
        unix_socket(folder / "c" / "control.sock")
    assert (folder / "c" / "control.sock").read_text() == "precious"


def test_a_folder_that_others_can_open_takes_no_socket(folder) -> None:
    (folder / "open").mkdir()
    (folder / "open").chmod(0o755)
    with pytest.raises(ConfigurationError, match="only its owner can open"):
        unix_socket(folder / "open" / "control.sock")


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_socket_in_a_deep_folder_is_reached_like_any_other(folder, loop) -> None:
    operators = Operators(folder)
    deep = folder.joinpath(*(name * 60 for name in "abcde"))
    deep.mkdir(parents=True, mode=0o700)
    path = deep / "c" / "control.sock"

    async def asked() -> None:
        for _ in range(2):  # What the first one left is taken away by the second.
            async with on_socket(operators, path):
                assert path.stat().st_mode & 0o777 == 0o600
                status, said = await asyncio.to_thread(ask, path, "GET", "/v1/state")
                assert (status, bool(said)) == (200, True)
                with pytest.raises(ConfigurationError, match="somebody listens"):
                    unix_socket(path)
            assert path.exists()

    loop(asked())
    with pytest.raises(UnansweredError, match="no socket"):
        ask(deep / "none" / "control.sock", "GET", "/v1/state")


@pytest.mark.parametrize("length", [120, 300])
def test_a_name_that_no_folder_makes_short_is_said(folder, length) -> None:
    with pytest.raises(ConfigurationError, match="File name too long"):
        unix_socket(folder / "c" / ("a" * length))


def test_a_folder_that_takes_no_socket_is_said(folder, monkeypatch) -> None:
    class Refuses(socket.socket):
        def bind(self, address) -> None:
            raise OSError(28, "No space left on device")

        def connect(self, address) -> None:
            raise OSError(13, "Permission denied")

    path = folder / "c" / "control.sock"
    with monkeypatch.context() as patched:
        patched.setattr(listening.socket, "socket", Refuses)
        with pytest.raises(ConfigurationError, match="cannot be listened on: No space"):
            unix_socket(path)
    unix_socket(path).close()
    monkeypatch.setattr(listening.socket, "socket", Refuses)
    with pytest.raises(ConfigurationError, match="cannot be asked"):
        unix_socket(path)


def test_a_wrong_method_is_answered_with_the_right_ones(folder) -> None:
    async def asked() -> None:
        path = folder / "c" / "control.sock"
        async with on_socket(Operators(folder), path):
            answer = await over(path, get("/v1/drain"))
            assert answer.startswith(b"HTTP/1.1 405")
            assert b"allow: POST\r\n" in answer

    run(asked())


# The port


def test_the_token_opens_and_nothing_else_does(folder) -> None:
    operators = Operators(folder)
    handler = ControlHandler(operators.api, proof=bearer_of(Secret(TOKEN.encode())))

    async def asked() -> None:
        async with serving(handler, bounds=CONTROL_BOUNDS) as (_, port):
            right = await spoken(port, get("/readyz", f"authorization: Bearer {TOKEN}"))
            assert right.startswith(b"HTTP/1.1 200")
            for header in (
                "x: y",
                "authorization: Bearer ",
                f"authorization: Bearer {TOKEN}x",
                f"authorization: Bearer {TOKEN[:-1]}",
                f"authorization: Basic {TOKEN}",
                f"authorization: {TOKEN}",
                f"x-api-key: {TOKEN}",
            ):
                answer = await spoken(port, get("/readyz", header))
                assert answer.startswith(b"HTTP/1.1 401"), header
                assert b"www-authenticate: Bearer\r\n" in answer
                assert TOKEN.encode() not in answer
            assert (await spoken(port, get(f"/readyz?token={TOKEN}"))).startswith(b"HTTP/1.1 401")
            health = await spoken(port, get("/healthz"))
            assert health.startswith(b"HTTP/1.1 200")
            assert health.endswith(b'\r\n\r\n{"status":"ok"}')

    run(asked())


def test_who_has_the_token_is_named_by_address() -> None:
    proof = bearer_of(Secret(TOKEN.encode()))
    request = Request(method="GET", path="/", headers={"authorization": f"bearer {TOKEN}"}, peer="127.0.0.1")
    assert proof(request) == "token from 127.0.0.1"
    assert proof(Request(method="GET", path="/", headers={"authorization": "Bearer \udcff"})) is None


@pytest.mark.parametrize("token", [b"", b"x" * 31, b"x" * 31 + b" y", b"x" * 40 + b"\n", "ü".encode() * 40])
def test_a_short_or_odd_token_is_refused_and_not_shown(token) -> None:
    with pytest.raises(ConfigurationError) as caught:
        bearer_of(Secret(token))
    assert "xxx" not in str(caught.value)


def test_a_port_beyond_loopback_needs_tls() -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        with pytest.raises(ConfigurationError, match="without TLS"):
            port_socket(host, 0, has_tls=False)
    with pytest.raises(ConfigurationError, match="is no address"):
        port_socket("gateway.example.org", 0, has_tls=True)
    with port_socket("0.0.0.0", 0, has_tls=True), port_socket("localhost", 0, has_tls=False) as sock:
        host, port = sock.getsockname()
        assert host == "127.0.0.1"
        sock.listen()
        with pytest.raises(ConfigurationError, match="cannot be listened on"):
            port_socket("127.0.0.1", port, has_tls=False)


# All of it


def test_every_way_that_the_settings_name_is_opened(folder) -> None:
    operators = Operators(folder)
    chosen = ControlSettings(socket="c/s", host="127.0.0.1", port=0)

    async def asked() -> None:
        servers = await listen(operators.api, chosen, root=folder, token=Secret(TOKEN.encode()))
        assert len(servers) == 2
        port = servers[0]._listener.sockets[0].getsockname()[1]
        assert (await spoken(port, get("/readyz"))).startswith(b"HTTP/1.1 401")
        assert (await over(folder / "c" / "s", get("/readyz"))).startswith(b"HTTP/1.1 200")
        for server in servers:
            await server.close()

    run(asked())


def test_without_ways_nothing_is_opened(folder) -> None:
    async def asked() -> None:
        assert await listen(Operators(folder).api, ControlSettings(socket=""), root=folder) == ()

    run(asked())


@pytest.mark.parametrize("token", [None, Secret(b"short")])
def test_a_port_without_a_sound_token_opens_nothing(folder, token) -> None:
    async def asked() -> None:
        chosen = ControlSettings(socket="c/s", host="127.0.0.1")
        with pytest.raises(ConfigurationError, match="token"):
            await listen(Operators(folder).api, chosen, root=folder, token=token)
        assert not (folder / "c").exists()

    run(asked())


def test_when_one_way_cannot_be_opened_none_is(folder) -> None:
    (folder / "c").mkdir()
    (folder / "c").chmod(0o755)

    async def asked() -> None:
        chosen = ControlSettings(socket="c/s", host="127.0.0.1", port=0)
        with pytest.raises(ConfigurationError, match="only its owner"):
            await listen(Operators(folder).api, chosen, root=folder, token=Secret(TOKEN.encode()))

    run(asked())


def test_a_port_of_the_newer_protocol_takes_that_alone() -> None:
    try:
        sock = port_socket("::1", 0, has_tls=False)
    except ConfigurationError as error:
        pytest.skip(f"no such loopback here: {error}")
    with sock:
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1

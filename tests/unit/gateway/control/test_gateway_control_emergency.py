"""The switch works with a gateway that answers, with one that hangs or lies, and with none; and the command says which."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.gateway.control.operators import Operators, on_socket

from keelmark.cli.main import run
from keelmark.core.clock import FixedClock
from keelmark.errors import StoreError, UsageError
from keelmark.gateway.control import client, emergency
from keelmark.gateway.control.client import UnansweredError, ask
from keelmark.gateway.control.disconnect import FILE, JOURNAL, Disconnection
from keelmark.gateway.control.emergency import Place

CLOCK = FixedClock(datetime(2026, 1, 31, 12, tzinfo=UTC))
DEED = {"reason": "leaked key", "owner": "Head", "clock": CLOCK}
WORDS = ("--reason", "leaked key", "--owner", "Head")


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        yield Path(place)


@pytest.fixture
def place(folder) -> Place:
    return Place(socket=folder / "c" / "s", file=folder / FILE)


def beside(operators: Operators, place: Place, job):
    """Do something in another thread while a gateway serves."""

    async def both():
        async with on_socket(operators, place.socket):
            return await asyncio.to_thread(job)

    return asyncio.run(both())


@contextmanager
def answering(path: Path, answer: bytes | None):
    """Somebody who answers every connection with the same bytes, or not at all."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        stop = threading.Event()

        def serve() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    if stop.is_set():
                        return
                    if answer is None:
                        stop.wait(5)
                        return
                    try:
                        peer.sendall(answer)
                        peer.shutdown(socket.SHUT_WR)
                        while peer.recv(65536):
                            pass
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as last:
                last.connect(str(path))
            thread.join()


def http(body: bytes, status: int = 200) -> bytes:
    return b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)


# The switch


def test_a_gateway_that_answers_confirms_records_and_refuses(folder, place) -> None:
    operators = Operators(folder)
    turned = beside(operators, place, lambda: emergency.disconnect(place, **DEED))
    assert (turned.is_confirmed, turned.is_recorded) == (True, True)
    assert operators.disconnection.is_on
    assert operators.records == [("disconnect", f"Head (uid {os.geteuid()})", "leaked key")]
    assert Disconnection(place.file, clock=CLOCK).is_on


def test_without_a_gateway_the_file_is_written(place) -> None:
    turned = emergency.disconnect(place, **DEED)
    assert (turned.is_confirmed, turned.unanswered) == (False, "there is no socket")
    note = Disconnection(place.file, clock=CLOCK).note
    assert (note.reason, note.owner, note.by) == ("leaked key", "Head", f"uid {os.geteuid()}")


def test_a_gateway_that_hangs_does_not_hold_it_up(place, monkeypatch) -> None:
    monkeypatch.setattr(emergency, "_CONFIRM_TIMEOUT_S", 0.01)
    with answering(place.socket, None):
        turned = emergency.disconnect(place, **DEED)
    assert not turned.is_confirmed
    assert "no answer within" in turned.unanswered
    assert Disconnection(place.file, clock=CLOCK).is_on


def test_a_gateway_that_is_only_slow_confirms_that_it_sees_the_file(
    folder, place, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(emergency, "_DISCONNECT_TIMEOUT_S", 0.0)
    monkeypatch.setattr(emergency, "_TIMEOUT_S", 0.0)
    operators = Operators(folder)
    sock = ("--socket", str(place.socket))
    code, out, err = beside(operators, place, lambda: told(capsys, folder, "disconnect", *WORDS, *sock))
    assert (code, out, err) == (0, f"everything is refused: the gateway sees {place.file}\n", "")
    code, out, err = beside(operators, place, lambda: told(capsys, folder, "reconnect", *WORDS, *sock))
    assert (code, out, err) == (0, f"requests are let through: the gateway sees {place.file}\n", "")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
        http(b"{}"),
        http(b"[]"),
        http(b"{"),
        http(b"[" * 5000),
        http(b'{"action":"reconnect"}'),
        http(b'{"error":{"message":"no"}}', 503),
        http(b'{"error":"no"}', 401),
        b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{}",
        b"x" * (2 * 1024**2),
    ],
)
def test_whatever_but_a_confirmation_comes_back_the_file_is_written(place, answer) -> None:
    with answering(place.socket, answer):
        assert not emergency.disconnect(place, **DEED).is_confirmed
    assert Disconnection(place.file, clock=CLOCK).is_on


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40) | st.binary(max_size=40).map(http))
def test_any_answer_is_read_or_is_none(received: bytes) -> None:
    try:
        status, body = client._answer(received)
    except UnansweredError:
        return
    assert isinstance(status, int)
    assert isinstance(body, dict)


def test_somebody_else_behind_the_socket_is_not_believed(place, monkeypatch) -> None:
    monkeypatch.setattr(client, "peer_user", lambda _: os.geteuid() + 1)
    with answering(place.socket, http(b'{"action":"disconnect","recorded":true}')):
        with pytest.raises(UnansweredError, match="somebody else"):
            ask(place.socket, "GET", "/readyz")
        assert not emergency.disconnect(place, **DEED).is_confirmed


def test_a_slow_writer_cannot_stretch_the_time() -> None:
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with one, two:
        two.send(b"x")
        with pytest.raises(TimeoutError):
            client._received(one, time.monotonic() + 0.01)
        with pytest.raises(TimeoutError):
            client._received(one, time.monotonic() - 1)


def test_it_is_said_when_the_file_cannot_be_written_either(folder) -> None:
    with pytest.raises(StoreError, match="could not be written"):
        emergency.disconnect(Place(socket=folder / "s", file=Path("/proc/keelmark/disconnected")), **DEED)


def test_reconnecting_through_the_gateway_is_recorded(folder, place) -> None:
    operators = Operators(folder)
    operators.disconnection.disconnect("x", "Ana", by="")
    assert beside(operators, place, lambda: emergency.reconnect(place, **DEED)).is_confirmed
    assert operators.records[-1][0] == "reconnect"
    assert not place.file.exists()


def test_a_reconnection_that_the_gateway_refuses_is_not_done_behind_its_back(folder, place) -> None:
    operators = Operators(folder)
    operators.disconnection.disconnect("x", "Ana", by="")
    operators.log_fails = True
    with pytest.raises(StoreError, match="did not reconnect"):
        beside(operators, place, lambda: emergency.reconnect(place, **DEED))
    assert place.file.exists()


def test_reconnecting_without_a_gateway_removes_the_file_and_stands_in_the_journal(place) -> None:
    emergency.disconnect(place, **DEED)
    assert not emergency.reconnect(place, **DEED).is_confirmed
    assert not place.file.exists()
    lines = (place.file.parent / JOURNAL).read_text().splitlines()
    assert [json.loads(line)["action"] for line in lines] == ["disconnect", "reconnect"]


def test_a_slow_gateway_that_reconnected_meanwhile_is_no_mistake(place, monkeypatch) -> None:
    emergency.disconnect(place, **DEED)

    def slow(*args, **more):
        place.file.unlink(missing_ok=True)
        raise UnansweredError("no answer")

    monkeypatch.setattr(emergency, "ask", slow)
    assert not emergency.reconnect(place, **DEED).is_confirmed
    with pytest.raises(UsageError):
        emergency.reconnect(place, **DEED)


def test_reconnecting_what_is_connected_is_a_mistake(folder, place) -> None:
    with pytest.raises(UsageError, match="nothing is disconnected"):
        emergency.reconnect(place, **DEED)
    operators = Operators(folder)
    with pytest.raises(UsageError, match="nothing is disconnected"):
        beside(operators, place, lambda: emergency.reconnect(place, **DEED))


def test_status_believes_the_file_and_the_gateway(folder, place) -> None:
    assert emergency.status(place, clock=CLOCK).missing is None
    operators = Operators(folder)
    found = beside(operators, place, lambda: emergency.status(place, clock=CLOCK))
    assert (found.is_on, found.missing, found.note) == (False, (), None)
    operators.disconnection.disconnect("x", "Ana", by="")
    elsewhere = Place(socket=place.socket, file=folder / "elsewhere")
    found = beside(operators, place, lambda: emergency.status(elsewhere, clock=CLOCK))
    assert (found.is_on, found.missing, found.note) == (True, ("disconnected",), None)
    with answering(folder / "odd" / "s", http(b'{"ready":1}')):
        odd = emergency.status(Place(socket=folder / "odd" / "s", file=place.file), clock=CLOCK)
    assert (odd.is_on, odd.missing) == (True, None)


def test_a_socket_that_was_left_behind_is_no_gateway(place) -> None:
    place.socket.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(place.socket))
    assert emergency.disconnect(place, **DEED).unanswered == "connection refused"


# The command


def told(capsys, folder: Path, *words: str) -> tuple[int, str, str]:
    code = run(["incident", words[0], "--folder", str(folder), *words[1:]])
    found = capsys.readouterr()
    return code, found.out, found.err


def test_the_command_says_that_no_gateway_confirms_it(folder, capsys) -> None:
    code, out, err = told(capsys, folder, "disconnect", *WORDS)
    assert code == 3
    assert out == f"disconnected by {folder / FILE}\n"
    assert "no gateway confirms it (there is no socket)" in err
    code, out, _ = told(capsys, folder, "status")
    assert code == 1
    assert "everything is refused" in out
    assert f"by Head (uid {os.geteuid()}): leaked key" in out
    code, out, _ = told(capsys, folder, "reconnect", *WORDS, "--format", "json")
    assert code == 3
    assert json.loads(out)["confirmed"] is False
    code, out, _ = told(capsys, folder, "status")
    assert code == 3
    assert out.startswith("not disconnected; whether a gateway serves cannot be told\n")


def test_the_command_says_that_the_gateway_confirms_it(folder, place, capsys) -> None:
    operators = Operators(folder)
    sock = ("--socket", str(place.socket))
    code, out, err = beside(operators, place, lambda: told(capsys, folder, "status", *sock))
    assert (code, out, err) == (0, "connected\n", "")
    code, out, err = beside(operators, place, lambda: told(capsys, folder, "disconnect", *WORDS, *sock))
    assert (code, out, err) == (0, "everything is refused: the gateway confirms it\n", "")
    code, out, _ = beside(operators, place, lambda: told(capsys, folder, "status", *sock, "--format", "json"))
    found = json.loads(out)
    assert code == 1
    assert found["disconnected"] is True
    assert found["gateway"] == {"answers": True, "missing": ["disconnected"]}
    assert found["reason"] == "leaked key"
    code, out, _ = beside(operators, place, lambda: told(capsys, folder, "reconnect", *WORDS, *sock))
    assert (code, out) == (0, "requests are let through: the gateway confirms it\n")


def test_what_else_is_missing_is_said(folder, place, capsys) -> None:
    from dataclasses import replace

    operators = Operators(folder)
    operators.gateway.ready = replace(operators.gateway.ready, is_draining=True)
    sock = ("--socket", str(place.socket))
    code, out, _ = beside(operators, place, lambda: told(capsys, folder, "status", *sock))
    assert (code, out) == (0, "connected\nnot ready: draining\n")


def test_a_log_that_could_not_be_written_is_said(folder, place, capsys) -> None:
    operators = Operators(folder)
    operators.log_fails = True
    sock = ("--socket", str(place.socket))
    code, _, err = beside(operators, place, lambda: told(capsys, folder, "disconnect", *WORDS, *sock))
    assert code == 0
    assert "could not be written" in err


def test_a_file_that_nobody_can_read_is_disconnected(folder, capsys) -> None:
    (folder / FILE).parent.mkdir()
    (folder / FILE).write_bytes(b"{")
    code, out, _ = told(capsys, folder, "status")
    assert code == 1
    assert "counts as disconnected" in out


def test_what_was_written_by_others_does_not_drive_the_terminal(folder, capsys) -> None:
    told(capsys, folder, "disconnect", "--reason", "\x1b[31mred\nline", "--owner", "a\x07b")
    _, out, _ = told(capsys, folder, "status")
    assert "\x1b" not in out
    assert "\x07" not in out


def test_a_folder_that_is_not_there_takes_no_file(folder, capsys) -> None:
    code, _, err = told(capsys, folder / "typo", "disconnect", *WORDS)
    assert code == 2
    assert "is no folder" in err
    assert not (folder / "typo").exists()


def test_reason_and_owner_are_needed(folder, capsys) -> None:
    assert told(capsys, folder, "disconnect", "--reason", "x")[0] == 2
    assert told(capsys, folder, "disconnect", "--reason", " ", "--owner", "a")[0] == 2
    assert told(capsys, folder, "reconnect", *WORDS)[0] == 2
    assert not (folder / FILE).exists()


def test_the_command_needs_nothing_of_the_server() -> None:
    """It has to work where only the base is installed."""
    words = "import sys, keelmark.cli.incident; print([m for m in ('httptools', 'uvloop', 'cryptography') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

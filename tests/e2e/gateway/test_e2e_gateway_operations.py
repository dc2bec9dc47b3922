"""What operators rely on: workers that come back, settings read again, an end that lets answers end, and the emergency switch."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.corpus.releases import released
from tests.e2e.gateway.gateways import CHAT, CREDENTIAL, Gateway, ground_of, make_project, serving, until
from tests.e2e.gateway.test_e2e_gateway_process_acts import received, streaming
from tests.e2e.gateway.upstreams import Upstream

from keelmark.core.clock import FixedClock, SystemClock

STEADY_S = 3  # A worker that lived for two seconds has started for good.


@contextmanager
def port_of_two() -> Iterator[int]:
    """A free port that two workers can share, kept free for them meanwhile."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def is_served(gateway: Gateway, status: int = 200) -> bool:
    try:
        return gateway.ask().status == status
    except (OSError, IndexError, ValueError):
        return False


def is_alive(process: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# Workers


def test_a_killed_worker_of_two_is_started_again_and_the_other_serves_meanwhile(
    place: Path, upstream: Upstream
) -> None:
    project = make_project(place, upstream, listen="listen: {workers: 2}")
    with port_of_two() as port, serving(project, upstream, port=port, workers=2) as gateway:
        begun = time.monotonic()
        until(lambda: time.monotonic() - begun > STEADY_S)
        before = dict(gateway.workers)
        assert {port for port, _ in before.values()} == {port}
        os.kill(before["worker-1"][1], signal.SIGKILL)
        until(lambda: is_served(gateway))
        until(lambda: gateway.workers["worker-1"] != before["worker-1"])
        assert gateway.workers["worker-0"] == before["worker-0"]
        assert any("ended by itself (-9)" in line for line in gateway.told)
        assert [gateway.ask().status for _ in range(20)] == [200] * 20
        assert gateway.stop() == 0
    verified = gateway.run("log", "requests", "verify")
    assert verified.returncode == 3, verified.stdout  # No head was published, and nothing is wrong.


def test_workers_end_with_who_watches_them(place: Path, upstream: Upstream) -> None:
    project = make_project(place, upstream, listen="listen: {workers: 2}")
    with serving(project, upstream, workers=2) as gateway:
        processes = [process for _, process in gateway.workers.values()]
        assert gateway.ask().status == 200
        gateway.process.kill()
        until(lambda: not any(map(is_alive, processes)))
    # Nobody holds the logs, so that it can be started again.
    with serving(project, upstream, workers=2) as gateway:
        assert gateway.ask().status == 200


def test_when_one_worker_cannot_start_all_end_and_say_why(place: Path, upstream: Upstream) -> None:
    project = make_project(place, upstream, listen="listen: {workers: 2}")
    control = project.root / ".keelmark" / "control"
    control.mkdir()
    control.chmod(0o755)
    with (
        pytest.raises(AssertionError, match="no folder that only its owner can open"),
        serving(project, upstream, workers=2),
    ):
        pass


# Settings


def change(gateway: Gateway, text: str, *, is_released: bool) -> None:
    project = gateway.project
    (project.root / "gateway.yaml").write_text(text)
    if is_released:
        released(project.root, project.signer, ground_of(project.root), clock=FixedClock(SystemClock().now()))


@pytest.mark.parametrize("workers", [1, 2])
def test_sound_settings_are_in_force_without_a_restart(place: Path, upstream: Upstream, workers: int) -> None:
    project = make_project(place, upstream, listen=f"listen: {{workers: {workers}}}")
    with serving(project, upstream, workers=workers) as gateway:
        text = (project.root / "gateway.yaml").read_text()
        more = {**CHAT, "model": "more"}
        assert gateway.ask(more).reason == "no-such-model"
        change(
            gateway,
            text.replace("models:\n", "models:\n  - {name: more, upstream: local, asset: small}\n"),
            is_released=True,
        )
        gateway.process.send_signal(signal.SIGHUP)
        until(
            lambda: sum("routes are in force" in line for line in gateway.told) >= workers,
            lambda: gateway.told,
        )
        until(lambda: gateway.ask(more).status == 200, lambda: (gateway.told, gateway.ask(more)))
        assert gateway.ask().status == 200


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [("name: small", "nmae: small", "unknown key"), ("version: 1", "version: [", "gateway.yaml"),
     ("upstream: local", "upstream: nowhere", "which there is not")],
)  # fmt: skip
def test_unsound_settings_change_nothing_and_are_told(
    gateway: Gateway, old: str, new: str, words: str
) -> None:
    file = gateway.project.root / "gateway.yaml"
    before, told = file.read_bytes(), len(gateway.told)
    try:
        file.write_bytes(before.replace(old.encode(), new.encode(), 1))
        gateway.process.send_signal(signal.SIGHUP)
        until(lambda: any("were not put in force" in line and words in line for line in gateway.told[told:]))
    finally:
        file.write_bytes(before)
    # The file is as released again: it is served as before, by the old settings.
    until(lambda: is_served(gateway))


# The end


def test_an_answer_under_way_ends_after_it_was_asked_to_stop(place: Path, upstream: Upstream) -> None:
    with serving(make_project(place, upstream), upstream) as gateway:
        upstream.hold()
        with streaming(gateway) as line:
            got = received(line, b"data: ")
            gateway.process.send_signal(signal.SIGTERM)
            # It takes nobody any more, and is still there for the one it answers.
            until(lambda: not is_served(gateway))
            assert gateway.process.poll() is None
            upstream.go()
            got += received(line, b"data: [DONE]")
        text = "".join(
            json.loads(each[6:])["choices"][0]["delta"].get("content", "")
            for each in got.decode().replace("\r\n", "\n").split("\n")
            if each.startswith("data: {")
        )
        assert text == "Hello, how are you?"
        assert gateway.process.wait(60) == 0


# Emergency


@pytest.mark.parametrize("workers", [1, 2])
def test_after_a_disconnection_everything_is_refused_until_it_is_taken_back(
    place: Path, upstream: Upstream, workers: int
) -> None:
    project = make_project(place, upstream, listen=f"listen: {{workers: {workers}}}")
    with serving(project, upstream, workers=workers) as gateway:
        assert gateway.ask().status == 200
        done = gateway.run("incident", "disconnect", "--reason", "leaked key", "--owner", "Head")
        assert done.returncode == 0, done.stderr
        for port, _ in gateway.workers.values():
            until(lambda port=port: gateway.ask(port=port).status == 503)
        upstream.requests.clear()
        for port, _ in gateway.workers.values():
            reply = gateway.ask(port=port)
            assert (reply.status, reply.reason) == (503, "disconnected")
            assert gateway.ask(b"", path="/v1/models", method="GET", port=port).status == 503
            assert gateway.ask({}, api_key="", port=port).status == 503
        assert gateway.run("incident", "status").returncode == 1
    # A restart does not bring it back.
    with serving(project, upstream, workers=workers) as gateway:
        assert gateway.ask().reason == "disconnected"
        assert upstream.requests == []
        done = gateway.run("incident", "reconnect", "--reason", "key replaced", "--owner", "Head")
        assert done.returncode == 0, done.stderr
        for port, _ in gateway.workers.values():
            until(lambda port=port: gateway.ask(port=port).status == 200)
        lines = (project.root / ".keelmark" / "disconnections.jsonl").read_text().splitlines()
        assert [("leaked key" in line, "key replaced" in line) for line in lines] == [
            (True, False),
            (False, True),
        ]


# Paths


def test_paths_of_the_settings_start_from_their_folder_wherever_it_is_started(
    place: Path, upstream: Upstream
) -> None:
    project = make_project(place, upstream)
    settings = project.root / "gateway.yaml"
    settings.write_text(settings.read_text().replace("env:UPSTREAM_KEY", "file:../upstream.key"))
    (place / "upstream.key").write_text(f"{CREDENTIAL}\n")
    checked = subprocess.run(
        [sys.executable, "-m", "keelmark", "serve", str(settings), "--check"],
        cwd=place, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert b"model small through local" in checked.stdout, checked.stderr

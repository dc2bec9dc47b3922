"""What is measured: how each target is set up in a folder of its own, started, asked for the first time, and stopped."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from gateway_peers.load import Goal, TargetError
from gateway_peers.released import lay_out

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["TARGETS", "Bench", "Running", "Started"]

HERE = Path(__file__).parent
CHAT = "/v1/chat/completions"
_START_S = 90.0
_STOP_S = 10.0
_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """How to start a target, and how to ask it.

    Attributes:
        command: The program.
        key: What callers show.
        port: Where it listens; 0 when it prints its address.
        path: Of chat completions.
        model: As callers name it.
        environment: Besides what there is.
    """

    command: list[str]
    key: str
    port: int
    path: str = CHAT
    model: str = "small"
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What all targets share.

    Attributes:
        folder: For what is made.
        place: Where the environments of others stand.
        upstream: Port of the model.
        core: Processor that targets run on.
    """

    folder: Path
    place: Path
    upstream: int
    core: int

    def filled(self, name: str, **more: object) -> str:
        """A configuration of this folder, with what is known filled in."""
        text = (HERE / name).read_text(encoding="utf-8")
        for word, value in {"UPSTREAM": self.upstream, **more}.items():
            text = text.replace(f"@{word}@", str(value))
        return text


class Running:
    """A target that runs, from its start to its first answer and its end."""

    def __init__(self, started: Started, *, folder: Path, core: int) -> None:
        self.started, self._folder, self._core = started, folder, core
        self.address = ("127.0.0.1", started.port)
        self.start_s = 0.0

    def __enter__(self) -> Self:
        """Start it, and wait for its first answer."""
        begun = time.perf_counter()
        self._said = (self._folder / "said.txt").open("w+b")
        self.process = subprocess.Popen(
            ["taskset", "-c", str(self._core), *self.started.command],
            cwd=self._folder,
            env=os.environ | self.started.environment,
            stdout=self._said,
            stderr=subprocess.STDOUT,
        )
        try:
            self._wait(begun)
        except BaseException:
            self._stop()
            raise
        self.start_s = time.perf_counter() - begun
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self._stop()

    @property
    def goal(self) -> Goal:
        """What load is put on."""
        started = self.started
        return Goal(
            address=self.address,
            path=started.path,
            model=started.model,
            key=started.key,
            process=self.process.pid,
        )

    def _wait(self, begun: float) -> None:
        while not self._answers():
            if self.process.poll() is not None or time.perf_counter() - begun > _START_S:
                said = (self._folder / "said.txt").read_text(errors="replace")[-2000:]
                raise TargetError(f"{self.started.command[0]} did not start: {said}")
            time.sleep(0.01)

    def _answers(self) -> bool:
        if not self.address[1]:
            said = (self._folder / "said.txt").read_text(errors="replace")
            mark = said.find("http://")
            if mark < 0 or "\n" not in said[mark:]:
                return False
            host, _, port = said[mark + 7 :].split("\n")[0].partition("/")[0].partition(":")
            self.address = ("127.0.0.1" if host == "0.0.0.0" else host, int(port))  # noqa: S104 - as it was told
        caller = http.client.HTTPConnection(*self.address, timeout=5)
        body = json.dumps({"model": self.started.model, "messages": [{"role": "user", "content": "Hello"}]})
        heads = {"authorization": f"Bearer {self.started.key}", "content-type": "application/json"}
        try:
            caller.request("POST", self.started.path, body, heads)
            return caller.getresponse().status == _OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            caller.close()

    def _stop(self) -> None:
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_STOP_S)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._said.close()


def _keelmark(bench: Bench, folder: Path) -> Started | None:
    port = free_port()
    key = lay_out(
        folder / "project",
        settings=bench.filled("keelmark.yaml", PORT=port),
        policy=bench.filled("policy.cedar"),
    )
    command = [sys.executable, "-m", "keelmark", "serve", str(folder / "project" / "gateway.yaml")]
    return Started(command=command, key=key, port=port)


def _nginx(bench: Bench, folder: Path) -> Started | None:
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        return None
    key, port = secrets.token_hex(32), free_port()
    (folder / "nginx.conf").write_text(bench.filled("nginx.conf", PORT=port, KEY=key, FOLDER=folder))
    command = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    return Started(command=command, key=key, port=port)


def _tensorzero(bench: Bench, folder: Path) -> Started | None:
    python = bench.place / "tz" / "bin" / "python"
    if not python.exists():
        return None
    (folder / "tensorzero.toml").write_text(bench.filled("tensorzero.toml"))
    return Started(
        command=[str(python), str(HERE / "start_tensorzero.py"), str(folder / "tensorzero.toml")],
        key="none",
        port=0,
        path="/openai/v1/chat/completions",
        model="tensorzero::model_name::small",
    )


def _sglang(bench: Bench, folder: Path) -> Started | None:
    del folder
    python = bench.place / "sg" / "bin" / "python"
    if not python.exists():
        return None
    key, port = secrets.token_hex(32), free_port()
    command = [
        *(str(python), "-m", "sglang_router.launch_router", "--host", "127.0.0.1", "--port", str(port)),
        *("--worker-urls", f"http://127.0.0.1:{bench.upstream}", "--policy", "round_robin"),
        *("--api-key", key, "--prometheus-port", str(free_port()), "--log-level", "warn"),
    ]
    return Started(command=command, key=key, port=port)


def _litellm(bench: Bench, folder: Path) -> Started | None:
    program = bench.place / "ll" / "bin" / "litellm"
    if not program.exists():
        return None
    key, port = f"sk-{secrets.token_hex(16)}", free_port()
    (folder / "litellm.yaml").write_text(bench.filled("litellm.yaml", KEY=key))
    command = [
        *(str(program), "--config", str(folder / "litellm.yaml"), "--host", "127.0.0.1"),
        *("--port", str(port), "--num_workers", "1", "--telemetry", "False"),
    ]
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    return Started(command=command, key=key, port=port, environment=environment)


TARGETS: dict[str, Callable[[Bench, Path], Started | None]] = {
    "keelmark": _keelmark,
    "nginx": _nginx,
    "sglang-router": _sglang,
    "tensorzero": _tensorzero,
    "litellm": _litellm,
}
"""How each is set up; None where it is not installed."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port

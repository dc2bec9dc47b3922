"""`keelmark serve` as a process of its own, on a released folder, from its start to its end."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway_peers.released import lay_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Served", "served"]

HERE = Path(__file__).parent
START_S, STOP_S = 30.0, 40.0
_DIES_WITH_PARENT = 1
_SERVES = re.compile(r"serves on 127\.0\.0\.1:(\d+), process (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A gateway that takes requests.

    Attributes:
        root: Its folder.
        process: Its number.
        port: Where it listens.
        key: That callers show.
    """

    root: Path
    process: int
    port: int
    key: str


@contextlib.contextmanager
def served(folder: Path, *, settings: str, environment: Mapping[str, str] | None = None) -> Iterator[Served]:
    """A gateway, ended whatever happens, also when this process is killed.

    Args:
        folder: For all that is made.
        settings: What `gateway.yaml` says.
        environment: Besides what there is.
    """
    policy = (HERE.parent / "gateway_peers" / "policy.cedar").read_text(encoding="utf-8")
    root = folder / "project"
    key = lay_out(root, settings=settings, policy=policy, scopes=("infer:small", "listModels:*"))
    said = folder / "said.txt"
    with said.open("w+b") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "keelmark", "serve", str(root / "gateway.yaml")],
            cwd=root,
            env={**os.environ, **(environment or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - no thread runs yet
        )
        try:
            yield Served(root=root, process=process.pid, port=_port(process, said), key=key)
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S)
            process.kill()
            process.wait()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGKILL)


def _port(process: subprocess.Popen[bytes], said: Path) -> int:
    ends = time.monotonic() + START_S
    while not (found := _SERVES.search(said.read_text(errors="replace"))):
        if process.poll() is not None or time.monotonic() > ends:
            raise SystemExit(f"the gateway did not start: {said.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)
    return int(found[1])

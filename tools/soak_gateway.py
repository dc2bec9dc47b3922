"""Soaks `keelmark serve`, everything on: requests that all differ, and streams whose callers go away; then counts what is left.

    make soak                                                   # a million requests, 100,000 streams
    python tools/soak_gateway.py --requests 100000 --streams 10000

It fails when memory grew by 10 MiB or more after the warm-up, when connections, files or reservations are left, when an answer
is not that of its request, or when the request log does not verify. Memory is read while nothing is under way. Segments of the
log are verified as they fill up and then taken away, so that the disk holds few of them at a time; all lies in a folder of its
own, which is removed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop
from gateway_peers.load import usage_of
from soak.callers import Callers
from soak.model import Model
from soak.served import served

from keelmark.gateway.control.client import UnansweredError, ask
from keelmark.store.request_log_check import check_requests
from keelmark.trust.keys import load_private, new_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
MAX_GROWTH_MIB = 10.0
AT_ONCE, STREAMS_AT_ONCE = 32, 64
QUIET_S = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for on the command line."""

    requests: int
    streams: int
    warm_up: int
    step: int


@dataclass(slots=True, kw_only=True)
class Gateway:
    """The process that is soaked.

    Attributes:
        root: Its folder.
        process: Its number.
        port: Where it listens.
        key: That callers show.
        log_key: File of the public key of the transparency log.
        first: Number of the first segment of the request log that is still there.
        lines: Of the request log, that were verified.
        problems: Of the request log.
    """

    root: Path
    process: int
    port: int
    key: str
    log_key: str
    first: int = 1
    lines: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def log(self) -> Path:
        """The folder of the request log."""
        return self.root / ".keelmark" / "requests" / "worker-0"

    def resident_mib(self) -> float:
        """Resident memory."""
        return usage_of(self.process).resident_mib

    def files(self) -> int:
        """Open file descriptors."""
        return len(list(Path(f"/proc/{self.process}/fd").iterdir()))

    def state(self) -> dict[str, Any]:
        """How it says that it stands."""
        status, found = ask(self.root / ".keelmark" / "control" / "gateway.sock", "GET", "/v1/state")
        if status != 200:
            raise UnansweredError(f"{status}: {found}")
        return found

    def check_log(self) -> None:
        """Verify what was written since the last time, then take full segments away."""
        segments = sorted(self.log.glob("*.log"))
        found = check_requests(self.log, first=self.first)
        self.problems += [f"log: {each.where}: {each.message}" for each in found.problems]
        self.lines = found.lines
        for segment in segments[:-1]:
            segment.unlink()
        self.first = int(segments[-1].stem)

    def left_over(self) -> list[str]:
        """What it still holds, when nothing should be under way."""
        state = self.state()
        found = [
            f"{each['name']} of {each['subject']}: {each['used']} used"
            for each in state["limits"]
            if each["used"]
        ]
        for worker in state["workers"]:
            found += [f"{worker[name]} {name}" for name in ("connections", "in_flight") if worker[name]]
        return found


@contextlib.contextmanager
def serving(folder: Path, upstream: int) -> Iterator[Gateway]:
    """The gateway, from its start to its end."""
    log_key = new_private("ed25519", password=None)
    (folder / "log.pem").touch(0o600)
    (folder / "log.pem").write_bytes(log_key)
    public = folder / "log.pem.pub"
    public.write_text(load_private(log_key).public.pem)
    settings = (HERE / "soak" / "gateway.yaml").read_text(encoding="utf-8")
    settings = settings.replace("@UPSTREAM@", str(upstream)).replace("@LOG_KEY@", str(folder / "log.pem"))
    with served(folder, settings=settings) as found:
        yield Gateway(
            root=found.root, process=found.process, port=found.port, key=found.key, log_key=str(public)
        )


class Soak:
    """One run.

    Args:
        gateway: What is soaked.
        model: What stands behind it.
        callers: Who ask.
        asked: How much.
    """

    def __init__(self, gateway: Gateway, model: Model, callers: Callers, asked: Asked) -> None:
        self.gateway, self.model, self.callers, self.asked = gateway, model, callers, asked
        self.grown = 0.0
        self._before = 0.0
        self._files = gateway.files()

    async def run(self) -> list[str]:
        """Send everything; what is not as it should be."""
        asked = self.asked
        print(
            f"{'':26} {'sent':>9} {'a second':>9} {'RSS MiB':>8} {'grown':>7} {'files':>6} {'log lines':>10}"
        )
        await self._part("warm-up", self._ask, asked.warm_up)
        await self._part("warm-up, streams left", self._leave, min(asked.warm_up // 10, asked.streams))
        self._before, self.grown = self.gateway.resident_mib(), 0.0
        for sent in _steps(asked.requests, asked.step):
            await self._part("requests", self._ask, sent)
        for sent in _steps(asked.streams, max(1, asked.step // 5)):
            await self._part("streams left", self._leave, sent)
        await self._part("requests after all", self._ask, min(asked.requests, 10_000))
        await self._quiet()
        return self._judged()

    async def _ask(self, count: int) -> None:
        await self.callers.ask(count, at_once=AT_ONCE)

    async def _leave(self, count: int) -> None:
        await self.callers.leave(count, at_once=STREAMS_AT_ONCE)

    async def _part(self, name: str, what: Callable[[int], Any], count: int) -> None:
        begun = time.perf_counter()
        await what(count)
        took_s = time.perf_counter() - begun
        await asyncio.sleep(0.5)
        await asyncio.to_thread(self.gateway.check_log)
        now = self.gateway.resident_mib()
        if self._before:
            self.grown = max(self.grown, now - self._before)
        grown = f"{now - self._before:+.1f}" if self._before else ""
        print(
            f"{name:26} {count:>9,} {count / took_s if took_s else 0:>9,.0f} {now:>8.1f} {grown:>7} "
            f"{self.gateway.files():>6} {self.gateway.lines:>10,}",
            flush=True,
        )

    async def _quiet(self) -> None:
        """Wait until nothing is held any more: windows are over, and idle connections were ended."""
        for _ in range(QUIET_S):
            if not self._held():
                return
            await asyncio.sleep(1)

    def _held(self) -> list[str]:
        found = self.gateway.left_over()
        files = self.gateway.files()
        if files > self._files:
            found.append(f"{files} files, {self._files} before the first request")
        if self.model.connections or self.model.streams:
            found.append(f"{self.model.connections} connections to the model, {self.model.streams} streams")
        return found

    def _judged(self) -> list[str]:
        callers, gateway = self.callers, self.gateway
        found = [f"left over: {each}" for each in self._held()] + gateway.problems
        found += [f"{count} times: {what}" for what, count in callers.failures.most_common(10)]
        if self.grown >= MAX_GROWTH_MIB:
            found.append(f"memory grew by {self.grown:.1f} MiB")
        if gateway.lines < callers.answered:
            found.append(f"{callers.answered} answers, and {gateway.lines} lines in the log")
        points = ", ".join(f"{count:,} {point}" for point, count in sorted(callers.left.items()))
        print(
            f"\nanswered {callers.answered:,}; left {points}; the model was let go in {self.model.given_up:,} streams"
        )
        print(f"memory grew by at most {self.grown:.1f} MiB; {gateway.lines:,} lines of the log verify")
        return found


def verified(gateway: Gateway) -> list[str]:
    """The log once more, as an operator verifies it, against the heads that were published."""
    command = [
        *(sys.executable, "-m", "keelmark", "log", "requests", "verify", str(gateway.root)),
        *("--key", gateway.log_key, "--first", str(gateway.first)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(done.stdout.strip())
    return [] if done.returncode == 0 else [f"log does not verify: {done.stdout}{done.stderr}"]


def _steps(count: int, step: int) -> list[int]:
    return [min(step, count - begun) for begun in range(0, count, step)]


async def soak(asked: Asked) -> int:
    """Set everything up, send, judge."""
    with tempfile.TemporaryDirectory(prefix="ks") as made:
        async with Model() as model:
            with serving(Path(made), model.port) as gateway:
                callers = Callers(gateway.port, gateway.key)
                found = await Soak(gateway, model, callers, asked).run()
            found += verified(gateway)
    for each in found:
        print(f"FAILED: {each}")
    print("failed" if found else "passed")
    return 1 if found else 0


def main() -> int:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--streams", type=int, default=100_000)
    parser.add_argument("--warm-up", type=int, default=50_000)
    parser.add_argument("--step", type=int, default=50_000, help="requests between two reports")
    told = parser.parse_args()
    return uvloop.run(
        soak(Asked(requests=told.requests, streams=told.streams, warm_up=told.warm_up, step=told.step))
    )


if __name__ == "__main__":
    sys.exit(main())

"""Load on one target, and what it cost: requests with wrk, streams with a small client of our own, figures from /proc."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Burst", "Goal", "TargetError", "Usage", "burst", "first_tokens", "usage_of"]

LUA = Path(__file__).with_name("request.lua")
_TICKS = os.sysconf("SC_CLK_TCK")
_WORD = re.compile(rb'"content":\s*"[^"]')
_STREAM_S = 60.0
# As many requests as request.lua makes lie between two bursts, and as many bursts as it has names for.
_FIRST = itertools.cycle(range(0, 29 * 30_000, 30_000))


class TargetError(Exception):
    """A target did not start, or did not answer as it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What is asked.

    Attributes:
        address: Host and port.
        path: Of chat completions.
        model: As callers name it.
        key: That callers show.
        process: Whose use is counted, with its descendants.
    """

    address: tuple[str, int]
    path: str
    model: str
    key: str
    process: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a tree of processes has used.

    Attributes:
        cpu_s: User and system time.
        resident_mib: Resident memory; pages that processes share are counted in each.
    """

    cpu_s: float
    resident_mib: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """What some seconds of requests gave.

    Attributes:
        per_s: Requests a second.
        p50_us: Median latency.
        p99_us: That of the slowest hundredth.
        cpu_us: Processor time of the target for one request.
        failed: Requests without an answer of 2xx.
    """

    per_s: float
    p50_us: float
    p99_us: float
    cpu_us: float
    failed: int


def usage_of(process: int) -> Usage:
    """What a process and its descendants have used, those that ended and were waited for included."""
    ticks = pages = 0
    todo = [process]
    while todo:
        place = Path("/proc", str(todo.pop()))
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()
            pages += int((place / "statm").read_text().split()[1])
            for thread in (place / "task").iterdir():
                todo.extend(int(each) for each in (thread / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
        ticks += sum(int(each) for each in fields[11:15])
    return Usage(cpu_s=ticks / _TICKS, resident_mib=pages * os.sysconf("SC_PAGE_SIZE") / 1024**2)


def burst(goal: Goal, *, at_once: int, seconds: float, core: int) -> Burst:
    """Send requests for some seconds, so many at once."""
    before = usage_of(goal.process).cpu_s
    command = [
        *("taskset", "-c", str(core), "wrk", "-t1", f"-c{at_once}", f"-d{max(1, round(seconds))}s"),
        *("--timeout", "20s", "-s", str(LUA), f"http://{goal.address[0]}:{goal.address[1]}{goal.path}"),
    ]
    environment = os.environ | {
        "MODEL": goal.model,
        "KEY": goal.key,
        "FIRST": str(next(_FIRST)),
    }
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    cpu_s = usage_of(goal.process).cpu_s - before
    found = json.loads(said.splitlines()[-1])
    count = found["requests"]
    return Burst(
        per_s=count / (found["micros"] / 1e6),
        p50_us=found["p50_us"],
        p99_us=found["p99_us"],
        cpu_us=cpu_s * 1e6 / count if count else float("nan"),
        failed=found["failed"],
    )


def first_tokens(goal: Goal, *, at_once: int, times: int) -> float:
    """Median milliseconds to the first token of streams, so many at once, begun together, several times."""
    body = json.dumps(
        {
            "model": goal.model,
            "stream": True,
            "messages": [{"role": "user", "content": "When does the blue watering can arrive?"}],
        }
    ).encode()
    request = (
        f"POST {goal.path} HTTP/1.1\r\nhost: {goal.address[0]}:{goal.address[1]}\r\nauthorization: Bearer {goal.key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    ).encode() + body

    async def one() -> float:
        reader, writer = await asyncio.open_connection(*goal.address)
        try:
            begun = time.perf_counter()
            writer.write(request)
            return await _first(reader, begun)
        finally:
            writer.close()

    async def all_of_them() -> Sequence[float]:
        found: list[float] = []
        for number in range(times + 1):
            async with asyncio.timeout(_STREAM_S):
                came = await asyncio.gather(*(one() for _ in range(at_once)))
            if number:  # The first round warms connections and caches.
                found.extend(came)
        return found

    return statistics.median(asyncio.run(all_of_them())) * 1e3


async def _first(reader: asyncio.StreamReader, begun: float) -> float:
    """Seconds until the first word of a stream that ends as it should."""
    said, came = b"", 0.0
    while b"[DONE]" not in said and (part := await reader.read(65_536)):
        said += part
        if not came and _WORD.search(said):
            came = time.perf_counter() - begun
    if not came or b"[DONE]" not in said or b" 200 " not in said[:16]:
        raise TargetError(f"a stream was not what it should be: {said[:300].decode(errors='replace')}")
    return came

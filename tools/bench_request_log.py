"""Measures the request log: events a second, awaited one by one and together, and gathered, beside plain synced writes.

Beside each stands the physical limit: the same bytes written and synced to one file in batches of the same size. Figures are
medians of several rounds; CPU time is that of this process, the writer's thread included.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.core.call import Action, Api, Call, Usage
from keelmark.core.clock import SystemClock
from keelmark.core.exchange import Exchange, Request
from keelmark.core.principal import Principal, Proof
from keelmark.core.request_event import encode
from keelmark.core.request_log import RequestLogBounds
from keelmark.core.route import Route, RouteKind
from keelmark.operation.behaviour.event_of import event_of
from keelmark.operation.behaviour.stage_record import Admission, AuditMode, Recorder, RecordSettings
from keelmark.store.request_log import FileRequestLog
from keelmark.store.request_log_check import check_requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.core.request_log import Written

PLACE = os.environ.get("BENCH_PLACE")
EVENTS = int(os.environ.get("BENCH_EVENTS", "100000"))
ROUNDS = 5
STAGES = ("bound", "identify", "authorise", "released", "envelope", "limits", "screen-input", "admission")


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory(dir=PLACE) as folder:
        place = Path(folder)
        with FileRequestLog(place / "logs" / "worker-0", clock=SystemClock()) as log:
            line = encode(event_of(exchange(), ended_ns=time.monotonic_ns()))
            print(f"events of {len(line)} bytes\n")
            print(
                f"{'':28} {'events/s':>9} {'CPU us':>7} {'in batches of':>14} {'raw sync/s':>11} {'of limit':>9}"
            )
            for count in (1, 32, 128):
                awaited(log, place / "raw", line, count)
            gathered(log, place / "raw", line)
            recording(log)
            latency(log, line)
        verifying(place / "logs" / "worker-0")
    return 0


def exchange() -> Exchange:
    """A served request as the gateway knows it at its end."""
    return Exchange(
        id=os.urandom(16).hex(),
        request=Request(method="POST", path="/v1/chat/completions", body=b"x" * 1024, peer="127.0.0.1"),
        started=datetime.now(UTC),
        started_ns=time.monotonic_ns(),
        call=Call(api=Api.CHAT, action=Action.INFER, model="support", body={}, input_tokens=250),
        principal=Principal(id="k7f3a9", proof=Proof.API_KEY, team="support", tenant="eu"),
        route=Route(name="support", kind=RouteKind.MODEL, upstream="local", asset="support"),
        release="2026-01-31T12-00-00-1f3b",
        timings=[(name, 12_345) for name in (*STAGES, "upstream", "screen-output")],
        usage=Usage(input_tokens=241, output_tokens=190),
        status=200,
        request_digest="a" * 64,
        answer_digest="b" * 64,
        facts={"bytes_out": 900},
    )


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def raw_sync(file: Path, data: bytes, times: int) -> None:
    """Write the same bytes to one file, and sync each time: the limit."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for _ in range(times):
        os.write(descriptor, data)
        os.fdatasync(descriptor)
    os.close(descriptor)


def told(name: str, rounds: list[tuple[float, float]], count: int, raw: tuple[Path, bytes, int]) -> None:
    """Print one row, with the limit for batches of this size measured at once."""
    file, line, batch = raw
    wall, cpu = (statistics.median(each[at] for each in rounds) for at in (0, 1))
    times = max(50, min(1_000, 20_000 // batch))
    data = (line + b" " * 100) * batch
    limit = statistics.median(measured(partial(raw_sync, file, data, times))[0] for _ in range(ROUNDS))
    speed, most = count / wall, batch * times / limit
    print(f"{name:28} {speed:9.0f} {cpu / count * 1e6:7.1f} {batch:14} {most:11.0f} {speed / most:9.0%}")


def awaited(log: FileRequestLog, file: Path, line: bytes, callers: int) -> None:
    """So many callers, each of whom waits until its event is on disk."""
    each = max(20, 6_000 // callers if callers > 1 else 400)

    async def caller() -> None:
        for _ in range(each):
            await log.append_awaited(line)

    async def run() -> None:
        await asyncio.gather(*[caller() for _ in range(callers)])

    rounds = [measured(lambda: asyncio.run(run())) for _ in range(ROUNDS)]
    told(f"awaited, {callers} callers", rounds, each * callers, (file, line, callers))


def gathered(log: FileRequestLog, file: Path, line: bytes) -> None:
    """As many as go in; nobody waits."""

    def run() -> None:
        for _ in range(EVENTS):
            while not log.reserve():
                time.sleep(0.0005)
            log.append(line, is_reserved=True)
        log.flush(60)

    rounds = [measured(run) for _ in range(ROUNDS)]
    told("gathered", rounds, EVENTS, (file, line, 1_000))


class Nothing:
    """A log that keeps nothing: what is left is the cost of making events."""

    is_writable, failure = True, ""

    def reserve(self) -> bool:
        """There is always room."""
        return True

    def append(self, event: Written, *, is_reserved: bool = False) -> None:
        """Forget it."""

    def append_awaited(self, event: Written) -> asyncio.Future[None]:
        """Not asked for here."""
        raise NotImplementedError

    def miss(self) -> None:
        """Nothing is missed."""

    def fail(self, reason: str) -> None:
        """Nothing fails."""

    def flush(self, timeout_s: float) -> None:
        """Nothing waits."""


def recording(log: FileRequestLog) -> None:
    """What a request costs the thread that answers it, and the whole process, batches of 2,000."""
    settings = RecordSettings(audit=AuditMode.GROUP)
    for name, kept in (("kept", log), ("not kept", Nothing())):
        recorder = Recorder(kept, settings=settings, clock=SystemClock())
        admission, rounds = Admission(recorder), []
        for _ in range(10):
            made = [exchange() for _ in range(2_000)]
            thread, process = time.thread_time(), time.process_time()
            for each in made:
                admission(each)
                recorder.record(each)
            thread = time.thread_time() - thread
            kept.flush(10)
            rounds.append((thread, time.process_time() - process))
        own, whole = (statistics.median(each[at] for each in rounds) / 2_000 * 1e6 for at in (0, 1))
        print(
            f"\nadmission and record, {name}: {own:.1f} us of the answering thread, {whole:.1f} us in all",
            end="",
        )
    print()


def latency(log: FileRequestLog, line: bytes) -> None:
    """How long events that nobody waits for are not on disk: one at a time, on an idle machine."""
    found = []
    for _ in range(200):
        began = time.perf_counter()
        before = log.head().lines
        log.append(line)
        while log.head().lines == before:
            time.sleep(0.0002)
        found.append(time.perf_counter() - began)
    found.sort()
    gather = RequestLogBounds().gather_ms
    print(
        f"gathered events are on disk after {1e3 * statistics.median(found):.1f} ms (p99 {1e3 * found[-3]:.1f} ms; "
        f"{gather} ms of it are gathering)"
    )


def verifying(place: Path) -> None:
    """Lines and megabytes a second of a whole check, and of opening the log."""
    size = sum(file.stat().st_size for file in place.glob("*.log"))
    wall, _ = measured(lambda: check_requests(place))
    found = check_requests(place)
    if found.problems:
        sys.exit("the log does not verify")
    print(
        f"verify {found.lines:,} lines, {size / 1e6:.0f} MB: {found.lines / wall:.0f} lines/s, {size / wall / 1e6:.0f} MB/s"
    )
    wall, _ = measured(lambda: FileRequestLog(place, clock=SystemClock()).close())
    print(f"open to write, and close: {1e3 * wall:.0f} ms")


if __name__ == "__main__":
    raise SystemExit(main())

"""Scans with several processes, so that cores share the work and a file that ends its process ends nothing else.

1. Results come in any order and are told apart by their place; the report keeps the order of the files.
2. A process that ends takes one file with it, which was not analysed; the others of its order are given out again.
3. When the time is over nothing is given out any more, and a process that goes on far beyond is ended.
4. Whatever ends the scan ends its processes.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from keelmark.core.facts import GapReason
from keelmark.errors import KeelmarkError
from keelmark.workflows import scan_wire
from keelmark.workflows.scan_file import not_analysed
from keelmark.workflows.scan_worker import READY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date
    from typing import Self

    from keelmark.core.scan import ScannedFile
    from keelmark.engine.walk import Entry
    from keelmark.workflows.scan_file import ScanSettings

__all__ = ["Pool", "scan_with_jobs"]

_PIECE_BYTES = 1 << 16
_LOOK_S = 0.5
# What one file may take beyond its own bound before its process is ended.
_GRACE_S = 30.0
# The same path of imports as here, and never the current folder, which is often the one that is judged.
_PROGRAM = "import sys; sys.path[:] = {path!r}; from keelmark.workflows.scan_worker import main; main()"


@dataclass(slots=True, eq=False)
class _Worker:
    process: subprocess.Popen[bytes]
    waiting: deque[int] = field(default_factory=deque)
    pending: bytes = b""
    is_ready: bool = False
    since: float = 0.0


def scan_with_jobs(
    entries: Sequence[Entry], settings: ScanSettings, *, today: date, monotonic: Callable[[], float]
) -> Iterator[tuple[int, ScannedFile]]:
    """The place and the result of each file, as they come in.

    Raises:
        KeelmarkError: No process can be started.
    """
    with Pool(entries, settings, today=today, monotonic=monotonic) as pool:
        yield from pool.results()


class Pool:
    """The processes of one scan."""

    def __init__(
        self,
        entries: Sequence[Entry],
        settings: ScanSettings,
        *,
        today: date,
        monotonic: Callable[[], float],
    ) -> None:
        self._entries = entries
        self._settings = settings
        self._jobs = settings.jobs or len(os.sched_getaffinity(0))
        self._terms = scan_wire.terms(settings, today)
        self._monotonic = monotonic
        self._began = monotonic()
        self._left: deque[list[int]] = deque(scan_wire.places(entries))
        self._selector = selectors.DefaultSelector()
        self.workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End every process."""
        for worker in list(self.workers):
            self._end(worker)
        self._selector.close()

    def results(self) -> Iterator[tuple[int, ScannedFile]]:
        """Give out files and take results until there are none left."""
        while self._left or any(worker.waiting for worker in self.workers):
            if self._monotonic() - self._began > self._settings.max_seconds:
                yield from self._too_late()
            while self._left and len(self.workers) < self._jobs:
                self._start()
            for key, _ in self._selector.select(_LOOK_S):
                yield from self._heard(key.data)
            yield from self._stuck()

    def _start(self) -> None:
        command = [sys.executable, "-P", "-c", _PROGRAM.format(path=[path for path in sys.path if path])]
        try:
            # A group of its own: a stop at the keyboard is for the parent, which decides what it means.
            process = subprocess.Popen(  # noqa: S603 - this interpreter and our own program
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
            )
        except OSError as error:
            raise KeelmarkError(f"no process can be started: {error.strerror}") from error
        worker = _Worker(process=process)
        self.workers.append(worker)
        self._selector.register(_of(process.stdout), selectors.EVENT_READ, worker)
        self._give(worker, self._terms)
        self._next(worker)

    def _next(self, worker: _Worker) -> None:
        """Give out the next files; only to a process that waits for them, so that neither side blocks the other."""
        if self._left:
            places = self._left.popleft()
            worker.waiting.extend(places)
            worker.since = self._monotonic()
            self._give(worker, scan_wire.order(self._entries[place] for place in places))

    def _give(self, worker: _Worker, line: str) -> None:
        # That it has ended shows when it is listened to.
        with suppress(BrokenPipeError):
            stream = _of(worker.process.stdin)
            stream.write(f"{line}\n".encode("ascii"))
            stream.flush()

    def _heard(self, worker: _Worker) -> Iterator[tuple[int, ScannedFile]]:
        piece = _of(worker.process.stdout).raw.read(_PIECE_BYTES)
        if not piece:
            yield from self._ended(worker)
            return
        *lines, worker.pending = (worker.pending + piece).split(b"\n")
        for line in lines:
            if not worker.is_ready:
                worker.is_ready = line == READY.encode()
            else:
                worker.since = self._monotonic()
                yield worker.waiting.popleft(), scan_wire.result(line)
        if worker.is_ready and not worker.waiting:
            self._next(worker)

    def _ended(self, worker: _Worker) -> Iterator[tuple[int, ScannedFile]]:
        """One file ended it; what it had not come to is for others."""
        self._end(worker)
        if not worker.is_ready:
            raise KeelmarkError("a process of the scan ended before it began")
        if worker.waiting:
            code = worker.process.returncode
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            yield self._missed(
                worker.waiting.popleft(), GapReason.CRASHED, f"the process that looked at it ended ({how})"
            )
        if worker.waiting:
            self._left.appendleft(list(worker.waiting))
            worker.waiting.clear()

    def _stuck(self) -> Iterator[tuple[int, ScannedFile]]:
        bound = self._settings.limits.max_seconds + _GRACE_S
        if self._settings.with_digest or self._settings.clearances:
            return  # How long hashing takes is up to the disk.
        for worker in list(self.workers):
            if worker.waiting and self._monotonic() - worker.since > bound:
                place = worker.waiting.popleft()
                self._left.appendleft(list(worker.waiting))
                worker.waiting.clear()
                self._end(worker)
                yield self._missed(place, GapReason.OUT_OF_TIME, f"after {bound:g} s")

    def _too_late(self) -> Iterator[tuple[int, ScannedFile]]:
        while self._left:
            for place in self._left.popleft():
                detail = f"after {self._settings.max_seconds:g} s"
                yield self._missed(place, GapReason.OUT_OF_TIME, detail)

    def _missed(self, place: int, reason: GapReason, detail: str) -> tuple[int, ScannedFile]:
        entry = self._entries[place]
        return place, not_analysed(entry.path, entry.size, reason=reason, detail=detail)

    def _end(self, worker: _Worker) -> None:
        self.workers.remove(worker)
        self._selector.unregister(_of(worker.process.stdout))
        worker.process.kill()
        worker.process.wait()
        for stream in (worker.process.stdin, worker.process.stdout):
            with suppress(OSError):
                _of(stream).close()


def _of(stream: Any) -> Any:
    """A pipe that was asked for is there."""
    return stream

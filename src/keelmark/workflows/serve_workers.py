"""Several processes that serve one port: started, watched, started again when one dies, stopped together.

1. A worker that dies by itself is started again, ever more slowly while it keeps dying. One that waits to be started keeps no
   other from being watched.
2. When the first start of one fails, all stop: what cannot start now will not by being tried again.
3. A signal to stop or to read the settings again reaches all, also one that is just being started.
4. When the one that watches is gone, however it ended, all stop: nobody would start them again, or tell them anything.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from keelmark.errors import KeelmarkError
from keelmark.report.sanitise import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Processes", "Watch", "supervise"]

_STEADY_S = 2.0
_LONGEST_WAIT_S = 30.0
_FAILED = 2
_TO_STOP = (signal.SIGTERM, signal.SIGINT)
_SENT = (*_TO_STOP, signal.SIGHUP)


class Processes(Protocol):
    """What the system does for who watches."""

    def start(self, life: Callable[[], None]) -> int:
        """Start a process; its number."""
        ...

    def ended(self, timeout_s: float | None) -> tuple[int, int] | None:
        """Number and exit code of a process that ended, waited for at most so long; None when none has, or a signal came."""
        ...

    def send(self, process: int, number: int) -> None:
        """Send a signal to one."""
        ...

    def now(self) -> float:
        """Seconds that never go back."""
        ...


@dataclass(slots=True)
class _Child:
    life: Callable[[], None]
    process: int = 0
    started: float = 0.0
    deaths: int = 0
    was_steady: bool = False
    due: float | None = None


class Watch:
    """Watches over processes until all have ended.

    Args:
        lives: What each process does; returning is stopping as asked.
        told: Takes what the operator should know.
        processes: The system.
    """

    def __init__(
        self, lives: Sequence[Callable[[], None]], *, told: Callable[[str], None], processes: Processes
    ) -> None:
        self._children = [_Child(life) for life in lives]
        self._told, self._processes = told, processes
        self._is_stopping = self._has_failed = False

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Stop all, and start none any more."""
        self._is_stopping = True
        self.send(number)

    def send(self, number: int) -> None:
        """Send a signal to all."""
        for child in self._children:
            if child.process:
                self._processes.send(child.process, number)

    def run(self) -> int:
        """Start all, and watch until none is left; the exit code."""
        for child in self._children:
            self._start(child)
        while any(child.process or self._waits(child) for child in self._children):
            found = self._processes.ended(self._timeout_s())
            if found is not None:
                self._over(*found)
            for child in self._children:
                if child.due is not None and child.due <= self._processes.now():
                    self._start(child)
        return _FAILED if self._has_failed else 0

    def _stops(self) -> bool:
        """Whether a signal came by now."""
        return self._is_stopping

    def _waits(self, child: _Child) -> bool:
        return child.due is not None and not self._stops()

    def _timeout_s(self) -> float | None:
        """How long nothing is to be started; None when nothing waits for that."""
        due = [child.due for child in self._children if child.due is not None]
        return max(0.0, min(due) - self._processes.now()) if due and not self._stops() else None

    def _start(self, child: _Child) -> None:
        child.due = None
        if self._stops():
            return
        child.started = self._processes.now()
        try:
            child.process = self._processes.start(child.life)
        except OSError as error:
            self._told(f"no process could be started: {error.strerror}")
            self._again(child)
            return
        if self._stops():
            # The signal came while it was started, and went to the others alone.
            self._processes.send(child.process, signal.SIGTERM)

    def _over(self, process: int, code: int) -> None:
        child = next((child for child in self._children if child.process == process), None)
        if child is None:
            return
        child.process = 0
        if not self._stops():
            self._told(f"process {process} ended by itself ({code})")
            self._again(child)

    def _again(self, child: _Child) -> None:
        """Let one that ended wait to be started again; when it never was for good, stop all."""
        now = self._processes.now()
        if not child.was_steady and now - child.started < _STEADY_S:
            self._has_failed = True
            self.stop()
            return
        child.was_steady = True
        child.deaths = 0 if now - child.started > _LONGEST_WAIT_S else child.deaths + 1
        child.due = now + min(2.0 ** min(child.deaths, 10) / 4, _LONGEST_WAIT_S)


def supervise(lives: Sequence[Callable[[], None]], *, told: Callable[[str], None]) -> int:
    """Run each in a process of its own until a signal says stop; the exit code.

    Args:
        lives: What each process does; returning is stopping as asked.
        told: Takes what the operator should know.
    """
    processes = _Forked()
    watch = Watch(lives, told=told, processes=processes)
    for number in _TO_STOP:
        signal.signal(number, lambda number, _: watch.stop(number))
    signal.signal(signal.SIGHUP, lambda number, _: watch.send(number))
    signal.signal(signal.SIGCHLD, lambda *_: None)  # Heard by the pipe that wakes.
    try:
        return watch.run()
    finally:
        processes.close()


class _Forked:
    """Processes that are forks of this one, and end with it."""

    def __init__(self) -> None:
        self._lifeline = os.pipe()
        self._bell = os.pipe()
        for descriptor in self._bell:
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(self._bell[1], warn_on_full_buffer=False)
        self.now = time.monotonic

    def close(self) -> None:
        """Let go of the pipes."""
        signal.set_wakeup_fd(-1)
        for descriptor in (*self._lifeline, *self._bell):
            os.close(descriptor)

    def send(self, process: int, number: int) -> None:
        """Send a signal; one to a process that just ended is for nobody."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)

    def ended(self, timeout_s: float | None) -> tuple[int, int] | None:
        """A process that ended; see `Processes`."""
        if (found := _reaped()) is not None:
            return found
        select.select([self._bell[0]], [], [], timeout_s)
        with contextlib.suppress(BlockingIOError):
            while os.read(self._bell[0], 4096):
                pass
        return _reaped()

    def start(self, life: Callable[[], None]) -> int:
        """Fork; see `Processes`."""
        # Until the number of the new one is known, and in it until it stands by itself, signals wait.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SENT)
        try:
            process = os.fork()
            if not process:
                self._live(life, before)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return process

    def _live(self, life: Callable[[], None], mask: set[signal.Signals | int]) -> None:
        """What the new process does; it does not return."""
        code = _FAILED
        try:
            signal.set_wakeup_fd(-1)
            for number in (*_TO_STOP, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            # One that has not read its settings yet has none to read again; one that listens says so itself.
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            # INVARIANT: only the one that watches has the end that is written to, so that it closes with that process.
            for descriptor in (self._lifeline[1], *self._bell):
                os.close(descriptor)
            threading.Thread(target=_end_with, args=(self._lifeline[0],), daemon=True).start()
            life()
            code = 0
        except KeelmarkError as error:
            lines = [f"error: {error.message}", *([f"help:  {error.hint}"] if error.hint else [])]
            sys.stderr.write("".join(f"{terminal(line)}\n" for line in lines))
        except BaseException:  # noqa: BLE001 - the edge of a process
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)


def _reaped() -> tuple[int, int] | None:
    """A process that ended and was not waited for yet."""
    try:
        process, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (process, os.waitstatus_to_exitcode(status)) if process else None


def _end_with(lifeline: int) -> None:
    """Stop as asked when the other end of the pipe is closed; nothing is ever written to it."""
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)

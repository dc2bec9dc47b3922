"""Workers that are watched: started again one by one, stopped together, whatever another one waits for. No clock but ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from keelmark.workflows.serve_workers import Watch

LONG = 100.0


class System:
    """Processes that end when the script says so.

    Args:
        script: For each process that is to end: when, which worker, how. Each is met when it is time.
    """

    def __init__(self, script: list[tuple[float, int, int]]) -> None:
        self.script = sorted(script)
        self.time = 0.0
        self.alive: dict[int, int] = {}
        self.starts: list[tuple[float, int]] = []
        self.sent: list[tuple[int, int]] = []
        self.told: list[str] = []
        self.at_start: Callable[[int], None] = lambda _: None
        self.at_end: Callable[[float], None] = lambda _: None
        self._numbers = iter(range(100, 100_000))

    def watch(self, workers: int) -> Watch:
        self.subject = Watch(
            [lambda number=number: number for number in range(workers)],
            told=self.told.append,
            processes=self,
        )
        return self.subject

    def now(self) -> float:
        return self.time

    def start(self, life: Callable[[], int]) -> int:
        process, worker = next(self._numbers), life()
        self.alive[process] = worker
        self.starts.append((self.time, worker))
        self.at_start(worker)
        return process

    def send(self, process: int, number: int) -> None:
        self.sent.append((self.alive[process], number))

    def ended(self, timeout_s: float | None) -> tuple[int, int] | None:
        asked = {worker for worker, number in self.sent if number != signal.SIGHUP}
        for process, worker in self.alive.items():
            if worker in asked:
                del self.alive[process]
                return process, 0
        if self.script and (timeout_s is None or self.script[0][0] <= self.time + timeout_s):
            at, worker, code = self.script.pop(0)
            self.time = max(self.time, at)
            found = [process for process, each in self.alive.items() if each == worker]
            if not found:
                return None
            del self.alive[found[0]]
            return found[0], code
        if timeout_s is None:
            # Nothing is left that could happen: it is time to go.
            self.subject.stop()
            return None
        self.time += timeout_s
        return None


def test_a_worker_that_dies_is_started_again_ever_more_slowly() -> None:
    system = System([(at, 1, -9) for at in (LONG, LONG + 1, LONG + 3, LONG + 6, LONG + 30)])
    assert system.watch(2).run() == 0
    # The first death comes after it was steady for long.
    waits = [0.25, 0.5, 1.0, 2.0, 4.0]
    deaths = (LONG, LONG + 1, LONG + 3, LONG + 6, LONG + 30)
    assert [at for at, worker in system.starts if worker == 1][1:] == [
        at + wait for at, wait in zip(deaths, waits, strict=True)
    ]
    assert [at for at, worker in system.starts if worker == 0] == [0.0]
    assert sum("ended by itself (-9)" in line for line in system.told) == 5


def test_it_never_waits_longer_than_half_a_minute_and_begins_anew_after_a_steady_time() -> None:
    at, script, starts = LONG, [], []
    for deaths in range(12):
        script.append((at, 0, 1))
        at += min(2.0**deaths / 4, 30.0)
        starts.append(at)
        at += 1
    script.append((at + LONG, 0, 1))
    system = System(script)
    assert system.watch(1).run() == 0
    assert [each for each, _ in system.starts] == [0.0, *starts, at + LONG + 0.25]


def test_while_one_waits_to_be_started_others_are_watched() -> None:
    dies = [LONG]
    for deaths in range(8):
        dies.append(dies[-1] + min(2.0**deaths / 4, 30.0) + 0.1)
    script = [(at, 0, 1) for at in dies]
    last = dies[-1]
    # The first one waits for 30 s now; the other dies in the meantime.
    script.append((last + 1, 1, -9))
    system = System(script)
    assert system.watch(2).run() == 0
    assert [at for at, worker in system.starts if worker == 1] == [0.0, last + 1.25]
    assert max(at for at, worker in system.starts if worker == 0) == last + 30


def test_a_signal_to_stop_ends_all_also_while_one_waits() -> None:
    system = System([(LONG, 0, 1)])
    watch = system.watch(2)
    system.told = _Told(watch.stop)
    watch._told = system.told.append
    assert watch.run() == 0
    assert system.sent == [(1, signal.SIGTERM)]
    assert len(system.starts) == 2


def test_when_all_wait_they_are_started_again_or_stopped() -> None:
    system = System([(LONG, 0, 1), (LONG, 1, 1)])
    assert system.watch(2).run() == 0
    assert sorted(worker for _, worker in system.starts) == [0, 0, 1, 1]


@pytest.mark.parametrize("code", [0, 1, 2, -9])
def test_when_the_first_start_of_one_fails_all_stop_and_it_is_a_failure(code: int) -> None:
    system = System([(1.9, 1, code)])
    assert system.watch(3).run() == 2
    assert system.sent == [(0, signal.SIGTERM), (2, signal.SIGTERM)]
    assert len(system.starts) == 3


@pytest.mark.parametrize(("workers", "code"), [(1, 0), (2, 2)])
def test_when_no_process_can_be_started_it_is_tried_again_but_for_the_first_time(
    workers: int, code: int
) -> None:
    system = System([(LONG, 0, 1)])
    watch = system.watch(workers)

    def fails(worker: int) -> None:
        if worker == 1 or LONG <= system.time < LONG + 1:
            system.alive.popitem()
            raise BlockingIOError(11, "no room")

    system.at_start = fails
    assert watch.run() == code
    assert "no process could be started: no room" in system.told
    assert [at for at, worker in system.starts if worker == 0] == (
        [0.0] if workers == 2 else [0.0, LONG + 0.25, LONG + 0.75, LONG + 1.75]
    )


def test_one_that_is_started_while_all_are_stopped_is_stopped_as_well() -> None:
    system = System([])
    watch = system.watch(3)
    system.at_start = lambda worker: watch.stop() if worker == 1 else None
    assert watch.run() == 0
    assert [worker for _, worker in system.starts] == [0, 1]
    assert system.sent == [(0, signal.SIGTERM), (1, signal.SIGTERM)]


def test_a_signal_to_read_the_settings_again_reaches_all_and_stops_none() -> None:
    system = System([(LONG, 0, 1)])
    watch = system.watch(2)
    system.at_start = lambda worker: watch.send(signal.SIGHUP) if system.time else None
    assert watch.run() == 0
    # The one that is started reads them anyway.
    assert (1, signal.SIGHUP) in system.sent
    assert len(system.starts) == 3


def test_the_end_of_a_process_that_is_none_of_ours_is_nothing() -> None:
    system = System([])
    watch = system.watch(1)
    ended, strangers = system.ended, iter([(7, 0)])
    system.ended = lambda timeout_s: next(strangers, None) or ended(timeout_s)
    assert watch.run() == 0
    assert system.told == []


class _Told(list):
    """Calls when something is told."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self.append = lambda _: act()


# Processes that are some

LIVES = """
import os, select, signal, sys
from keelmark.workflows.serve_workers import supervise

def say(words):
    # One write with its end of line: both write to the same place.
    os.write(1, f"{words}\\n".encode())

def life():
    ends = []
    signal.signal(signal.SIGHUP, lambda *_: say("again"))
    signal.signal(signal.SIGTERM, lambda *_: ends.append(1))
    say("lives")
    while not ends:
        select.select([], [], [], 0.1)

sys.exit(supervise([life, life], told=say))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_processes_hear_what_is_sent_to_who_watches(number: int) -> None:
    script = LIVES.replace("signal.SIGTERM", f"signal.Signals({int(number)})")
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert [process.stdout.readline() for _ in range(2)] == ["lives\n"] * 2
        os.kill(process.pid, signal.SIGHUP)
        assert [process.stdout.readline() for _ in range(2)] == ["again\n"] * 2
        os.kill(process.pid, number)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()

"""Killed a hundred times at random moments, the log holds whatever was acknowledged, and verifies."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING

from keelmark.core.clock import SystemClock
from keelmark.store.log import FileLog
from keelmark.store.log_check import check_log
from keelmark.store.log_files import LogFiles
from keelmark.trust import leaf

if TYPE_CHECKING:
    from pathlib import Path

KILLS = 100

# Starts writers one after the other, so that importing Python is paid for once. Each says what was acknowledged.
NURSERY = textwrap.dedent("""
    import os, sys
    from pathlib import Path
    from keelmark.core.clock import SystemClock
    from keelmark.core.log import LogBounds, LogEntry, LogKind
    from keelmark.store.log import FileLog
    from keelmark.trust import checkpoint

    def sign(head):
        return checkpoint.text_of(head).encode() + b"\\n"

    def write(place, run):
        bounds = LogBounds(rotate_bytes=20_000)
        with FileLog(place, clock=SystemClock(), origin="example.org/log", bounds=bounds) as log:
            number = 0
            while True:
                count = (1, 60, 7, 300)[number % 4]
                names = [f"{run}-{number}-{at}" for at in range(count)]
                subject = "x9:" + f"{run:016x}{number:016x}"
                record = f"{run} {number}".encode()
                made = log.append([LogEntry(kind=LogKind.REQUESTS, subjects=(subject,), record=record)] * count)
                os.write(1, f"ack {made.start} {count} {subject}\\n".encode())
                number += 1
                if number % 3 == 0:
                    log.publish(sign)

    for run, line in enumerate(sys.stdin):
        child = os.fork()
        if child == 0:
            try:
                write(Path(sys.argv[1]), run)
            finally:
                os._exit(1)
        os.write(1, f"pid {child}\\n".encode())
        _, status = os.waitpid(child, 0)
        os.write(1, f"done {os.waitstatus_to_exitcode(status)}\\n".encode())
""")


def kill_one(nursery: subprocess.Popen[str], chance: random.Random) -> list[tuple[int, int, str]]:
    """Start a writer, kill it after a while, and return what it acknowledged."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write("go\n")
    nursery.stdin.flush()
    acknowledged: list[tuple[int, int, str]] = []
    wanted, pid = chance.randrange(7), 0
    # Spun, not slept: the moments between two system calls are the ones to hit.
    pause_s = chance.random() * 0.004
    for line in nursery.stdout:
        word, *rest = line.split()
        if word == "done":
            assert rest == ["-9"]
            return acknowledged
        if word == "ack":
            acknowledged.append((int(rest[0]), int(rest[1]), rest[2]))
        else:
            pid = int(rest[0])
        if pid and len(acknowledged) >= wanted:
            until = time.perf_counter() + pause_s
            while time.perf_counter() < until:
                pass
            os.kill(pid, signal.SIGKILL)
            wanted = sys.maxsize
    raise AssertionError("the nursery ended")


def test_a_hundred_kills_lose_nothing_acknowledged(tmp_path: Path) -> None:
    place = tmp_path / "log"
    chance = random.Random()
    acknowledged: list[tuple[int, int, str]] = []
    program = [sys.executable, "-c", NURSERY, str(place)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:
        for _ in range(KILLS):
            acknowledged.extend(kill_one(nursery, chance))
        assert nursery.stdin is not None
        nursery.stdin.close()
    with FileLog(place, clock=SystemClock(), origin="example.org/log"):
        pass
    found = check_log(place)
    assert found.problems == []
    assert found.torn == 0
    assert sum(count for _, count, _ in acknowledged) > KILLS
    files = LogFiles(place)
    journal = files.journal()
    assert journal is not None
    held = [*files.entries(0, files.size), *journal.entries(files.size)]
    ends = [0]
    for first, count, subject in acknowledged:
        assert first >= ends[-1], "no index is given twice"
        ends.append(first + count)
        assert {leaf.parse(entry).subjects for entry in held[first : first + count]} == {(subject,)}
    assert len(held) >= ends[-1]

"""Killed a hundred times at random moments, the request log holds whatever was told to be on disk, and verifies."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from keelmark.core.clock import SystemClock
from keelmark.store.request_log import FileRequestLog
from keelmark.store.request_log_check import check_requests, events_of

KILLS = 100

# Starts writers one after the other, so that importing Python is paid for once. Each says what was told to be on disk.
NURSERY = textwrap.dedent("""
    import asyncio, os, sys
    from pathlib import Path
    from keelmark.core.clock import SystemClock
    from keelmark.core.request_log import RequestLogBounds
    from keelmark.store.request_log import FileRequestLog

    async def caller(log, name):
        number = 0
        while True:
            log.append(b'{"id":"unwaited"}')
            await log.append_awaited(b'{"id":"%s-%d","more":"%s"}' % (name, number, b"x" * (number * 37 % 500)))
            os.write(1, b"ack %s-%d\\n" % (name, number))
            number += 1

    async def write(place, run):
        log = FileRequestLog(place, clock=SystemClock(), bounds=RequestLogBounds(rotate_bytes=20_000, gather_ms=1))
        await asyncio.gather(*[caller(log, b"%d-%d" % (run, each)) for each in range(5)])

    for run, line in enumerate(sys.stdin):
        child = os.fork()
        if child == 0:
            try:
                asyncio.run(write(Path(sys.argv[1]), run))
            finally:
                os._exit(1)
        os.write(1, b"pid %d\\n" % child)
        _, status = os.waitpid(child, 0)
        os.write(1, b"done %d\\n" % os.waitstatus_to_exitcode(status))
""")


def kill_one(nursery: subprocess.Popen[str], chance: random.Random) -> list[str]:
    """Start a writer, kill it after a while, and return what it was told."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write("go\n")
    nursery.stdin.flush()
    told: list[str] = []
    wanted, pid = chance.randrange(12), 0
    # Spun, not slept: the moments between two system calls are the ones to hit.
    pause_s = chance.random() * 0.004
    for line in nursery.stdout:
        word, rest = line.split()
        if word == "done":
            assert rest == "-9"
            return told
        if word == "ack":
            told.append(rest)
        else:
            pid = int(rest)
        if pid and len(told) >= wanted:
            until = time.perf_counter() + pause_s
            while time.perf_counter() < until:
                pass
            os.kill(pid, signal.SIGKILL)
            wanted = sys.maxsize
    raise AssertionError("the nursery ended")


def test_a_hundred_kills_lose_nothing_that_was_told(tmp_path: Path) -> None:
    place = tmp_path / "requests" / "worker-0"
    chance = random.Random()
    told: list[str] = []
    program = [sys.executable, "-c", NURSERY, str(place)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:
        for _ in range(KILLS):
            told.extend(kill_one(nursery, chance))
            found = check_requests(place) if place.exists() else None
            assert found is None or found.problems == []
        assert nursery.stdin is not None
        nursery.stdin.close()
    FileRequestLog(place, clock=SystemClock()).close()
    found = check_requests(place)
    assert (found.problems, found.torn) == ([], 0)
    kept = [json.loads(event)["id"] for event in events_of(place)]
    assert len(told) > KILLS
    assert set(told) <= set(kept)
    assert found.lines == len(kept) + found.segments
    answered = [name for name in kept if name != "unwaited"]
    assert len(set(answered)) == len(answered), "nothing is kept twice"

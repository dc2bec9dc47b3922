"""Measures `keelmark assess` on a generated project: files/s, MB/s, peak memory, and a second, cached run.

Each run is a process of its own, measured by the operating system. Beside it stands the physical limit: reading and hashing the
same files.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

FILES = int(os.environ.get("BENCH_FILES", "20000"))

MODULE = '''"""Module {n}."""

import json
import logging

import numpy as np

log = logging.getLogger(__name__)
LIMIT = {n}


class Service{n}:
    """Answers for part {n}."""

    def __init__(self, store: dict[str, str]) -> None:
        self.store = store

    def answer(self, key: str) -> str:
        value = self.store.get(key, "")
        log.info("answer %s", key)
        return json.dumps({{"key": key, "value": value, "limit": LIMIT}})


def mean(values: list[float]) -> float:
    total = np.asarray(values).sum()
    return float(total / max(len(values), 1))
'''


def generate(root: Path) -> int:
    """Write the project; the bytes written."""
    chance = random.Random(7)  # noqa: S311 - the same project each time, no secret
    written = 0
    for number in range(FILES):
        folder = root / f"src/part{number % 97:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        kind = chance.random()
        if kind < 0.6:
            name, text = f"module_{number}.py", MODULE.format(n=number)
        elif kind < 0.75:
            name, text = f"config_{number}.yaml", f"name: part{number}\nvalues: [1, 2, {number}]\n" * 5
        elif kind < 0.9:
            name, text = f"notes_{number}.md", f"# Part {number}\n\n" + "Words about this part. " * 40
        else:
            name, text = (
                f"data_{number}.json",
                json.dumps({"id": number, "values": list(range(50))}),
            )
        written += (folder / name).write_text(text)
    (root / "requirements.txt").write_text("numpy==2.1.0\n")
    return written


def measured(program: list[str]) -> tuple[float, float, float, int]:
    """Wall seconds, CPU seconds, peak MiB and exit code of one process."""
    began = time.perf_counter()
    process = os.posix_spawn(program[0], program, os.environ, file_actions=_silence())
    _, status, usage = os.wait4(process, 0)
    wall = time.perf_counter() - began
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)


def _silence() -> list[tuple[int, int, str, int, int]]:
    return [(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_WRONLY, 0) for descriptor in (1, 2)]


def hashed(root: Path) -> float:
    """Seconds to read and hash every file: the limit that no assessment can beat."""
    began = time.perf_counter()
    for file in root.rglob("*"):
        if file.is_file():
            hashlib.sha256(file.read_bytes()).digest()
    return time.perf_counter() - began


def main() -> int:
    """Generate, measure, print."""
    with tempfile.TemporaryDirectory() as folder:
        root, cache = Path(folder) / "project", Path(folder) / "cache"
        size = generate(root)
        os.environ["KEELMARK_CACHE_DIR"] = str(cache)
        time.sleep(3)  # Files younger than two seconds are not remembered by the cache.
        program = [sys.executable, "-P", "-m", "keelmark", "assess", str(root), "--quiet"]
        limit = hashed(root)
        print(f"{FILES} files, {size / 1e6:.1f} MB; reading and hashing alone {limit:.2f} s")
        print(f"{'run':8} {'wall s':>8} {'CPU s':>8} {'files/s':>9} {'MB/s':>7} {'peak MiB':>9} {'exit':>5}")
        for name in ("first", "second"):
            wall, cpu, peak, code = measured(program)
            print(
                f"{name:8} {wall:8.2f} {cpu:8.2f} {FILES / wall:9.0f} {size / 1e6 / wall:7.2f} {peak:9.0f} {code:5d}"
            )
            if code not in {0, 1, 3}:
                return 1
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"(the benchmark itself: {own:.0f} MiB)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

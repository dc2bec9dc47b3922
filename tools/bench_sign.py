"""Measures `keelmark sign` and `verify` beside SHA-256 alone and beside the model-signing program, on the same files in one run.

    make bench-sign                          # 2 GB in four files, and 5,000 small ones
    python tools/bench_sign.py --gigabytes 1 --runs 3

Each figure is that of a whole process, its start included: wall, CPU and peak memory, the median of several runs that take
turns. The files lie in the page cache. It says nothing about machines other than the one it ran on: ratios say more than
seconds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
HASH = """
import hashlib, sys
from concurrent.futures import ThreadPoolExecutor
def one(path):
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
with ThreadPoolExecutor(int(sys.argv[1])) as pool:
    list(pool.map(one, sys.argv[2:]))
"""


@dataclass(slots=True)
class Figures:
    """What the runs of one command took."""

    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    peak_mib: list[float] = field(default_factory=list)


def measure(command: list[str], figures: Figures, *, place: Path) -> None:
    """Run a command to its end and note what it took."""
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        figures.wall_s.append(time.perf_counter() - start)
        if process.returncode:
            said = process.stderr.read().decode() if process.stderr else ""
            raise SystemExit(f"{' '.join(command[:3])} ended with {process.returncode}: {said}")
    figures.cpu_s.append(used.ru_utime + used.ru_stime)
    figures.peak_mib.append(used.ru_maxrss / 1024)


def write_large(folder: Path, gigabytes: float, files: int = 4) -> None:
    """Some large files of chance."""
    block = os.urandom(16 * 1024**2)
    for number in range(files):
        with (folder / f"part-{number}.bin").open("wb") as stream:
            for _ in range(int(gigabytes * 1e9) // files // len(block)):
                stream.write(block)


def write_small(folder: Path, files: int = 5_000) -> None:
    """Many small files."""
    for number in range(files):
        file = folder / f"{number % 100}" / f"{number}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(os.urandom(4_096))


def commands(*, with_hashes: bool, names: list[str]) -> dict[str, list[str]]:
    """What is measured, in the order of the table."""
    found: dict[str, list[str]] = {}
    if with_hashes:
        for threads in (1, 2):
            found[f"SHA-256 alone, threads: {threads}"] = [sys.executable, "-c", HASH, str(threads), *names]
    ours, peer = str(BIN / "keelmark"), str(BIN / "model_signing")
    found["`keelmark sign`"] = [ours, "sign", "model", "--key", "key.pem", "-o", "ours.sig"]
    found["`keelmark verify`"] = [ours, "verify", "model", "-s", "ours.sig", "--key", "key.pem.pub"]
    found["model-signing, sign"] = [
        *(peer, "sign", "key", "model", "--private_key", "key.pem", "--signature", "peer.sig")
    ]
    found["model-signing, verify"] = [
        *(peer, "verify", "key", "model", "--public_key", "key.pem.pub", "--signature", "peer.sig")
    ]
    return found


def table(title: str, place: Path, *, runs: int, with_hashes: bool) -> None:
    """Measure one folder and print its table."""
    files = [file for file in (place / "model").rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    todo = commands(with_hashes=with_hashes, names=[str(file) for file in files])
    figures = {name: Figures() for name in todo}
    for _ in range(runs):
        for name, command in todo.items():
            measure(command, figures[name], place=place)
    print(f"\n{title}: {size / 1e9:.2f} GB in {len(files)} files, {runs} runs\n")
    print("| | wall s | GB/s | CPU s | peak MiB |\n| --- | ---: | ---: | ---: | ---: |")
    for name, found in figures.items():
        wall, cpu, peak = (
            statistics.median(values) for values in (found.wall_s, found.cpu_s, found.peak_mib)
        )
        print(f"| {name} | {wall:.2f} | {size / 1e9 / wall:.2f} | {cpu:.2f} | {peak:.0f} |")


def main() -> None:
    """Make the files, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    (ROOT / ".bench").mkdir(exist_ok=True)
    for title, is_large in (("Large files", True), ("Small files", False)):
        with tempfile.TemporaryDirectory(dir=ROOT / ".bench") as folder:
            place = Path(folder)
            (place / "model").mkdir()
            if is_large:
                write_large(place / "model", asked.gigabytes)
            else:
                write_small(place / "model")
            key = [str(BIN / "keelmark"), "key", "new", "-o", "key.pem", "--no-password"]
            subprocess.run(key, cwd=place, check=True, stdout=subprocess.DEVNULL)
            table(title, place, runs=asked.runs, with_hashes=is_large)


if __name__ == "__main__":
    main()

"""MB/s and peak memory of walking generated pickles: in C, in Python, and beside reading the file alone.

    python tools/bench_walk.py [--megabytes 143] [--pure-megabytes 8] [--large]

Each walk runs in a process of its own, over a mapped file, so that its peak memory is told. `--large` adds one of 2 GB.
"""

from __future__ import annotations

import argparse
import json
import pickle
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MEGABYTE = 1_000_000
_SEED = 20260101
_RANDOM = random.Random(_SEED)  # noqa: S311 - numbers to fill files with

_WALK = """
import json, mmap, sys, time
from keelmark.formats.models.pickle.walk import survey, Lender
path, kind = sys.argv[1:]
def memory():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
with open(path, "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
view = memoryview(mapped)
before = memory()
start = time.perf_counter()
if kind == "read":
    lender, total = Lender(view), 0
    for place in range(0, len(view), 16 * 1024**2):
        total += bytes(view[place:place + 16 * 1024**2]).count(0)
        lender.give_back(place)
    found = None
else:
    found = survey(view, pure=kind == "pure")
seconds = time.perf_counter() - start
peak = memory()
left_out = sum(found.shortcuts[i + 1] - found.shortcuts[i] for i in range(0, len(found.shortcuts), 6)) if found else 0
print(json.dumps({"seconds": seconds, "peak": peak / 1024, "grown": (peak - before) / 1024, "bytes": len(view),
                  "left_out": left_out, "data": found.is_data if found else None, "fault": found.fault if found else ""}))
"""


def _floats(count: int) -> bytes:
    return pickle.dumps([_RANDOM.random() for _ in range(count // 9)], 4)


def _integers(count: int) -> bytes:
    return pickle.dumps([_RANDOM.randrange(1 << 20) for _ in range(count // 5)], 4)


def _words(count: int) -> bytes:
    return pickle.dumps([f"w{_RANDOM.randrange(10**6)}" for _ in range(count // 10)], 4)


def _table(count: int) -> bytes:
    return pickle.dumps({f"token{number}": number for number in range(count // 18)}, 4)


def _table2(count: int) -> bytes:
    return pickle.dumps({f"token{number}": number for number in range(count // 26)}, 2)


def _records(count: int) -> bytes:
    rows = [
        {"id": number, "score": number / 7, "name": f"n{number}", "tags": [1, 2]}
        for number in range(count // 57)
    ]
    return pickle.dumps(rows, 4)


def _buffers(count: int) -> bytes:
    return pickle.dumps([_RANDOM.randbytes(1 << 20) for _ in range(count >> 20)], 5)


def _text(count: int) -> bytes:
    return pickle.dumps([number / 7 for number in range(count // 21)], 0)


def _text_table(count: int) -> bytes:
    return pickle.dumps({f"token{number}": number for number in range(count // 35)}, 0)


def _mixed(count: int) -> bytes:
    return pickle.dumps({"kind": complex(1, 2), "weights": [_RANDOM.random() for _ in range(count // 9)]}, 4)


_FAMILIES: dict[str, Callable[[int], bytes]] = {
    "list of floats": _floats, "list of ints": _integers, "list of short texts": _words,
    "dict text to int": _table, "dict text to int, protocol 2": _table2, "list of records": _records,
    "large byte buffers": _buffers, "floats, protocol 0": _text, "dict, protocol 0": _text_table,
    "floats beside one callable": _mixed,
}  # fmt: skip


def _run(path: Path, kind: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", _WALK, str(path), kind], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def _large(path: Path, count: int) -> None:
    piece = pickle.dumps([_RANDOM.random() for _ in range(1_000_000)], 4)[2:-1]
    with path.open("wb") as file:
        file.write(b"\x80\x04](")
        for _ in range(count // len(piece)):
            file.write(piece)
        file.write(b"e.")


def _measure(folder: Path, arguments: argparse.Namespace) -> Iterator[tuple[str, str, dict[str, float]]]:
    for name, write in _FAMILIES.items():
        for kind, megabytes in (
            ("read", arguments.megabytes), ("C", arguments.megabytes), ("pure", arguments.pure_megabytes),
        ):  # fmt: skip
            path = folder / f"{megabytes}"
            if kind != "C":
                _RANDOM.seed(_SEED)
                path.write_bytes(write(megabytes * _MEGABYTE))
            yield name, kind, _run(path, kind)
    if arguments.large:
        path = folder / "large"
        _RANDOM.seed(_SEED)
        _large(path, 2000 * _MEGABYTE)
        for kind in ("read", "C"):
            yield "2 GB of floats", kind, _run(path, kind)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=143)
    parser.add_argument("--pure-megabytes", type=int, default=8)
    parser.add_argument("--large", action="store_true")
    print("| pickle | how | MB | MB/s | peak MiB | of this, grown | can be left out |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for name, kind, found in _measure(Path(folder), parser.parse_args()):
            size = found["bytes"]
            print(
                f"| {name} | {kind} | {size / _MEGABYTE:.0f} | {size / _MEGABYTE / found['seconds']:.0f}"
                f" | {found['peak']:.0f} | {found['grown']:.0f} | {found['left_out'] / size:.1%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()

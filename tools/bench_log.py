"""Measures the transparency log: appends with sync, checkpoints, proofs at a million leaves, and verifying all of it.

Beside the appends stands the physical limit, writing and syncing the same bytes to one file, and pymerkle in memory, which
syncs nothing. Figures are medians of several rounds; CPU time is that of this process.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pymerkle import InmemoryTree

from keelmark.core.clock import SystemClock
from keelmark.core.log import LogEntry, LogKind, TreeHead
from keelmark.store.journal import frame
from keelmark.store.log import FileLog
from keelmark.store.log_check import check_log
from keelmark.trust import checkpoint, leaf
from keelmark.trust.merkle import (
    Frontier,
    consistency_path,
    inclusion_path,
    is_consistent,
    is_included,
    leaf_hash,
)
from keelmark.trust.tiles import TileBuilder, hashes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LEAVES = int(os.environ.get("BENCH_LEAVES", "1000000"))
PLACE = os.environ.get("BENCH_PLACE")
ROUNDS = 5
BATCHES = {1: 300, 10: 100, 100: 30, 1000: 8}
NOW = datetime(2026, 1, 31, tzinfo=UTC)


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory(dir=PLACE) as folder:
        appends(Path(folder))
        checkpoints(Path(folder))
        verifying(Path(folder))
    proofs()
    return 0


def entry(number: int, *, record: bytes = b"record") -> LogEntry:
    """An entry like that of one request batch: one subject, about 250 bytes as a leaf."""
    return LogEntry(kind=LogKind.REQUESTS, subjects=(f"sha256:{number:064x}",), record=record)


def sign(head: TreeHead) -> bytes:
    """An unsigned checkpoint: signing costs the same whatever the log."""
    return checkpoint.text_of(head).encode() + b"\n"


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def median(rounds: Sequence[tuple[float, float]], count: int) -> tuple[float, float]:
    """Items per second of wall time, and microseconds of CPU for one item."""
    wall = statistics.median(each[0] for each in rounds)
    return count / wall, statistics.median(each[1] for each in rounds) / count * 1e6


def appends(folder: Path) -> None:
    """Appends a second by batch size, beside the limit and pymerkle."""
    print(
        f"{'batch':>6} {'appends/s':>10} {'CPU us':>7} {'raw sync/s':>11} {'of limit':>9} {'pymerkle/s':>11}"
    )
    for batch, times in BATCHES.items():
        made = [entry(number) for number in range(batch)]
        bytes_of = leaf.stamped([leaf.body_of(each)[1] for each in made], time=NOW)
        with FileLog(folder / f"log{batch}", clock=SystemClock(), origin="example.org/bench") as log:
            log.append(made)  # keeps the record, which is measured below
            ours = [measured(partial(our_appends, log, made, times)) for _ in range(ROUNDS)]
        raw = [measured(partial(raw_sync, folder / "raw", frame(0, bytes_of), times)) for _ in range(ROUNDS)]
        peer = [measured(partial(peer_appends, bytes_of, times)) for _ in range(ROUNDS)]
        speed, cpu = median(ours, batch * times)
        limit, _ = median(raw, batch * times)
        theirs, _ = median(peer, batch * times)
        print(f"{batch:6} {speed:10.0f} {cpu:7.1f} {limit:11.0f} {speed / limit:9.0%} {theirs:11.0f}")


def our_appends(log: FileLog, entries: list[LogEntry], times: int) -> None:
    """The same entries into our log, synced each time."""
    for _ in range(times):
        log.append(entries)


def raw_sync(file: Path, data: bytes, times: int) -> None:
    """Write the same bytes to one file, and sync each time: the limit."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for _ in range(times):
        os.write(descriptor, data)
        os.fdatasync(descriptor)
    os.close(descriptor)


def peer_appends(entries: list[bytes], times: int) -> None:
    """The same entries into pymerkle, in memory, nothing synced."""
    tree = InmemoryTree()
    for _ in range(times):
        for each in entries:
            tree.append_entry(each)


def checkpoints(folder: Path) -> None:
    """What a checkpoint costs, and an entry with a record of its own."""
    with FileLog(folder / "published", clock=SystemClock(), origin="example.org/bench") as log:
        rounds = []
        for number in range(200):
            log.append([entry(number)])
            rounds.append(measured(lambda: log.publish(sign)))
        print(f"\ncheckpoint after one entry: {1e3 / median(rounds, 1)[0]:.2f} ms")
        rounds = []
        for number in range(200):
            made = [entry(number, record=b"%d" % number * 500)]
            rounds.append(measured(lambda made=made: log.append(made)))
        print(f"entry with a new record beside it: {1e3 / median(rounds, 1)[0]:.2f} ms")


def verifying(folder: Path) -> None:
    """Entries a second of `keelmark log verify`, and of opening the log to write."""
    count = min(LEAVES, 100_000)
    place = folder / "verified"
    with FileLog(place, clock=SystemClock(), origin="example.org/bench") as log:
        for first in range(0, count, 10_000):
            log.append([entry(number) for number in range(first, min(first + 10_000, count))])
        log.publish(sign)
    rounds = [measured(lambda: check_log(place)) for _ in range(3)]
    if check_log(place).problems:
        sys.exit("the log does not verify")
    speed, cpu = median(rounds, count)
    print(f"verify {count:,} entries: {speed:.0f} entries/s, {cpu:.1f} us CPU each")
    rounds = [
        measured(lambda: FileLog(place, clock=SystemClock(), origin="example.org/bench").close())
        for _ in range(ROUNDS)
    ]
    print(f"open to write: {1e3 / median(rounds, 1)[0]:.1f} ms")


def proofs() -> None:
    """Microseconds to make and to verify a proof in a tree of a million leaves, in memory, cold and warm."""
    hashes = [leaf_hash(b"entry %d" % number) for number in range(LEAVES)]
    tree = Frontier()
    wall, _ = measured(lambda: tree.extend(hashes))
    print(f"\ntree of {LEAVES:,} leaves: {LEAVES / wall:.0f} leaves/s from hashes")
    builder = TileBuilder()
    files = {}
    wall, _ = measured(lambda: files.update(builder.extend([b"entry %d" % at for at in range(LEAVES)])))
    files.update(builder.partial())
    print(f"tiles and bundles of it: {LEAVES / wall:.0f} entries/s")
    root = tree.root()
    if builder.root() != root:
        sys.exit("tiles and tree do not agree")
    chance = random.Random(7)  # noqa: S311 - the same leaves each time, no secret
    for name, count in (("cold", 300), ("warm", 3000)):
        hash_at = hashes_of(LEAVES, files.__getitem__)
        made, checked, gone_on = [], [], []
        for _ in range(count):
            hash_at = hashes_of(LEAVES, files.__getitem__) if name == "cold" else hash_at
            index = chance.randrange(LEAVES) if name == "cold" else chance.randrange(min(LEAVES, 10_000))
            began = time.perf_counter()
            path = inclusion_path(index, LEAVES, hash_at)
            middle = time.perf_counter()
            holds = is_included(hashes[index], path, index=index, size=LEAVES, root=root)
            end = time.perf_counter()
            steps = consistency_path(index + 1, LEAVES, hash_at)
            made.append(middle - began)
            checked.append(end - middle)
            gone_on.append(time.perf_counter() - end)
            if not holds or (not steps and index + 1 < LEAVES):
                sys.exit("a proof does not hold")
        print(
            f"{name}: inclusion made in {statistics.median(made) * 1e6:.0f} us, verified in "
            f"{statistics.median(checked) * 1e6:.0f} us; consistency made in {statistics.median(gone_on) * 1e6:.0f} us"
        )
    peer_proofs()
    if not is_consistent((), before=LEAVES, before_root=root, after=LEAVES, after_root=root):
        sys.exit("a tree does not go on from itself")


def peer_proofs() -> None:
    """The same of pymerkle, on a tree of a tenth, as it is slow to build."""
    tree = InmemoryTree()
    count = LEAVES // 10
    wall, _ = measured(lambda: [tree.append_entry(b"entry %d" % at) for at in range(count)])
    chance = random.Random(7)  # noqa: S311 - as above
    rounds = [measured(lambda: tree.prove_inclusion(chance.randrange(count) + 1, count)) for _ in range(300)]
    print(
        f"pymerkle, {count:,} leaves: {count / wall:.0f} leaves/s, inclusion made in {1e6 / median(rounds, 1)[0]:.0f} us"
    )


if __name__ == "__main__":
    raise SystemExit(main())

"""When power is lost, the request log holds all it said to be durable, whatever was left of what was not synced.

The disk here forgets: of a file it keeps what it held at its last sync, and of what was written since any sectors it likes; of
a folder it keeps the names of its last sync.
"""

from __future__ import annotations

import json
import os
import random
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keelmark.core.clock import FixedClock
from keelmark.core.request_log import RequestLogBounds
from keelmark.store.request_log import FileRequestLog
from keelmark.store.request_log_check import check_requests, events_of

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
BOUNDS = RequestLogBounds(rotate_bytes=3_000, gather_ms=0, max_lock_wait_s=0, max_batch_events=8)
SECTOR = 512


class Disk:
    """Watches syncs below a folder, and can lay out what a loss of power would leave."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, chance: random.Random) -> None:
        self.root, self.chance = root, chance
        self.contents: dict[int, bytes] = {}
        self.held: dict[int, int] = {}
        self.names: dict[Path, dict[str, int | None]] = {root: {}}
        self.losses = 0
        self.when_synced = lambda: None
        for name in ("fsync", "fdatasync"):
            monkeypatch.setattr(os, name, self._watching(getattr(os, name)))

    def _watching(self, real):
        def sync(descriptor: int) -> None:
            self.when_synced()
            real(descriptor)
            status = os.fstat(descriptor)
            if stat.S_ISDIR(status.st_mode):
                path = Path(f"/proc/self/fd/{descriptor}").readlink()
                self.names[path] = {
                    entry.name: None if entry.is_dir(follow_symlinks=False) else entry.inode()
                    for entry in os.scandir(path)
                }
                return
            if status.st_ino not in self.held:  # An open file's number goes to no other, even once removed.
                self.held[status.st_ino] = os.dup(descriptor)
            self.contents[status.st_ino] = self._now(status.st_ino)

        return sync

    def close(self) -> None:
        """Let go of all files."""
        while self.held:
            os.close(self.held.popitem()[1])

    def lay_out(self, at: Path, source: Path | None = None) -> None:
        """Make a folder as the loss of power leaves it."""
        source = source or self.root
        at.mkdir()
        for name, inode in self.names.get(source, {}).items():
            if inode is None:
                self.lay_out(at / name, source / name)
            else:
                (at / name).write_bytes(self._left(inode))

    def _now(self, inode: int) -> bytes:
        return Path(f"/proc/self/fd/{self.held[inode]}").read_bytes()

    def _left(self, inode: int) -> bytes:
        """What was synced, and some sectors of what was written since."""
        if inode not in self.contents:
            return b""
        synced, now = self.contents[inode], self._now(inode)
        share = self.chance.choice((0, 0.5, 0.9, 1))
        length = self.chance.choice((len(synced), len(now), len(now)))
        left = bytearray(synced[:length].ljust(length, b"\0"))
        for sector in range(0, length, SECTOR):
            if self.chance.random() < share:
                left[sector : sector + SECTOR] = now[sector : min(sector + SECTOR, length)]
        return bytes(left)


def test_nothing_that_was_told_is_lost_with_the_power(tmp_path: Path, monkeypatch, request) -> None:
    root = tmp_path / "disk"
    root.mkdir()
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    disk, told, torn = Disk(root, monkeypatch, random.Random(seed)), [], [0]
    request.addfinalizer(disk.close)

    def lose_power() -> None:
        disk.when_synced = lambda: None
        left = tmp_path / f"left{disk.losses}"
        disk.losses += 1
        disk.lay_out(left)
        if (left / "requests").exists():
            place = left / "requests" / "worker-0"
            log = FileRequestLog(place, clock=FixedClock(NOON), bounds=BOUNDS)
            torn[0] += bool(log.cut_off)
            log.append(b'{"id":"after"}')
            log.close()
            found = check_requests(place)
            assert (found.problems, found.torn) == ([], 0)
            kept = [json.loads(event)["id"] for event in events_of(place)]
            assert kept[: len(told)] == told
            assert kept[-1] == "after"
        else:
            assert not told
        disk.when_synced = lose_power

    disk.when_synced = lose_power
    for run in range(4):
        log = FileRequestLog(root / "requests" / "worker-0", clock=FixedClock(NOON), bounds=BOUNDS)
        for batch in range(12):
            names = [f"{run}-{batch}-{number}" for number in range(1 + batch * 3 % 20)]
            for name in names:
                log.append(b'{"id":"%b","more":"%b"}' % (name.encode(), b"x" * (len(names) * 7)))
            log.flush()
            told.extend(names)
            lose_power()
        log.close()
    assert disk.losses > 150
    assert torn[0] > 10

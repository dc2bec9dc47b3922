"""When power is lost, only what was synced is left; everything acknowledged is among it.

The disk here forgets: of a file it keeps what it held at its last sync, of a folder the names it had at its last sync.
"""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keelmark.core.clock import FixedClock
from keelmark.core.log import LogBounds, LogEntry, LogKind, TreeHead
from keelmark.store.log import FileLog
from keelmark.store.log_check import check_log
from keelmark.store.log_files import LogFiles
from keelmark.trust import checkpoint, leaf

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Disk:
    """Watches syncs below a folder, and can lay out what a loss of power would leave."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
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
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            status = os.fstat(descriptor)
            if not stat.S_ISDIR(status.st_mode):
                if (
                    status.st_ino not in self.held
                ):  # An open file's number goes to no other, even once removed.
                    self.held[status.st_ino] = os.dup(descriptor)
                self.contents[status.st_ino] = Path(f"/proc/self/fd/{descriptor}").read_bytes()
                return
            self.names[path] = {
                entry.name: None if entry.is_dir(follow_symlinks=False) else entry.inode()
                for entry in os.scandir(path)
            }

        return sync

    def close(self) -> None:
        """Let go of all files."""
        while self.held:
            os.close(self.held.popitem()[1])

    def lay_out(self, at: Path) -> None:
        """Make a folder as the loss of power leaves it."""
        self._lay_out(self.root, at)
        self.losses += 1

    def _lay_out(self, source: Path, at: Path) -> None:
        at.mkdir()
        for name, inode in self.names.get(source, {}).items():
            if inode is None:
                self._lay_out(source / name, at / name)
            else:
                (at / name).write_bytes(self.contents.get(inode, b""))


def sign(head: TreeHead) -> bytes:
    return checkpoint.text_of(head).encode() + b"\n"


def test_nothing_acknowledged_is_lost_with_the_power(tmp_path: Path, monkeypatch, request) -> None:
    root = tmp_path / "disk"
    root.mkdir()
    disk, acknowledged = Disk(root, monkeypatch), []
    published = [0]

    request.addfinalizer(disk.close)

    def lose_power() -> None:
        left = tmp_path / f"left{disk.losses}"
        disk.lay_out(left)
        disk.when_synced = lambda: None
        with FileLog(left / "log", clock=FixedClock(NOON), origin="a") as writer:
            assert writer.total >= len(acknowledged)
            assert writer.size >= published[0]
        found = check_log(left / "log")
        assert found.problems == []
        files = LogFiles(left / "log")
        held = [*files.entries(0, files.size), *files.journal().entries(files.size)]
        subjects = [leaf.parse(entry).subjects[0] for entry in held]
        assert subjects[: len(acknowledged)] == acknowledged
        disk.when_synced = lose_power

    disk.when_synced = lose_power
    for batch in range(5):
        bounds = LogBounds(rotate_bytes=20_000)
        with FileLog(root / "log", clock=FixedClock(NOON), origin="a", bounds=bounds) as writer:
            names = [leaf.digest_of(f"{batch} {number}".encode()) for number in range(90)]
            record = f"{batch}".encode()
            entries = [LogEntry(kind=LogKind.RELEASE, subjects=(name,), record=record) for name in names]
            writer.append(entries)
            acknowledged.extend(names)
            lose_power()
            if batch != 1:
                published[0] = writer.publish(sign).size
                lose_power()
    assert disk.losses > 60

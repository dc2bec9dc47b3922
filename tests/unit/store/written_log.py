"""A log under test: its clock, its bounds, and what is recorded in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from keelmark.core.clock import FixedClock
from keelmark.core.log import LogBounds, LogEntry, LogKind, TreeHead
from keelmark.store.log import FileLog
from keelmark.store.log_check import check_log
from keelmark.store.log_files import LogFiles
from keelmark.trust import checkpoint, leaf

if TYPE_CHECKING:
    from pathlib import Path


NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
SMALL = LogBounds(rotate_bytes=2_000, max_lock_wait_s=0)


def entries(count: int, *, name: str = "r") -> list[LogEntry]:
    return [LogEntry(kind=LogKind.FINDINGS, record=f"{name} {number}".encode()) for number in range(count)]


def sign(head: TreeHead) -> bytes:
    return checkpoint.text_of(head).encode() + b"\n"


def opened(place: Path, *, now: datetime = NOON, **changes) -> FileLog:
    bounds = changes.pop("bounds", SMALL)
    return FileLog(place, clock=FixedClock(now), origin="example.org/log", bounds=bounds, **changes)


def records_of(place: Path) -> list[str]:
    """What is recorded, under the checkpoint or not."""
    files = LogFiles(place)
    journal = files.journal()
    assert journal is not None
    found = [*files.entries(0, files.size), *journal.entries(files.size)]
    return [files.record(leaf.parse(entry).record).decode() for entry in found]


def is_whole(place: Path) -> bool:
    found = check_log(place)
    assert found.problems == []
    return not found.torn


def subjects_of(names: list[str]) -> list[LogEntry]:
    return [
        LogEntry(kind=LogKind.RELEASE, subjects=(leaf.digest_of(name.encode()),), record=b"r")
        for name in names
    ]

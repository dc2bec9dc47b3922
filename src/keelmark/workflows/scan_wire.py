"""How files to scan and their results travel between processes: as JSON, so that no result can ask for code to be run."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from keelmark.core.scan import ScannedFile
from keelmark.engine.surroundings import ALONE, Surroundings
from keelmark.workflows.scan_file import ScanSettings, scan_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from keelmark.engine.walk import Entry

__all__ = ["answers", "order", "places", "result", "terms"]

# Small enough that all processes end at about the same time, large enough that sending costs nothing.
_BATCH_FILES = 32
_BATCH_BYTES = 64 * 1024**2


def terms(settings: ScanSettings, today: date) -> str:
    """How to scan, for whoever scans: one line."""
    return json.dumps({"settings": msgspec.to_builtins(settings), "today": today.isoformat()})


def order(batch: Iterable[Entry]) -> str:
    """Files to look at: one line. Names that are no text travel with escapes."""
    return json.dumps(
        [
            [os.fspath(entry.file), entry.path, entry.around.in_repository, entry.around.link]
            for entry in batch
        ]
    )


def answers(stated: str, ordered: str) -> Iterator[str]:
    """Look at files, one line for each, in order; called where the work is done."""
    read = json.loads(stated)
    settings = msgspec.convert(read["settings"], ScanSettings)
    today = date.fromisoformat(read["today"])
    for file, path, in_repository, link in json.loads(ordered):
        around = Surroundings(in_repository=in_repository, link=link) if in_repository or link else ALONE
        found = scan_file(Path(file), path=path, settings=settings, today=today, around=around)
        yield json.dumps(msgspec.to_builtins(found))


def result(line: str | bytes) -> ScannedFile:
    """What one line says.

    Raises:
        ValueError: It is damaged.
    """
    return msgspec.convert(json.loads(line), ScannedFile)


def places(entries: Iterable[Entry]) -> Iterator[list[int]]:
    """The places of the files, in order, a few at a time."""
    batch: list[int] = []
    size = 0
    for place, entry in enumerate(entries):
        batch.append(place)
        size += entry.size
        if len(batch) >= _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch

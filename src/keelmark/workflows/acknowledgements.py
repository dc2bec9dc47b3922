"""Acknowledgements of briefings as entries of the transparency log of a project."""

from __future__ import annotations

import os
from datetime import date
from typing import TYPE_CHECKING

import msgspec

from keelmark.core.awareness import Acknowledgement
from keelmark.core.log import LogEntry, LogKind
from keelmark.core.outcome import Audience
from keelmark.errors import StoreError
from keelmark.store.log_files import LogFiles
from keelmark.trust import leaf as leaves
from keelmark.workflows.log import LOG_FOLDER, rows

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["acknowledgements", "entry_of"]

_MAX_ENTRIES = 100_000


class _Record(msgspec.Struct, forbid_unknown_fields=True):
    """An acknowledgement as it stands in the log."""

    role: Audience
    by: str
    on: date
    briefing: str
    asked: int
    right: int


def acknowledgements(root: Path) -> tuple[Acknowledgement, ...]:
    """Every acknowledgement in the log of a project, oldest first; none where there is no log.

    Raises:
        StoreError: The log cannot be read, or a record in it was changed or is none.
    """
    place = root / LOG_FOLDER
    if not os.path.lexists(place):
        return ()
    files = LogFiles(place)
    found = []
    for row in rows(place, limit=_MAX_ENTRIES):
        if row.leaf.kind is not LogKind.ACKNOWLEDGEMENT:
            continue
        content = files.record(row.leaf.record) or b""
        # INVARIANT: what the log does not vouch for is no acknowledgement.
        if leaves.digest_of(content) != row.leaf.record:
            message = f"record of entry {row.index} of the log is not the one that was recorded"
            raise StoreError(message, hint="keelmark log verify says what is wrong")
        try:
            read = msgspec.json.decode(content, type=_Record)
        except msgspec.DecodeError as error:
            message = f"entry {row.index} of the log is no acknowledgement"
            raise StoreError(message, hint="keelmark log verify says what is wrong") from error
        found.append(
            Acknowledgement(
                role=read.role,
                by=read.by,
                on=read.on,
                digest=read.briefing,
                asked=read.asked,
                right=read.right,
            )
        )
    return tuple(found)


def entry_of(given: Acknowledgement) -> LogEntry:
    """The entry of the log that an acknowledgement becomes."""
    content = msgspec.json.encode(
        _Record(
            role=given.role,
            by=given.by,
            on=given.on,
            briefing=given.digest,
            asked=given.asked,
            right=given.right,
        )
    )
    return LogEntry(kind=LogKind.ACKNOWLEDGEMENT, subjects=(f"sha256:{given.digest}",), record=content)

"""What was taken away of request logs, as a log of its own beside them says: chained and published like theirs.

A worker's log cannot be told to forget by anybody who does not write it, so that each removal is written down here, before
it is done. Whoever verifies begins where this log says, and sees who removed what, when and why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from keelmark.core.request_event import NoticeEvent, parse
from keelmark.errors import ParseError, StoreError
from keelmark.store.request_chain import SegmentHeader, name_of, parse_header
from keelmark.store.request_log_check import events_of
from keelmark.store.request_log_files import lines_of, segments_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LEDGER", "PRUNE", "Beginning", "beginning_of", "header_of", "ledger_of", "removals_in"]

LEDGER: Final = "pruned"
"""Folder of the log of removals, beside those of the workers."""

PRUNE: Final = "prune"
"""What its notices say."""


class Beginning(msgspec.Struct, frozen=True, kw_only=True):
    """Where one log begins.

    Attributes:
        first: Number of its first segment.
        problem: Why it cannot be as the log of removals says; "" when it can.
        note: What was removed; "" for nothing.
    """

    first: int
    problem: str = ""
    note: str = ""


def ledger_of(place: Path) -> Path | None:
    """The log of removals that speaks of the logs at a place, or of the one log there; None where there is none."""
    for folder in (place / LEDGER, place.parent / LEDGER):
        if folder != place and folder.is_dir() and segments_of(folder):
            return folder
    return None


def removals_in(ledger: Path | None) -> dict[str, NoticeEvent]:
    """The last removal from each log, by name of the log.

    Raises:
        StoreError: It cannot be read.
    """
    found: dict[str, NoticeEvent] = {}
    for line in events_of(ledger) if ledger is not None else ():
        try:
            event = parse(line)
        except msgspec.MsgspecError:
            continue
        if isinstance(event, NoticeEvent) and event.what == PRUNE and event.pruned is not None:
            known = found.get(event.pruned.log)
            if known is None or known.pruned is None or event.pruned.first > known.pruned.first:
                found[event.pruned.log] = event
    return found


def header_of(place: Path, number: int) -> tuple[SegmentHeader, int]:
    """The first line of a segment, and its number among the lines.

    Raises:
        StoreError: It cannot be read, or was changed.
    """
    try:
        header, line, _ = parse_header(next(iter(lines_of(place, number)), b""))
    except ParseError as error:
        raise StoreError(f"`{name_of(number)}`: {error.message}") from error
    return header, line


def beginning_of(place: Path, removals: dict[str, NoticeEvent]) -> Beginning:
    """Where the log in a folder begins.

    Args:
        place: The folder.
        removals: From each log.
    """
    numbers = segments_of(place)
    try:
        log = header_of(place, numbers[-1])[0].log if numbers else ""
        event = removals.get(log)
        pruned = event.pruned if event is not None else None
        if event is None or pruned is None:
            return Beginning(first=1)
        note = (
            f"{pruned.line - 1} lines before segment {pruned.first} were removed on {event.time.date().isoformat()} "
            f"by {event.owner}: {event.reason}"
        )
        if pruned.first not in numbers:
            return Beginning(first=pruned.first, note=note)  # It is missing, which the check finds.
        header, line = header_of(place, pruned.first)
    except StoreError:
        return Beginning(first=1)  # The check says what is wrong.
    if header.previous != pruned.chain or line != pruned.line:
        return Beginning(
            first=pruned.first, problem="does not go on from where the log of removals says", note=note
        )
    return Beginning(first=pruned.first, note=note)

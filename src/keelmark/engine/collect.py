"""Collects facts: each file is opened once, every reader that recognises it reads it, every failure is a gap."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from keelmark.core.facts import FileFacts, Gap, GapReason, Reading
from keelmark.engine.artefacts import artefact_readers
from keelmark.engine.containers import all_containers
from keelmark.engine.nested import open_members
from keelmark.engine.reading import read_with
from keelmark.engine.roles import role_of
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.source import Bounds as SourceBounds
from keelmark.formats.source import Reader, Source
from keelmark.formats.unclaimed import NO_TEXT, gap_of_unclaimed, is_called_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from keelmark.core.ports import FactCache
    from keelmark.engine.walk import Entry

__all__ = ["Bounds", "Collected", "collect", "read_entry", "read_source", "without_found"]

# Formats of the reader of credentials, which reads every text.
_BINARY, _TEXT = "binary", "text"
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of collecting.

    Attributes:
        max_seconds: Wall time for all files; what is left then is named as not looked at.
        settle_ns: Age from which a file's identity can be trusted.
    """

    max_seconds: float = 900.0
    settle_ns: int = 2_000_000_000
    source: SourceBounds = field(default_factory=SourceBounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """One file and whether it was remembered rather than read."""

    facts: FileFacts
    is_cached: bool = False


def collect(
    entries: Sequence[Entry],
    readers: Sequence[Reader],
    *,
    cache: FactCache | None = None,
    bounds: Bounds | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    time_ns: Callable[[], int] = time.time_ns,
) -> Iterator[Collected]:
    """Read files in order, or remember what was read of them while they are unchanged.

    A file that changed a moment ago is not remembered: a second change within the resolution of the file system's clock
    would leave its identity the same.
    """
    limits = bounds or Bounds()
    ends = monotonic() + limits.max_seconds
    for entry in entries:
        if monotonic() > ends:
            gap = Gap(path=entry.path, reason=GapReason.OUT_OF_TIME, detail=f"after {limits.max_seconds:g} s")
            yield Collected(facts=FileFacts(path=entry.path, size=entry.size, gaps=(gap,)))
            continue
        remembered = _remembered(entry, cache)
        if remembered is not None:
            yield Collected(facts=remembered, is_cached=True)
            continue
        facts = read_entry(entry, readers, bounds=limits.source)
        if cache is not None and facts.digest and time_ns() - entry.changed_ns > limits.settle_ns:
            cache.remember(entry.identity, facts)
        yield Collected(facts=facts)


def _remembered(entry: Entry, cache: FactCache | None) -> FileFacts | None:
    if cache is None:
        return None
    digest = cache.digest_of(entry.identity)
    return cache.recall(entry.path, digest) if digest else None


def read_entry(entry: Entry, readers: Sequence[Reader], *, bounds: SourceBounds | None = None) -> FileFacts:
    """Read one file with every reader that recognises it."""
    try:
        with Source(entry.file, path=entry.path, bounds=bounds) as source:
            return read_source(source, readers)
    except ParseError as error:
        gap = Gap(path=entry.path, reason=GapReason.SPECIAL_FILE, detail=error.message)
    except OSError as error:
        gap = Gap(path=entry.path, reason=GapReason.UNREADABLE, detail=error.strerror or type(error).__name__)
    return FileFacts(path=entry.path, size=entry.size, role=role_of(entry.path), gaps=(gap,))


def read_source(source: Source, readers: Sequence[Reader]) -> FileFacts:
    """Read one open source with every reader that recognises it.

    Raises:
        OSError: The file went away or cannot be read.
    """
    gaps: list[Gap] = []
    try:
        digest = source.digest
    except LimitExceededError as error:
        digest = ""
        gaps.append(Gap(path=source.path, reason=GapReason.TOO_LARGE, detail=error.message))
    readings: list[Reading] = []
    for reader in readers:
        readings.extend(read_with(reader, source, gaps))
    gaps.extend(gap for reading in readings for gap in reading.gaps)
    nested = open_members(source, readings, readers=artefact_readers(), containers=all_containers())
    gaps.extend(_unclaimed(source, readings, gaps))
    gaps.extend(gap for gap in nested.gaps if gap.matters)
    readings.extend(reading for reading in nested.readings if reading.hazards)
    return FileFacts(
        path=source.path,
        size=source.size,
        digest=digest,
        role=role_of(source.path),
        readings=tuple(replace(reading, gaps=()) if reading.gaps else reading for reading in readings),
        gaps=tuple(dict.fromkeys(gaps)),
    )


def _unclaimed(source: Source, readings: Sequence[Reading], gaps: Sequence[Gap]) -> Iterator[Gap]:
    if any(gap.matters for gap in gaps):
        return
    is_binary = any(reading.format == _BINARY for reading in readings)
    # That a file was searched for credentials claims nothing of its format.
    if all(reading.format in {_BINARY, _TEXT} for reading in readings):
        found = gap_of_unclaimed(source, is_binary=is_binary)
        if found is not None:
            yield found
    elif is_binary and source.head.startswith(_WIDE_MARKS) and is_called_text(source):
        yield Gap(path=source.path, reason=GapReason.MALFORMED, detail=NO_TEXT)


def without_found(gaps: Iterable[Gap], files: Iterable[FileFacts]) -> tuple[Gap, ...]:
    """The gaps without pointers whose bytes lie in the folder after all (checked-out data beside its pointer)."""
    here: set[str] = set()
    for facts in files:
        if any(pointer for reading in facts.readings for pointer in reading.pointers):
            continue
        here.add(facts.path)
        here.update(str(folder) for folder in PurePosixPath(facts.path).parents)
    return tuple(gap for gap in gaps if not (gap.reason is GapReason.NOT_HERE and gap.path in here))

"""Scan artefacts: meet every file that was named, look at each byte by byte, load none."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.core.clock import Clock, SystemClock
from keelmark.core.facts import GapReason
from keelmark.core.scan import ScanReport
from keelmark.errors import UsageError
from keelmark.version import __version__
from keelmark.workflows.scan_file import ScanSettings, not_analysed, scan_file
from keelmark.workflows.scan_meet import meet

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from keelmark.core.scan import Clearance, ScannedFile
    from keelmark.engine.walk import Entry
    from keelmark.workflows.assess import Progress

__all__ = ["ScanSettings", "scan"]


def scan(
    paths: Iterable[str | os.PathLike[str]],
    settings: ScanSettings | None = None,
    *,
    names: Mapping[Path, str] | None = None,
    progress: Progress | None = None,
    clock: Clock | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> ScanReport:
    """Scan files and folders. Nothing is loaded, nothing is written.

    Args:
        paths: Files and folders. A link that is named is followed; links inside of folders are followed to files.
        settings: How; the defaults look at everything.
        names: What reports call a path, where that is not the path itself.
        progress: Hears how far the scan is.
        clock: Says which day clearances are held against.
        monotonic: Measures time.

    Raises:
        UsageError: A path does not exist, or what was asked for makes no sense.
        KeelmarkError: Processes were asked for and none can be started.
    """
    chosen = settings or ScanSettings()
    if chosen.jobs < 0:
        raise UsageError(f"there cannot be {chosen.jobs} processes", hint="0 is one for each core")
    if chosen.ray is not None and chosen.jobs != 1:
        raise UsageError("a scan runs in processes of this machine or on a cluster, not both")
    today = clock or SystemClock()
    started, began = today.now(), monotonic()
    entries, gaps = meet([Path(path) for path in paths], names or {}, chosen)
    if progress is not None:
        progress.start(len(entries))
    found: dict[int, ScannedFile] = {}
    is_interrupted = False
    with closing(_results(entries, chosen, clock=today, monotonic=monotonic)) as results:
        try:
            for place, file in results:
                found[place] = file
                if progress is not None:
                    progress.advance(file.path)
        except KeyboardInterrupt:
            is_interrupted = True
    return ScanReport(
        files=tuple(found[place] for place in sorted(found)),
        gaps=tuple(gaps),
        started=started,
        duration_s=monotonic() - began,
        version=__version__,
        is_interrupted=is_interrupted,
        notes=tuple(_expired(chosen.clearances, today.now().date())),
    )


def _expired(clearances: Iterable[Clearance], today: date) -> Iterator[str]:
    for each in clearances:
        if each.expires < today:
            yield f"the clearance of `{each.subject}` by {each.owner} ended on {each.expires.isoformat()}"


def _results(
    entries: Sequence[Entry], settings: ScanSettings, *, clock: Clock, monotonic: Callable[[], float]
) -> Generator[tuple[int, ScannedFile]]:
    """The place and the result of each file, as they come in."""
    today = clock.now().date()
    # Who scans here and alone does not pay for what only others need.
    if settings.ray is not None:
        from keelmark.workflows.scan_ray import scan_with_ray  # noqa: PLC0415 - see above

        yield from scan_with_ray(entries, settings, address=settings.ray, today=today, monotonic=monotonic)
    elif settings.jobs != 1 and entries:
        from keelmark.workflows.scan_jobs import scan_with_jobs  # noqa: PLC0415 - see above

        yield from scan_with_jobs(entries, settings, today=today, monotonic=monotonic)
    else:
        began = monotonic()
        for place, entry in enumerate(entries):
            if monotonic() - began > settings.max_seconds:
                yield place, _left(entry, settings)
            else:
                yield (
                    place,
                    scan_file(
                        entry.file, path=entry.path, settings=settings, today=today, around=entry.around
                    ),
                )


def _left(entry: Entry, settings: ScanSettings) -> ScannedFile:
    detail = f"after {settings.max_seconds:g} s"
    return not_analysed(entry.path, entry.size, reason=GapReason.OUT_OF_TIME, detail=detail)

"""Reads one file as an artefact: by every reader of models that recognises it, and into every archive it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import FileFacts, Gap, GapReason, Reading
from keelmark.engine.freight import freight_of
from keelmark.engine.nested import open_members
from keelmark.engine.reading import read_with
from keelmark.engine.routing import CONTAINER_ROUTER, READER_ROUTER
from keelmark.engine.surroundings import ALONE, Surroundings
from keelmark.engine.unmarked import is_wrapped
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.archives.container import Budget, Limits
from keelmark.formats.source import Source
from keelmark.formats.unclaimed import gap_of_unclaimed

if TYPE_CHECKING:
    from pathlib import Path

    from keelmark.formats.source import Reader

__all__ = ["artefact_readers", "read_artefact", "read_artefact_source"]


def artefact_readers() -> tuple[Reader, ...]:
    """The readers of `formats.models`, and those of notebooks and of pointers to absent files; sorted by name."""
    return READER_ROUTER.all


def read_artefact(
    file: Path,
    *,
    path: str,
    with_digest: bool = False,
    limits: Limits | None = None,
    around: Surroundings = ALONE,
) -> FileFacts:
    """Read one file of the disk; whatever fails is a gap.

    Args:
        file: The file; a link is not followed.
        path: What reports call it.
        with_digest: Whether to hash it, which costs far more than looking at its structure.
        limits: Bounds of what is unpacked below it.
        around: Where it lies.
    """
    try:
        with Source(file, path=path) as source:
            return read_artefact_source(source, with_digest=with_digest, limits=limits, around=around)
    except ParseError as error:
        gap = Gap(path=path, reason=GapReason.SPECIAL_FILE, detail=error.message)
    except OSError as error:
        gap = Gap(path=path, reason=GapReason.UNREADABLE, detail=error.strerror or type(error).__name__)
    return FileFacts(path=path, size=0, readings=_of_link(around), gaps=(gap,))


def read_artefact_source(
    source: Source, *, with_digest: bool = False, limits: Limits | None = None, around: Surroundings = ALONE
) -> FileFacts:
    """Read one open source; see `read_artefact`.

    Raises:
        OSError: The file went away or cannot be read.
    """
    gaps: list[Gap] = []
    readings: list[Reading] = []
    for reader in READER_ROUTER.of(source):
        readings.extend(read_with(reader, source, gaps))
    gaps.extend(gap for reading in readings for gap in reading.gaps)
    readings.extend(freight_of(source, readings))
    if around is not ALONE:
        from keelmark.engine.beside import beside  # noqa: PLC0415 - a file alone does not pay for it

        readings.extend(beside(source, readings, around))
    if CONTAINER_ROUTER.of(source) or (not readings and is_wrapped(source)):
        nested = open_members(
            source,
            readings,
            readers=READER_ROUTER.all,
            containers=CONTAINER_ROUTER.all,
            budget=Budget(limits=limits or Limits()),
        )
        readings.extend(nested.readings)
        gaps.extend(nested.gaps)
    if not readings and not gaps and (unclaimed := gap_of_unclaimed(source, in_archive=True)):
        # As in an archive: a scan asks what is loaded, and tables are not.
        gaps.append(unclaimed)
    return FileFacts(
        path=source.path,
        size=source.size,
        digest=_digest(source, gaps) if with_digest else "",
        readings=tuple(readings),
        gaps=tuple(dict.fromkeys(gaps)),
    )


def _of_link(around: Surroundings) -> tuple[Reading, ...]:
    """What a link is that could not be followed."""
    if not around.link:
        return ()
    from keelmark.engine.beside import link_out  # noqa: PLC0415 - hardly a scan meets one

    return (Reading(format="repository", hazards=(link_out(around.link),)),)


def _digest(source: Source, gaps: list[Gap]) -> str:
    try:
        return source.digest
    except LimitExceededError as error:
        gaps.append(Gap(path=source.path, reason=GapReason.TOO_LARGE, detail=error.message))
        return ""

"""Says what the threat library knows, and what a newer edition of MITRE ATLAS would change for a project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.library_difference import LibraryDifference
from keelmark.core.threats import Library
from keelmark.design.threats.library.difference import difference
from keelmark.design.threats.library.load import load
from keelmark.design.threats.library.records import Bounds
from keelmark.errors import UsageError
from keelmark.workflows.threats import model_threats

if TYPE_CHECKING:
    from pathlib import Path

    from keelmark.config.settings import AssessSettings
    from keelmark.core.clock import Clock
    from keelmark.workflows.assess import Progress, Target

__all__ = ["LibraryReport", "compare_library", "show_library"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryReport:
    """The library in force, and the difference that a newer edition makes; None without one."""

    library: Library
    difference: LibraryDifference | None = None


def show_library() -> LibraryReport:
    """The library that ships."""
    return LibraryReport(library=load())


def compare_library(
    file: Path,
    target: Target,
    settings: AssessSettings,
    *,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> LibraryReport:
    """The library with a newer edition of MITRE ATLAS beside it, and what that means for a project.

    Raises:
        UsageError: A file or folder cannot be read.
        ParseError: The file is no MITRE ATLAS data; with the line.
        LimitExceededError: The file exceeds a bound.
    """
    newer = load(_bytes_of(file), path=file.name)
    run = model_threats(target, settings, clock=clock, progress=progress)
    return LibraryReport(library=newer, difference=difference(run.library, newer, run.analysis))


def _bytes_of(file: Path) -> bytes:
    limit = Bounds().max_bytes
    try:
        with file.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        hint = "give an ATLAS.yaml of MITRE ATLAS"
        raise UsageError(f"`{file}` cannot be read: {reason}", hint=hint) from error
    if len(data) > limit:
        raise UsageError(f"`{file}` has more than {limit} bytes", hint="give an ATLAS.yaml of MITRE ATLAS")
    return data

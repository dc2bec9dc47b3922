"""Scans one file: reads it, judges it, and asks for its digest where somebody may vouch for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keelmark.core.facts import Gap, GapReason
from keelmark.core.scan import Clearance, ScannedFile, ScanState
from keelmark.development.supplychain.judgement import judge
from keelmark.engine.artefacts import read_artefact
from keelmark.engine.surroundings import ALONE, Surroundings
from keelmark.formats.archives.container import Limits

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

__all__ = ["ScanSettings", "not_analysed", "scan_file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanSettings:
    """How a scan is done.

    Attributes:
        with_digest: Whether to hash every artefact, which costs more than looking at its structure.
        max_seconds: Wall time of the whole scan; files left then are named as not analysed.
        max_files: Files met below one folder.
        limits: Bounds of what is unpacked below one file.
        clearances: Who vouches for which finding.
        jobs: Processes that look at files; 1 is this one alone, 0 is one for each core.
        ray: Address of a Ray cluster that looks at files instead; `local` starts one here.
    """

    with_digest: bool = False
    max_seconds: float = 3600.0
    max_files: int = 1_000_000
    limits: Limits = field(default_factory=Limits)
    clearances: tuple[Clearance, ...] = ()
    jobs: int = 1
    ray: str | None = None


def scan_file(
    file: Path, *, path: str, settings: ScanSettings, today: date, around: Surroundings = ALONE
) -> ScannedFile:
    """Where one file stands; whatever goes wrong is a gap in it."""
    facts = read_artefact(
        file, path=path, with_digest=settings.with_digest, limits=settings.limits, around=around
    )
    judged = judge(facts, clearances=settings.clearances, today=today)
    if judged.state is ScanState.UNSAFE and settings.clearances and not facts.digest:
        # Somebody may vouch for this very file; only its digest tells.
        whole = read_artefact(file, path=path, with_digest=True, limits=settings.limits, around=around)
        return judge(whole, clearances=settings.clearances, today=today)
    return judged


def not_analysed(path: str, size: int, *, reason: GapReason, detail: str) -> ScannedFile:
    """A file that nobody looked at, and why."""
    gap = Gap(path=path, reason=reason, detail=detail)
    return ScannedFile(path=path, size=size, state=ScanState.NOT_ANALYSED, gaps=(gap,))

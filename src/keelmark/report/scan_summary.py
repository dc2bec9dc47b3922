"""What every report of a scan says alike: headline, exit code, order, counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.scan import ScanState
from keelmark.report.words import Tone, count

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keelmark.core.scan import ScanFinding, ScannedFile, ScanReport

__all__ = ["ScanHeadline", "exit_code_of", "headline_of", "place_of", "worst_first"]

_CODES = {
    ScanState.CLEAN: 0,
    ScanState.UNSAFE: 1,
    ScanState.NOT_ANALYSED: 3,
    ScanState.NO_ARTEFACT: 3,
}
_INTERRUPTED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanHeadline:
    """The first line: a word or two in capitals, and one sentence."""

    words: str
    sentence: str
    tone: Tone


def exit_code_of(report: ScanReport) -> int:
    """0 clean, 1 unsafe, 2 stopped, 3 something was not analysed, or there was nothing to analyse."""
    return _INTERRUPTED if report.is_interrupted else _CODES[report.state]


def headline_of(report: ScanReport) -> ScanHeadline:
    """The answer in one line."""
    artefacts = [file for file in report.files if file.state is not ScanState.NO_ARTEFACT]
    unsafe, unread = report.of(ScanState.UNSAFE), report.of(ScanState.NOT_ANALYSED)
    if report.is_interrupted:
        read = count(len(report.files), "file")
        return ScanHeadline(
            words="STOPPED", sentence=f"{read} read before; this is no result", tone=Tone.OPEN
        )
    if unsafe:
        which = f"{len(unsafe)} of {count(len(artefacts), 'artefact')}"
        return ScanHeadline(words="UNSAFE", sentence=f"{which} must not be loaded", tone=Tone.BAD)
    if report.state is ScanState.NOT_ANALYSED:
        places = len(unread) + sum(gap.matters for gap in report.gaps)
        which = f"{count(places, 'file or folder', 'files or folders')} could not be looked at"
        return ScanHeadline(words="NOT ANALYSED", sentence=f"{which}; unknown is not clean", tone=Tone.OPEN)
    if not artefacts:
        met = count(len(report.files), "file")
        return ScanHeadline(words="NOTHING ANALYSED", sentence=f"no artefact among {met}", tone=Tone.OPEN)
    return ScanHeadline(
        words="CLEAN",
        sentence=f"{count(len(artefacts), 'artefact')} looked at, nothing that runs or misleads",
        tone=Tone.GOOD,
    )


def worst_first(files: Iterable[ScannedFile]) -> list[ScannedFile]:
    """Files with findings, the weightiest first, then by path."""
    found = [file for file in files if file.findings]
    return sorted(found, key=lambda file: (-file.findings[0].severity.weight, file.path))


def place_of(finding: ScanFinding) -> str:
    """Where in the file: the member, and the byte in it."""
    hazard = finding.hazard
    byte = f"byte {hazard.offset}" if hazard.offset is not None else ""
    return ", ".join(part for part in (hazard.member, byte) if part)

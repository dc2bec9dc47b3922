"""What a scan of artefacts says: one state per file, the findings behind it, and what was not looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from keelmark.core.facts import Gap, Hazard, Technique
from keelmark.core.outcome import Severity

__all__ = [
    "UNSAFE_FROM",
    "Clearance",
    "ScanFinding",
    "ScanReport",
    "ScanState",
    "ScannedFile",
    "TechniqueCard",
]


UNSAFE_FROM = Severity.MEDIUM
"""Findings of this severity and above make a file unsafe; lesser ones are notes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TechniqueCard:
    """What one technique means to people.

    Attributes:
        title: One line, what a finding means.
        what: What was seen.
        why: What it is good for to an attacker.
        fix: What to do.
        tags: `cwe:502`, `owasp-llm:LLM03`, `atlas:AML.T0011.000`, ...
    """

    technique: Technique
    title: str
    severity: Severity
    what: str
    why: str
    fix: str
    tags: tuple[str, ...] = ()


class ScanState(StrEnum):
    """Where one file stands. What was not analysed is never clean."""

    CLEAN = "clean"
    UNSAFE = "unsafe"
    NOT_ANALYSED = "not-analysed"
    NO_ARTEFACT = "no-artefact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearance:
    """A named person vouches for one finding in one file, for a time.

    Attributes:
        digest: SHA-256 of the file, hexadecimal.
        subject: The exact name it is about, as the finding states it.
        reason: Why it is harmless.
        owner: Who says so.
        expires: Last day it counts.
    """

    digest: str
    subject: str
    reason: str
    owner: str
    expires: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFinding:
    """One hazard with its weight.

    Attributes:
        severity: Critical, high and medium make the file unsafe.
        fix: What to do.
        fingerprint: Stable id; survives a moved or renamed file.
        clearance: Who vouches for it, if anybody.
    """

    hazard: Hazard
    severity: Severity
    fix: str
    fingerprint: str
    clearance: Clearance | None = None

    @property
    def is_open(self) -> bool:
        """Whether it makes its file unsafe."""
        return self.clearance is None and self.severity.weight >= UNSAFE_FROM.weight


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedFile:
    """One file.

    Attributes:
        path: As it was named, or below the folder that was named.
        size: Bytes.
        formats: Every format it was read as, those of members behind their container.
        findings: Worst first.
        gaps: What was not looked at in it.
        digest: SHA-256 of the content, hexadecimal; "" when it was not asked for.
    """

    path: str
    size: int
    state: ScanState
    formats: tuple[str, ...] = ()
    findings: tuple[ScanFinding, ...] = ()
    gaps: tuple[Gap, ...] = ()
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    """The answer of one scan.

    Attributes:
        files: In the order they were met.
        gaps: Places that were not entered or opened.
        started: When, in UTC.
        duration_s: Wall time.
        is_interrupted: Whether it was stopped before its end.
        notes: What else the reader has to know (a clearance that expired, ...).
    """

    files: tuple[ScannedFile, ...]
    gaps: tuple[Gap, ...] = ()
    started: datetime
    duration_s: float
    version: str
    is_interrupted: bool = False
    notes: tuple[str, ...] = field(default=())

    def of(self, state: ScanState) -> tuple[ScannedFile, ...]:
        """The files that stand there."""
        return tuple(file for file in self.files if file.state is state)

    @property
    def findings(self) -> tuple[ScanFinding, ...]:
        """Every finding of every file."""
        return tuple(finding for file in self.files for finding in file.findings)

    @property
    def state(self) -> ScanState:
        """The state of the whole: unsafe wins, then what was not analysed; nothing to analyse is not clean."""
        states = {file.state for file in self.files}
        if ScanState.UNSAFE in states:
            return ScanState.UNSAFE
        if ScanState.NOT_ANALYSED in states or self.is_interrupted or any(gap.matters for gap in self.gaps):
            return ScanState.NOT_ANALYSED
        return ScanState.CLEAN if ScanState.CLEAN in states else ScanState.NO_ARTEFACT

    @property
    def is_clean(self) -> bool:
        """Whether every artefact was looked at and none is unsafe."""
        return self.state is ScanState.CLEAN

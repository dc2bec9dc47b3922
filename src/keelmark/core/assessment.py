"""The result of one run: what reports print, stores keep and `diff` compares."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from keelmark.core.asset import Inventory
from keelmark.core.decision import Decision
from keelmark.core.facts import Gap
from keelmark.core.finding import Finding

__all__ = ["Assessment", "Comparison", "Coverage", "SettingOrigin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much was looked at.

    Attributes:
        files: Regular files met in the folder.
        read: Of these, how many a reader understood.
        cached: Of those read, how many were unchanged since an earlier run and not read again.
        opaque: Files that no reader claims and that hold no text (pictures, fonts, ...), by suffix.
        bytes: Bytes of all files met.
        rules: Rules that were run.
    """

    files: int = 0
    read: int = 0
    cached: int = 0
    opaque: tuple[tuple[str, int], ...] = ()
    bytes: int = 0
    rules: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How the failures of this run differ from a baseline or an earlier run, by fingerprint.

    Attributes:
        source: What it was compared with: path of the baseline or id of the run.
        new: Failures that were not there.
        known: Failures that were there already.
        gone: Failures of the baseline that are there no more.
    """

    source: str
    new: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingOrigin:
    """One setting in force and where it came from."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """One run.

    Attributes:
        id: Unique, sortable by time.
        target: Name of the assessed folder, never its full path.
        system: Name of the system as declared, else the folder's name.
        tree_digest: SHA-256 over the sorted (path, digest) pairs of all files; "" when one could not be read.
        today: Day the decision speaks of.
        is_partial: Whether only some files were looked at; then there is no verdict on the project.
        is_interrupted: Whether the run was stopped before its end.
        comparison: Against a baseline, if one was given.
        only_new: Whether the exit code speaks of new failures alone.
    """

    id: str
    target: str
    system: str
    version: str
    started: datetime
    duration_s: float
    today: date
    tree_digest: str
    decision: Decision
    findings: tuple[Finding, ...]
    inventory: Inventory
    gaps: tuple[Gap, ...]
    coverage: Coverage
    settings: tuple[SettingOrigin, ...] = ()
    comparison: Comparison | None = None
    is_partial: bool = False
    is_interrupted: bool = False
    only_new: bool = False

"""Baselines: the failures that a team knows of, so that new ones stand out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from keelmark.core.assessment import Assessment, Comparison
from keelmark.core.outcome import Outcome
from keelmark.errors import ConfigurationError
from keelmark.workflows.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from keelmark.core.finding import Finding

__all__ = ["Baseline", "compare", "read_baseline", "write_baseline"]

SCHEMA = "keelmark-baseline-1"
MAX_BYTES = 64 * 1024**2


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """One known failure, with words for the reader of the file."""

    fingerprint: str
    rule: str
    outcome: str = "fail"
    path: str = ""


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """Known failures and where they come from."""

    source: str
    fingerprints: frozenset[str]


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """A baseline file, or the part of a JSON report that serves as one."""

    findings: tuple[Known, ...]
    schema: str = ""


def read_baseline(file: Path) -> Baseline:
    """A baseline from a baseline file or from a JSON report.

    Raises:
        ConfigurationError: It is neither.
    """
    hint = "make one with: keelmark assess --write-baseline FILE"
    try:
        if file.stat().st_size > MAX_BYTES:
            raise ConfigurationError(f"baseline `{file.name}` is larger than {MAX_BYTES} bytes", hint=hint)
        content = msgspec.json.decode(file.read_bytes(), type=_File)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"baseline `{file.name}` cannot be read: {error}", hint=hint) from error
    failures = frozenset(entry.fingerprint for entry in content.findings if entry.outcome == Outcome.FAIL)
    return Baseline(source=file.name, fingerprints=failures)


def write_baseline(assessment: Assessment, file: Path) -> int:
    """Write the failures of a run as a baseline, whole or not at all; their count.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    known = [
        Known(
            fingerprint=finding.fingerprint,
            rule=finding.rule,
            path=_written(finding.locations[0].path) if finding.locations else "",
        )
        for finding in assessment.findings
        if finding.outcome is Outcome.FAIL
    ]
    known.sort(key=lambda entry: (entry.rule, entry.path, entry.fingerprint))
    text = msgspec.json.format(msgspec.json.encode({"schema": SCHEMA, "findings": known}), indent=2)
    try:
        write_whole(file, text + b"\n")
    except OSError as error:
        raise ConfigurationError(f"baseline `{file.name}` cannot be written: {error.strerror}") from error
    return len(known)


def _written(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def compare(findings: Iterable[Finding], baseline: Baseline) -> Comparison:
    """How the failures differ from the baseline."""
    present = {finding.fingerprint for finding in findings if finding.outcome is Outcome.FAIL}
    return Comparison(
        source=baseline.source,
        new=tuple(sorted(present - baseline.fingerprints)),
        known=tuple(sorted(present & baseline.fingerprints)),
        gone=tuple(sorted(baseline.fingerprints - present)),
    )

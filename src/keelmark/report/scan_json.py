"""A scan for programs: a JSON document that follows `schema/scan-1.0.json`.

Within version 1 keys are only added, never renamed, removed or given another meaning. All text is cleaned, and written in
ASCII.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from keelmark.report.json_text import name_of, text_of, written
from keelmark.report.scan_summary import exit_code_of, headline_of

if TYPE_CHECKING:
    from keelmark.core.facts import Gap
    from keelmark.core.scan import ScanFinding, ScannedFile, ScanReport

__all__ = ["SCHEMA_VERSION", "document", "render", "schema"]

SCHEMA_VERSION = "1.0"


def render(report: ScanReport, /) -> str:
    """The document as text."""
    return written(document(report))


def schema() -> dict[str, Any]:
    """The published JSON Schema of the document."""
    text = (
        resources.files("keelmark.report").joinpath(f"schema/scan-{SCHEMA_VERSION}.json").read_text("utf-8")
    )
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def document(report: ScanReport) -> dict[str, Any]:
    """The document as plain values."""
    head = headline_of(report)
    return {
        "schema": SCHEMA_VERSION,
        "state": str(report.state),
        "exit_code": exit_code_of(report),
        "headline": f"{head.words}: {head.sentence}",
        "interrupted": report.is_interrupted,
        "keelmark": report.version,
        "started": report.started.isoformat(),
        "duration_s": round(report.duration_s, 3),
        "files": [_file(file) for file in report.files],
        "not_looked_at": [_gap(gap) for gap in report.gaps],
        "notes": [text_of(note) for note in report.notes],
    }


def _file(file: ScannedFile) -> dict[str, Any]:
    return {
        "path": name_of(file.path),
        "size": file.size,
        "sha256": file.digest or None,
        "state": str(file.state),
        "formats": [name_of(each) for each in file.formats],
        "findings": [_finding(finding) for finding in file.findings],
        "not_looked_at": [_gap(gap) for gap in file.gaps],
    }


def _finding(finding: ScanFinding) -> dict[str, Any]:
    hazard, vouched = finding.hazard, finding.clearance
    return {
        "technique": str(hazard.technique),
        "severity": str(finding.severity),
        "message": text_of(hazard.detail),
        "subject": name_of(hazard.subject),
        "member": name_of(hazard.member),
        "offset": hazard.offset,
        "code": text_of(hazard.code),
        "fix": text_of(finding.fix),
        "fingerprint": finding.fingerprint,
        "cleared": None
        if vouched is None
        else {
            "owner": text_of(vouched.owner),
            "reason": text_of(vouched.reason),
            "expires": vouched.expires.isoformat(),
        },
    }


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "path": name_of(gap.path),
        "reason": str(gap.reason),
        "detail": text_of(gap.detail),
        "matters": gap.matters,
    }

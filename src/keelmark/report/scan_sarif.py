"""A scan as SARIF 2.1.0: one result per finding; what was not looked at is a notification of the run."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from keelmark.report.json_report import written
from keelmark.report.sanitise import markdown, name, sentence, uri
from keelmark.report.sarif import gap_note, moment, plain
from keelmark.report.sarif_rules import LEVELS, SCORES, notification_descriptors, tag_of
from keelmark.report.scan_summary import exit_code_of, headline_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keelmark.core.facts import Technique
    from keelmark.core.scan import ScanFinding, ScannedFile, ScanReport, TechniqueCard

__all__ = ["document", "render"]

_ROOT = "SRCROOT"
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(report: ScanReport, /, *, cards: Mapping[Technique, TechniqueCard]) -> str:
    """The log as text; `cards` describes every technique."""
    return written(document(report, cards=cards))


def document(report: ScanReport, *, cards: Mapping[Technique, TechniqueCard]) -> dict[str, Any]:
    """The log as plain values."""
    techniques = list(cards.values())
    index = {card.technique: place for place, card in enumerate(techniques)}
    head = headline_of(report)
    run = {
        "tool": {
            "driver": {
                "name": "Keelmark scan",
                "semanticVersion": report.version,
                "rules": [_rule(card) for card in techniques],
                "notifications": notification_descriptors(),
            }
        },
        "invocations": [_invocation(report)],
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The folder that was scanned."}}},
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(file, finding, index[finding.hazard.technique])
            for file in report.files
            for finding in file.findings
        ],
        "properties": {"keelmark": {"headline": f"{head.words}: {head.sentence}"}},
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(card: TechniqueCard) -> dict[str, Any]:
    properties: dict[str, Any] = {"tags": ["security", *(tag_of(tag) for tag in card.tags)]}
    if card.severity in SCORES:
        properties["security-severity"] = SCORES[card.severity]
    pretty = (
        f"**{markdown(card.title)}**\n\n{markdown(card.what)}\n\n{markdown(card.why)}\n\n{markdown(card.fix)}"
    )
    return {
        "id": str(card.technique),
        "shortDescription": {"text": card.title},
        "fullDescription": {"text": f"{card.what} {card.why}"},
        "help": {"text": f"{card.what} {card.why} {card.fix}", "markdown": pretty},
        "defaultConfiguration": {"level": LEVELS.get(card.severity, "note")},
        "properties": properties,
    }


def _result(file: ScannedFile, finding: ScanFinding, rule_index: int) -> dict[str, Any]:
    hazard = finding.hazard
    does = f" It would run: {sentence(hazard.code)}" if hazard.code else ""
    message = f"{sentence(hazard.detail)}{does} {sentence(finding.fix)}"
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri(file.path), "uriBaseId": _ROOT}}
    # An artefact has bytes, no lines; services insist on a line. The byte counts in the member, when there is one.
    physical["region"] = {"startLine": 1}
    if hazard.offset is not None and not hazard.member:
        physical["region"] = {"startLine": 1, "byteOffset": hazard.offset, "byteLength": 1}
    location: dict[str, Any] = {"physicalLocation": physical}
    if hazard.member:
        location["logicalLocations"] = [{"name": name(hazard.member), "kind": "member"}]
    return {
        "ruleId": str(hazard.technique),
        "ruleIndex": rule_index,
        "kind": "fail",
        "level": _level(finding),
        "message": {"text": plain(message)},
        "locations": [location],
        "partialFingerprints": {"keelmark/v1": finding.fingerprint},
        "properties": {"severity": str(finding.severity), "subject": name(hazard.subject)},
        "suppressions": [_suppression(finding)] if finding.clearance is not None else [],
    }


def _level(finding: ScanFinding) -> str:
    return LEVELS.get(finding.severity, "note")


def _suppression(finding: ScanFinding) -> dict[str, Any]:
    assert finding.clearance is not None
    vouched = finding.clearance
    return {
        "kind": "external",
        "status": "accepted",
        "justification": sentence(f"{vouched.reason} ({vouched.owner}, until {vouched.expires.isoformat()})"),
    }


def _invocation(report: ScanReport) -> dict[str, Any]:
    ended = report.started + timedelta(seconds=max(0.0, report.duration_s))
    gaps = [gap for file in report.files for gap in file.gaps] + list(report.gaps)
    return {
        "executionSuccessful": not report.is_interrupted,
        "exitCode": exit_code_of(report),
        "exitCodeDescription": str(report.state),
        "startTimeUtc": moment(report.started.isoformat(timespec="milliseconds")),
        "endTimeUtc": moment(ended.isoformat(timespec="milliseconds")),
        "toolExecutionNotifications": [gap_note(gap) for gap in gaps],
    }

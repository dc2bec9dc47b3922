"""SARIF 2.1.0 for code scanning services and editors.

By default only failures become results. Services that read SARIF show every result as a problem, whatever its `kind`
says, so passes would raise false alarms; ask for the other outcomes by name where the reader understands them. What
could not be settled or looked at is never dropped: it is told as a notification of the run, and all outcomes are
counted in its properties. Every result has a place, because some services refuse a whole file for one that has none.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import re2

from keelmark.core.outcome import Outcome, Severity
from keelmark.report.json_report import written
from keelmark.report.reasons import blocking_of, exit_code, in_order, is_blocking
from keelmark.report.sanitise import name, sentence, uri
from keelmark.report.sarif_rules import descriptor, notification_descriptors, notification_id
from keelmark.report.summary import headline, message_with_fix
from keelmark.version import __version__

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from keelmark.core.assessment import Assessment
    from keelmark.core.catalogue import Catalogue
    from keelmark.core.facts import Gap
    from keelmark.core.finding import Card, Finding
    from keelmark.core.location import Location

__all__ = ["document", "gap_note", "moment", "plain", "render"]

_ROOT = "SRCROOT"
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# A finding about the project as a whole is shown where a person would answer it.
_WHOLE_PROJECT = "keelmark.yaml"

_KINDS = {
    Outcome.PASS: "pass",
    Outcome.FAIL: "fail",
    Outcome.NOT_APPLICABLE: "notApplicable",
    Outcome.UNKNOWN: "open",
}
_UNKNOWN_ID = "unknown"
_PLACEHOLDER = re2.compile(r"\{(\d+)\}")


def render(
    assessment: Assessment,
    /,
    *,
    catalogue: Catalogue,
    cards: Mapping[str, Card],
    outcomes: Collection[Outcome] = frozenset({Outcome.FAIL}),
) -> str:
    """The log as text; `outcomes` says which findings become results."""
    return written(document(assessment, catalogue=catalogue, cards=cards, outcomes=outcomes))


def document(
    assessment: Assessment,
    *,
    catalogue: Catalogue,
    cards: Mapping[str, Card],
    outcomes: Collection[Outcome] = frozenset({Outcome.FAIL}),
) -> dict[str, Any]:
    """The log as plain values."""
    blocking = blocking_of(assessment)
    findings = [each for each in in_order(assessment.findings, blocking) if each.outcome in outcomes]
    rules = sorted({finding.rule for finding in assessment.findings})
    rule_index = {rule: index for index, rule in enumerate(rules)}
    artifacts, artifact_index = _artifacts(findings, assessment)
    run = {
        "tool": {
            "driver": {
                "name": "Keelmark",
                "semanticVersion": __version__,
                "rules": [descriptor(rule, cards=cards, catalogue=catalogue) for rule in rules],
                "notifications": notification_descriptors(),
            }
        },
        "automationDetails": {"id": f"keelmark/{uri(assessment.id)}"},
        "invocations": [_invocation(assessment, unsettled=Outcome.UNKNOWN not in outcomes)],
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The assessed folder."}}},
        "columnKind": "unicodeCodePoints",
        "artifacts": artifacts,
        "results": [
            _result(finding, assessment, rule_index, artifact_index, blocks=is_blocking(finding, blocking))
            for finding in findings
        ],
        "properties": _properties(assessment),
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _properties(assessment: Assessment) -> dict[str, Any]:
    head = headline(assessment)
    outcomes = dict.fromkeys(map(str, Outcome), 0)
    for finding in assessment.findings:
        outcomes[str(finding.outcome)] += 1
    return {
        "keelmark": {
            "headline": f"{head.words}: {head.sentence}",
            "system": name(assessment.system),
            "treeDigest": name(assessment.tree_digest),
            "profile": name(assessment.decision.profile),
            "outcomes": outcomes,
        }
    }


def _result(
    finding: Finding,
    assessment: Assessment,
    rule_index: Mapping[str, int],
    artifact_index: Mapping[str, int],
    *,
    blocks: bool,
) -> dict[str, Any]:
    locations = [_location(each, artifact_index) for each in finding.locations]
    result: dict[str, Any] = {
        "ruleId": name(finding.rule),
        "ruleIndex": rule_index[finding.rule],
        "kind": _KINDS[finding.outcome],
        "level": _level(finding, blocks=blocks),
        "message": {"text": plain(sentence(message_with_fix(finding), limit=2_000))},
        "locations": locations[:1] or [_whole_project(artifact_index)],
        "partialFingerprints": {"keelmark/v1": name(finding.fingerprint)},
        "properties": {
            "severity": str(finding.severity),
            "confidence": str(finding.confidence),
            "blocking": blocks,
            "recommendations": list(finding.recommendations),
        },
    }
    if locations[1:]:
        result["relatedLocations"] = [
            {**each, "id": number} for number, each in enumerate(locations[1:], start=1)
        ]
    state = _baseline_state(finding, assessment)
    if state:
        result["baselineState"] = state
    # An empty list says that suppressions are known and that there is none.
    result["suppressions"] = [_suppression(finding)] if finding.waiver is not None else []
    return result


def _level(finding: Finding, *, blocks: bool) -> str:
    if finding.outcome is not Outcome.FAIL:
        return "none"  # the standard asks for it wherever kind is not "fail"
    if blocks:
        return "error"
    return "warning" if finding.severity.weight >= Severity.MEDIUM.weight else "note"


def _baseline_state(finding: Finding, assessment: Assessment) -> str:
    if assessment.comparison is None or finding.outcome is not Outcome.FAIL:
        return ""
    return "new" if finding.fingerprint in assessment.comparison.new else "unchanged"


def _suppression(finding: Finding) -> dict[str, Any]:
    assert finding.waiver is not None
    waiver = finding.waiver
    return {
        "kind": "external",
        "status": "accepted",
        "justification": sentence(f"{waiver.reason} ({waiver.owner}, until {waiver.expires.isoformat()})"),
        "properties": {"owner": sentence(waiver.owner), "expires": waiver.expires.isoformat()},
    }


def plain(text: str) -> str:
    """A cleaned text as the words of a message."""
    # In a message `[text](target)` is a link and `{0}` a placeholder; foreign text must make neither.
    return str(_PLACEHOLDER.sub(r"{{\1}}", text.replace("](", "] (")))


def _place(path: str, artifact_index: Mapping[str, int]) -> dict[str, Any]:
    place: dict[str, Any] = {"uri": uri(path), "uriBaseId": _ROOT}
    if place["uri"] in artifact_index:
        place["index"] = artifact_index[place["uri"]]
    return place


def _location(location: Location, artifact_index: Mapping[str, int]) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": _place(location.path, artifact_index)}
    region = {"startLine": max(1, location.line)}
    if location.line and location.column:
        region["startColumn"] = location.column
    found: dict[str, Any] = {"physicalLocation": {**physical, "region": region}}
    if location.part:
        found["logicalLocations"] = [{"name": name(location.part), "kind": "member"}]
    return found


def _whole_project(artifact_index: Mapping[str, int]) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": _place(_WHOLE_PROJECT, artifact_index),
            "region": {"startLine": 1},
        },
        "message": {"text": "The finding is about the project as a whole."},
    }


def _artifacts(
    findings: list[Finding], assessment: Assessment
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    known = {uri(asset.path): asset for asset in assessment.inventory.assets if asset.path and not asset.line}
    cited = {uri(each.path) for finding in findings for each in finding.locations}
    artifacts: list[dict[str, Any]] = []
    index: dict[str, int] = {}
    for place in sorted(cited | set(known)):
        artifact: dict[str, Any] = {
            "location": {"uri": place, "uriBaseId": _ROOT},
            "roles": ["analysisTarget"],
        }
        asset = known.get(place)
        if asset is not None and asset.size is not None:
            artifact["length"] = asset.size
        algorithm, _, digest = asset.digest.partition(":") if asset is not None else ("", "", "")
        if algorithm == "sha256" and digest:
            artifact["hashes"] = {"sha-256": name(digest)}
        index[place] = len(artifacts)
        artifacts.append(artifact)
    return artifacts, index


def _invocation(assessment: Assessment, *, unsettled: bool) -> dict[str, Any]:
    ended = assessment.started + timedelta(seconds=max(0.0, assessment.duration_s))
    notes = [
        gap_note(gap) for gap in sorted(assessment.gaps, key=lambda gap: (gap.path, gap.line, gap.reason))
    ]
    if unsettled:
        unknown = [finding for finding in assessment.findings if finding.outcome is Outcome.UNKNOWN]
        notes += [_unknown_note(finding) for finding in in_order(unknown, frozenset())]
    return {
        "executionSuccessful": not assessment.is_interrupted,
        "exitCode": exit_code(assessment),
        "startTimeUtc": moment(assessment.started.isoformat(timespec="milliseconds")),
        "endTimeUtc": moment(ended.isoformat(timespec="milliseconds")),
        "toolExecutionNotifications": notes,
    }


def moment(text: str) -> str:
    """A time of UTC as the standard writes it."""
    return text.replace("+00:00", "Z")


def gap_note(gap: Gap) -> dict[str, Any]:
    """The notification of something that was not looked at."""
    detail = f": {sentence(gap.detail)}" if gap.detail else ""
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri(gap.path), "uriBaseId": _ROOT}}
    if gap.line:
        physical["region"] = {"startLine": gap.line}
    return {
        "descriptor": {"id": notification_id(gap.reason)},
        "level": "warning" if gap.matters else "note",
        "message": {"text": plain(f"Not looked at: {name(gap.path)}: {gap.reason}{detail}")},
        "locations": [{"physicalLocation": physical}],
    }


def _unknown_note(finding: Finding) -> dict[str, Any]:
    return {
        "descriptor": {"id": _UNKNOWN_ID},
        "associatedRule": {"id": name(finding.rule)},
        "level": "warning",
        "message": {"text": plain(f"Unknown: {sentence(finding.message) or name(finding.rule)}")},
    }

"""The assessment for programs: a JSON document that follows `schema/assessment-1.0.json`.

Within version 1 keys are only added, never renamed, removed or given another meaning. The order of everything is
fixed by the content, so two runs over the same folder differ only in `run`, `started` and `duration_s`. All text is
cleaned, and written in ASCII.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from keelmark.core.outcome import Area, Status
from keelmark.report.json_text import name_of, text_of, written
from keelmark.report.reasons import blocking_of, exit_code, in_order, is_blocking, reasons, title_of
from keelmark.report.summary import headline, tally_of_area
from keelmark.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keelmark.core.assessment import Assessment, Comparison
    from keelmark.core.asset import Asset
    from keelmark.core.catalogue import Catalogue
    from keelmark.core.decision import Standing
    from keelmark.core.facts import Gap
    from keelmark.core.finding import Card, Finding
    from keelmark.core.location import Location
    from keelmark.report.reasons import Reason

__all__ = ["SCHEMA_VERSION", "document", "render", "schema", "written"]

SCHEMA_VERSION = "1.0"


def render(assessment: Assessment, /, *, catalogue: Catalogue, cards: Mapping[str, Card]) -> str:
    """The document as text."""
    return written(document(assessment, catalogue=catalogue, cards=cards))


def schema() -> dict[str, Any]:
    """The published JSON Schema of the document."""
    text = (
        resources.files("keelmark.report")
        .joinpath(f"schema/assessment-{SCHEMA_VERSION}.json")
        .read_text("utf-8")
    )
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def document(assessment: Assessment, *, catalogue: Catalogue, cards: Mapping[str, Card]) -> dict[str, Any]:
    """The document as plain values."""
    blocking = blocking_of(assessment)
    ordered = in_order(assessment.findings, blocking)
    top = reasons(assessment, catalogue=catalogue, cards=cards)
    head = headline(assessment)
    return {
        "schema": SCHEMA_VERSION,
        # Only some files, or a run that was stopped: there is no verdict on the project.
        "verdict": None if _has_no_verdict(assessment) else str(assessment.decision.verdict),
        "exit_code": exit_code(assessment),
        "headline": text_of(f"{head.words}: {head.sentence}"),
        "partial": assessment.is_partial,
        "interrupted": assessment.is_interrupted,
        "only_new": assessment.only_new,
        "keelmark": __version__,
        "guidelines": text_of(catalogue.version),
        "run": name_of(assessment.id),
        "started": assessment.started.isoformat(),
        "duration_s": round(assessment.duration_s, 3),
        "today": assessment.today.isoformat(),
        "target": name_of(assessment.target),
        "system": name_of(assessment.system),
        "version": name_of(assessment.version),
        "profile": name_of(assessment.decision.profile),
        "critical": assessment.decision.is_critical,
        "tree_digest": name_of(assessment.tree_digest),
        "reasons": [_reason(reason) for reason in top],
        "findings": [_finding(finding, cards, blocks=is_blocking(finding, blocking)) for finding in ordered],
        "assets": [_asset(asset) for asset in assessment.inventory.assets],
        "absent": [
            {"what": text_of(each.what), "looked_for": text_of(each.looked_for)}
            for each in assessment.inventory.absent
        ],
        "traits": [name_of(trait) for trait in assessment.inventory.traits],
        "not_looked_at": [_gap(gap) for gap in sorted(assessment.gaps, key=_gap_order)],
        "coverage": _coverage(assessment, catalogue),
        "comparison": _comparison(assessment.comparison),
        "settings": [
            {"name": name_of(each.name), "value": text_of(each.value), "origin": text_of(each.origin)}
            for each in assessment.settings
        ],
    }


def _has_no_verdict(assessment: Assessment) -> bool:
    return assessment.is_partial or assessment.is_interrupted


def _reason(reason: Reason) -> dict[str, Any]:
    return {
        "id": name_of(reason.id),
        "what": text_of(reason.what),
        "fix": text_of(reason.fix),
        "location": _location(reason.location) if reason.location is not None else None,
        "severity": str(reason.severity) if reason.severity is not None else None,
        "blocking": reason.is_blocking,
        "item": name_of(reason.recommendation),
    }


def _location(location: Location) -> dict[str, Any]:
    return {
        "path": name_of(location.path),
        "line": location.line,
        "column": location.column,
        "part": name_of(location.part),
    }


def _finding(finding: Finding, cards: Mapping[str, Card], *, blocks: bool) -> dict[str, Any]:
    card = cards.get(finding.rule)
    waiver = finding.waiver
    return {
        "rule": name_of(finding.rule),
        "title": text_of(title_of(finding.rule, cards)),
        "outcome": str(finding.outcome),
        "severity": str(finding.severity),
        "confidence": str(finding.confidence),
        "items": [name_of(each) for each in finding.recommendations],
        "message": text_of(finding.message),
        "locations": [_location(each) for each in finding.locations],
        "fix": text_of(finding.fix),
        "subject": name_of(finding.subject),
        "fingerprint": name_of(finding.fingerprint),
        "blocking": blocks,
        "evidence": [{"name": name_of(key), "value": text_of(value)} for key, value in finding.evidence],
        "waiver": None
        if waiver is None
        else {
            "reason": text_of(waiver.reason),
            "owner": text_of(waiver.owner),
            "expires": waiver.expires.isoformat(),
        },
        "tags": [name_of(tag) for tag in card.tags] if card is not None else [],
    }


def _asset(asset: Asset) -> dict[str, Any]:
    return {
        "kind": str(asset.kind),
        "name": name_of(asset.name),
        "path": name_of(asset.path),
        "line": asset.line,
        "format": name_of(asset.format),
        "size": asset.size,
        "digest": name_of(asset.digest),
        "present": asset.is_present,
        "detail": {name_of(key): text_of(value) for key, value in asset.detail},
    }


def _gap_order(gap: Gap) -> tuple[object, ...]:
    return (gap.path, gap.line, gap.reason, gap.detail)


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "path": name_of(gap.path),
        "line": gap.line,
        "reason": str(gap.reason),
        "detail": text_of(gap.detail),
        "matters": gap.matters,
    }


def _coverage(assessment: Assessment, catalogue: Catalogue) -> dict[str, Any]:
    coverage = assessment.coverage
    return {
        "files": coverage.files,
        "read": coverage.read,
        "cached": coverage.cached,
        "opaque": [{"suffix": name_of(suffix), "files": number} for suffix, number in coverage.opaque],
        "bytes": coverage.bytes,
        "rules": coverage.rules,
        "areas": [_area(assessment, catalogue, area) for area in (*Area, None)],
        "recommendations": [_standing(row, catalogue) for row in assessment.decision.standings],
    }


def _area(assessment: Assessment, catalogue: Catalogue, area: Area | None) -> dict[str, Any]:
    tally = tally_of_area(assessment, catalogue, area)
    totals = {str(status).replace("-", "_"): tally.of(status) for status in Status}
    return {"area": str(area) if area else None, "total": tally.total, **totals}


def _standing(row: Standing, catalogue: Catalogue) -> dict[str, Any]:
    known = catalogue.by_id.get(row.recommendation)
    area = catalogue.area_of(row.recommendation)
    return {
        "id": name_of(row.recommendation),
        "item": known.item if known else "",
        "area": str(area) if area else None,
        "status": str(row.status),
        "gate": str(row.gate),
        "mandatory": row.is_mandatory,
        "reason": text_of(row.reason),
        "rules": [name_of(rule) for rule in row.rules],
    }


def _comparison(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    return {
        "source": name_of(comparison.source),
        "new": [name_of(each) for each in sorted(comparison.new)],
        "known": [name_of(each) for each in sorted(comparison.known)],
        "gone": [name_of(each) for each in sorted(comparison.gone)],
    }

"""The assessment for programs: a JSON document that follows `schema/assessment-1.0.json`.

Within version 1 keys are only added, never renamed, removed or given another meaning. The order of everything is
fixed by the content, so two runs over the same folder differ only in `run`, `started` and `duration_s`. All text is
cleaned, and written in ASCII.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from keelmark import __version__
from keelmark.core.outcome import Area, Status
from keelmark.report.reasons import blocking_of, exit_code, in_order, is_blocking, reasons, title_of
from keelmark.report.sanitise import Bounds, name, sentence
from keelmark.report.summary import headline, tally_of_area

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

# Programs want whole paths and messages; the bounds only keep one hostile file from filling the disk.
_BOUNDS = Bounds(sentence=4_000, name=4_096)


def render(assessment: Assessment, /, *, catalogue: Catalogue, cards: Mapping[str, Card]) -> str:
    """The document as text."""
    return written(document(assessment, catalogue=catalogue, cards=cards))


def written(value: object) -> str:
    """JSON in ASCII, indented; no line of it can be read as a command by a CI system."""
    return json.dumps(value, ensure_ascii=True, indent=2).replace("##[", "#\\u0023[") + "\n"


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
        "headline": _text(f"{head.words}: {head.sentence}"),
        "partial": assessment.is_partial,
        "interrupted": assessment.is_interrupted,
        "only_new": assessment.only_new,
        "keelmark": __version__,
        "guidelines": _text(catalogue.version),
        "run": _name(assessment.id),
        "started": assessment.started.isoformat(),
        "duration_s": round(assessment.duration_s, 3),
        "today": assessment.today.isoformat(),
        "target": _name(assessment.target),
        "system": _name(assessment.system),
        "version": _name(assessment.version),
        "profile": _name(assessment.decision.profile),
        "critical": assessment.decision.is_critical,
        "tree_digest": _name(assessment.tree_digest),
        "reasons": [_reason(reason) for reason in top],
        "findings": [_finding(finding, cards, blocks=is_blocking(finding, blocking)) for finding in ordered],
        "assets": [_asset(asset) for asset in assessment.inventory.assets],
        "absent": [
            {"what": _text(each.what), "looked_for": _text(each.looked_for)}
            for each in assessment.inventory.absent
        ],
        "traits": [_name(trait) for trait in assessment.inventory.traits],
        "not_looked_at": [_gap(gap) for gap in sorted(assessment.gaps, key=_gap_order)],
        "coverage": _coverage(assessment, catalogue),
        "comparison": _comparison(assessment.comparison),
        "settings": [
            {"name": _name(each.name), "value": _text(each.value), "origin": _text(each.origin)}
            for each in assessment.settings
        ],
    }


def _has_no_verdict(assessment: Assessment) -> bool:
    return assessment.is_partial or assessment.is_interrupted


def _text(value: str) -> str:
    return sentence(value, limit=_BOUNDS.sentence)


def _name(value: str) -> str:
    return name(value, limit=_BOUNDS.name)


def _reason(reason: Reason) -> dict[str, Any]:
    return {
        "id": _name(reason.id),
        "what": _text(reason.what),
        "fix": _text(reason.fix),
        "location": _location(reason.location) if reason.location is not None else None,
        "severity": str(reason.severity) if reason.severity is not None else None,
        "blocking": reason.is_blocking,
        "item": _name(reason.recommendation),
    }


def _location(location: Location) -> dict[str, Any]:
    return {
        "path": _name(location.path),
        "line": location.line,
        "column": location.column,
        "part": _name(location.part),
    }


def _finding(finding: Finding, cards: Mapping[str, Card], *, blocks: bool) -> dict[str, Any]:
    card = cards.get(finding.rule)
    waiver = finding.waiver
    return {
        "rule": _name(finding.rule),
        "title": _text(title_of(finding.rule, cards)),
        "outcome": str(finding.outcome),
        "severity": str(finding.severity),
        "confidence": str(finding.confidence),
        "items": [_name(each) for each in finding.recommendations],
        "message": _text(finding.message),
        "locations": [_location(each) for each in finding.locations],
        "fix": _text(finding.fix),
        "subject": _name(finding.subject),
        "fingerprint": _name(finding.fingerprint),
        "blocking": blocks,
        "evidence": [{"name": _name(key), "value": _text(value)} for key, value in finding.evidence],
        "waiver": None
        if waiver is None
        else {
            "reason": _text(waiver.reason),
            "owner": _text(waiver.owner),
            "expires": waiver.expires.isoformat(),
        },
        "tags": [_name(tag) for tag in card.tags] if card is not None else [],
    }


def _asset(asset: Asset) -> dict[str, Any]:
    return {
        "kind": str(asset.kind),
        "name": _name(asset.name),
        "path": _name(asset.path),
        "line": asset.line,
        "format": _name(asset.format),
        "size": asset.size,
        "digest": _name(asset.digest),
        "present": asset.is_present,
        "detail": {_name(key): _text(value) for key, value in asset.detail},
    }


def _gap_order(gap: Gap) -> tuple[object, ...]:
    return (gap.path, gap.line, gap.reason, gap.detail)


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "path": _name(gap.path),
        "line": gap.line,
        "reason": str(gap.reason),
        "detail": _text(gap.detail),
        "matters": gap.matters,
    }


def _coverage(assessment: Assessment, catalogue: Catalogue) -> dict[str, Any]:
    coverage = assessment.coverage
    return {
        "files": coverage.files,
        "read": coverage.read,
        "cached": coverage.cached,
        "opaque": [{"suffix": _name(suffix), "files": number} for suffix, number in coverage.opaque],
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
        "id": _name(row.recommendation),
        "item": known.item if known else "",
        "area": str(area) if area else None,
        "status": str(row.status),
        "gate": str(row.gate),
        "mandatory": row.is_mandatory,
        "reason": _text(row.reason),
        "rules": [_name(rule) for rule in row.rules],
    }


def _comparison(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    return {
        "source": _name(comparison.source),
        "new": [_name(each) for each in sorted(comparison.new)],
        "known": [_name(each) for each in sorted(comparison.known)],
        "gone": [_name(each) for each in sorted(comparison.gone)],
    }

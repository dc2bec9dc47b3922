"""A threat analysis for programs: a JSON document that follows `schema/threats-1.0.json`.

Within version 1 keys are only added, never renamed, removed or given another meaning. All text is cleaned, and written in
ASCII.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib import resources
from typing import TYPE_CHECKING, Any

from keelmark.report.json_text import name_of, text_of, written
from keelmark.report.threats_summary import exit_code_of, headline_of, weightiest_first
from keelmark.version import __version__

if TYPE_CHECKING:
    from keelmark.core.location import Location
    from keelmark.core.system_model import Element, Link, SystemModel
    from keelmark.core.threats import (
        Analysis,
        ApplicableThreat,
        Beyond,
        RiskFigures,
        ScenarioResult,
        ThreatPath,
    )

__all__ = ["SCHEMA_VERSION", "document", "render", "schema"]

SCHEMA_VERSION = "1.0"


def render(analysis: Analysis, /) -> str:
    """The document as text."""
    return written(document(analysis))


def schema() -> dict[str, Any]:
    """The published JSON Schema of the document."""
    file = resources.files("keelmark.report").joinpath(f"schema/threats-{SCHEMA_VERSION}.json")
    parsed: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return parsed


def document(analysis: Analysis) -> dict[str, Any]:
    """The document as plain values."""
    head = headline_of(analysis)
    return {
        "schema": SCHEMA_VERSION,
        "exit_code": exit_code_of(analysis),
        "headline": f"{head.words}: {text_of(head.sentence)}",
        "keelmark": __version__,
        "digest": name_of(analysis.digest),
        "system": _system(analysis.model),
        "threats": [_threat(each) for each in weightiest_first(analysis)],
        "not_applicable": [
            {"threat": name_of(threat), "reason": text_of(why)} for threat, why in analysis.not_applicable
        ],
        "discrepancies": [
            {
                "what": name_of(each.what),
                "subject": name_of(each.subject),
                "declared": each.is_declared,
                "message": text_of(each.text),
            }
            for each in analysis.discrepancies
        ],
        "envelope": [_beyond(each) for each in analysis.envelope],
        "scenarios": [_scenario(each) for each in analysis.scenarios],
        "risk": None if analysis.risk is None else _risk(analysis.risk),
        "library": [
            {"source": name_of(source), "version": name_of(version), "date": name_of(date)}
            for source, version, date in analysis.library
        ],
        "not_looked_at": [
            *(text_of(each) for each in analysis.model.unseen),
            *(text_of(f"{gap.path}: {gap.detail or gap.reason}") for gap in analysis.gaps),
        ],
    }


def _system(model: SystemModel) -> dict[str, Any]:
    return {
        "name": name_of(model.name),
        "elements": [_element(each) for each in model.elements],
        "flows": [_link(each) for each in model.links],
        "boundaries": [
            {"id": name_of(each.id), "title": text_of(each.title), "owner": text_of(each.owner)}
            for each in model.boundaries
        ],
        "assets": [
            {
                "id": name_of(each.id),
                "where": [name_of(place) for place in each.where],
                "owner": text_of(each.owner),
                "sensitivity": str(each.sensitivity),
                "value": each.value,
            }
            for each in model.assets
        ],
        "attackers": [
            {
                "id": name_of(each.id),
                "skill": str(each.skill),
                "budget": each.budget,
                "automated": each.automated,
            }
            for each in model.attackers
        ],
        "size": asdict(model.size),
    }


def _element(element: Element) -> dict[str, Any]:
    return {
        "id": name_of(element.id),
        "kind": str(element.kind),
        "name": name_of(element.name),
        "origin": str(element.origin),
        "boundary": name_of(element.boundary),
        "supplier": name_of(element.supplier),
        "owner": text_of(element.owner),
        "effect": None if element.effect is None else str(element.effect),
        "approval": element.has_approval,
        "executes": element.executes,
        "authenticated": element.is_authenticated,
        "limited": element.is_limited,
        "shared": element.is_shared,
        "pinned": element.is_pinned,
        "trained": element.is_trained,
        "data_classes": [name_of(each) for each in element.data_classes],
        "at": _place(element.at),
    }


def _link(link: Link) -> dict[str, Any]:
    return {
        "from": name_of(link.source),
        "to": name_of(link.target),
        "carries": text_of(link.carries),
        "trust": str(link.trust),
        "origin": str(link.origin),
        "sink": name_of(link.sink),
        "cleaned_by": text_of(link.cleaned_by),
        "data_classes": [name_of(each) for each in link.data_classes],
        "at": _place(link.at),
    }


def _threat(applicable: ApplicableThreat) -> dict[str, Any]:
    threat, disposition = applicable.threat, applicable.disposition
    return {
        "id": name_of(threat.id),
        "title": text_of(threat.title),
        "severity": str(threat.severity),
        "state": str(applicable.state),
        "because": text_of(applicable.because),
        "horizon": str(threat.horizon),
        "paths": [_path(each) for each in applicable.paths],
        "more_paths": applicable.more_paths,
        "controls": [
            {
                "title": text_of(each.control.title),
                "recommendations": [name_of(row) for row in each.control.recommendations],
                "state": str(each.state),
                "because": text_of(each.because),
            }
            for each in applicable.controls
        ],
        "disposition": None
        if disposition is None
        else {
            "treatment": str(disposition.treatment),
            "reason": text_of(disposition.reason),
            "owner": text_of(disposition.owner),
            "expires": disposition.expires.isoformat() if disposition.expires else None,
        },
        "techniques": [name_of(each) for each in threat.techniques],
        "tags": [name_of(each) for each in threat.tags],
        "fix": text_of(threat.fix),
    }


def _path(path: ThreatPath) -> dict[str, Any]:
    return {
        "elements": [name_of(each.id) for each in path.elements],
        "carries": [text_of(each.carries) for each in path.links],
        "assumes": [text_of(each) for each in path.assumes],
    }


def _beyond(beyond: Beyond) -> dict[str, Any]:
    return {
        "dimension": name_of(beyond.dimension),
        "now": beyond.now,
        "limit": beyond.limit,
        "tried": beyond.tried,
        "threats": [name_of(each) for each in beyond.threats],
        "because": text_of(beyond.because),
    }


def _scenario(scenario: ScenarioResult) -> dict[str, Any]:
    return {
        "name": text_of(scenario.name),
        "size": asdict(scenario.size),
        "appearing": [name_of(each) for each in scenario.appearing],
        "worsening": [name_of(each) for each in scenario.worsening],
        "risk": None if scenario.risk is None else _risk(scenario.risk),
    }


def _risk(risk: RiskFigures) -> dict[str, Any]:
    return {
        "total": asdict(risk.total),
        "by_threat": [{"threat": name_of(threat), **asdict(loss)} for threat, loss in risk.by_threat],
        "not_estimated": [name_of(each) for each in risk.not_estimated],
        "exceeds": [name_of(each) for each in risk.exceeds],
        "years": risk.years,
        "seed": risk.seed,
    }


def _place(at: Location | None) -> str | None:
    return None if at is None else name_of(str(at))

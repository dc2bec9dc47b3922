"""The system and its threats in the Open Threat Model format, for other tools of threat modelling.

Source of the form: Open Threat Model (OTM) 0.2.0, https://github.com/iriusrisk/OpenThreatModel. OTM has no word for a threat that
applies by a path, so that each threat is stated at the element where the path ends, and its path in its description.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import re2

from keelmark.core.outcome import Severity
from keelmark.core.threats import ControlState, ThreatState
from keelmark.report.json_report import written
from keelmark.report.sanitise import name, sentence
from keelmark.report.threats_summary import path_text, weightiest_first

if TYPE_CHECKING:
    from keelmark.core.system_model import Element, Link
    from keelmark.core.threats import Analysis, ApplicableThreat

__all__ = ["OTM_VERSION", "document", "render"]

OTM_VERSION = "0.2.0"
_OUTSIDE = "outside"
_MAX_SENTENCE = 4_000
_NOT_IN_ID = re2.compile(r"[^A-Za-z0-9._-]+")
_RATINGS = {
    Severity.CRITICAL: 100,
    Severity.HIGH: 75,
    Severity.MEDIUM: 50,
    Severity.LOW: 25,
    Severity.INFO: 0,
}
_STATES = {
    ThreatState.OPEN: "exposed",
    ThreatState.UNKNOWN: "exposed",
    ThreatState.MITIGATED: "mitigated",
    ThreatState.ACCEPTED: "accept",
    ThreatState.TRANSFERRED: "transfer",
    ThreatState.AVOIDED: "avoid",
}
_CONTROLS = {ControlState.PROVEN: "implemented", ControlState.NOT_APPLICABLE: "rejected"}


def render(analysis: Analysis, /) -> str:
    """The document as text."""
    return written(document(analysis))


def document(analysis: Analysis) -> dict[str, Any]:
    """The document as plain values."""
    model = analysis.model
    at: dict[str, list[dict[str, Any]]] = {}
    mitigations: dict[str, dict[str, Any]] = {}
    for applicable in weightiest_first(analysis):
        for path in applicable.paths[:1]:
            at.setdefault(path.elements[-1].id, []).append(_placed(applicable))
        for each in applicable.controls:
            identity = _id(each.control.title)
            mitigations.setdefault(
                identity,
                {
                    "id": identity,
                    "name": _text(each.control.title),
                    "description": _text(", ".join(each.control.recommendations)),
                    "riskReduction": round(100 * each.control.strength),
                },
            )
    zones: list[dict[str, Any]] = [
        {"id": _OUTSIDE, "name": "outside of every declared boundary", "risk": {"trustRating": 0}}
    ]
    zones += [
        {"id": _id(each.id), "name": _text(each.title or each.id), "risk": {"trustRating": 50}}
        for each in model.boundaries
    ]
    return {
        "otmVersion": OTM_VERSION,
        "project": {
            "id": _id(model.name),
            "name": _text(model.name),
            "description": "written by keelmark threats",
        },
        "assets": [
            {
                "id": _id(each.id),
                "name": _text(each.id),
                "description": _text(f"{each.sensitivity}; owner: {each.owner}"),
                "risk": {"confidentiality": 100, "integrity": 100, "availability": 50},
            }
            for each in model.assets
        ],
        "trustZones": zones,
        "components": [
            _component(each, {zone["id"] for zone in zones}, at.get(each.id, [])) for each in model.elements
        ],
        "dataflows": [_flow(index, each) for index, each in enumerate(model.links)],
        "threats": [_threat(each) for each in weightiest_first(analysis)],
        "mitigations": list(mitigations.values()),
    }


def _component(element: Element, zones: set[str], threats: list[dict[str, Any]]) -> dict[str, Any]:
    zone = _id(element.boundary) if element.boundary else _OUTSIDE
    component: dict[str, Any] = {
        "id": _id(element.id),
        "name": _text(element.name),
        "type": str(element.kind),
        "description": _text(element.description),
        "parent": {"trustZone": zone if zone in zones else _OUTSIDE},
        "tags": [str(element.origin), *(_text(each) for each in element.data_classes)],
    }
    if threats:
        component["threats"] = threats
    return component


def _flow(index: int, link: Link) -> dict[str, Any]:
    return {
        "id": f"flow-{index}",
        "name": _text(link.carries or f"{link.source} to {link.target}"),
        "source": _id(link.source),
        "destination": _id(link.target),
        "tags": [str(link.trust), *([_text(link.sink)] if link.sink else [])],
    }


def _placed(applicable: ApplicableThreat) -> dict[str, Any]:
    return {
        "threat": _id(applicable.threat.id),
        "state": _STATES[applicable.state],
        "mitigations": [
            {"mitigation": _id(each.control.title), "state": _CONTROLS.get(each.state, "required")}
            for each in applicable.controls
        ],
    }


def _threat(applicable: ApplicableThreat) -> dict[str, Any]:
    threat = applicable.threat
    paths = "; ".join(path_text(path) for path in applicable.paths)
    rating = _RATINGS[threat.severity]
    return {
        "id": _id(threat.id),
        "name": _text(threat.title),
        "categories": [_text(each) for each in threat.tags],
        "cwes": [],
        "description": _text(f"{threat.text} By: {paths}. {applicable.because}"),
        "risk": {
            "likelihood": rating,
            "impact": rating,
            "likelihoodComment": str(threat.horizon),
            "impactComment": "",
        },
    }


def _id(text: str) -> str:
    return _NOT_IN_ID.sub("-", name(text)).strip("-") or "unnamed"


def _text(text: str) -> str:
    return sentence(text, limit=_MAX_SENTENCE)

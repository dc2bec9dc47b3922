"""OSCAL assessment results, for the tools of auditors and authorities.

Source of the form: NIST OSCAL 1.1, layer Assessment Results (https://pages.nist.gov/OSCAL). Each finding becomes an
observation, each recommendation that applies becomes a finding over its observations, and each failure a risk. OSCAL knows
two states only: what is not known is `not-satisfied`, never satisfied, and says so; what does not apply is left out of the
reviewed controls by name. Identifiers follow from the content, so that the same run gives the same document.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from keelmark.core.outcome import Outcome, Status
from keelmark.report.json_text import text_or_unknown, written
from keelmark.report.reasons import blocking_of, in_order, is_blocking
from keelmark.report.sanitise import name, uri
from keelmark.report.sarif import moment
from keelmark.report.summary import headline
from keelmark.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keelmark.core.assessment import Assessment
    from keelmark.core.catalogue import Catalogue
    from keelmark.core.decision import Standing
    from keelmark.core.finding import Card, Finding

__all__ = ["OSCAL_VERSION", "document", "render"]

OSCAL_VERSION = "1.1.3"
# Of properties that OSCAL has no word for.
_NAMESPACE = "urn:keelmark:oscal"
_UUIDS = uuid.uuid5(uuid.NAMESPACE_URL, _NAMESPACE)

# (state, reason) of OSCAL for each status that applies.
_STATES = {
    Status.PASS: ("satisfied", "pass"),
    Status.ATTESTED: ("satisfied", "other"),
    Status.FAIL: ("not-satisfied", "fail"),
    Status.WAIVED: ("not-satisfied", "other"),
    Status.UNKNOWN: ("not-satisfied", "other"),
}


def render(assessment: Assessment, /, *, catalogue: Catalogue, cards: Mapping[str, Card]) -> str:
    """The document as text."""
    return written(document(assessment, catalogue=catalogue, cards=cards))


def document(assessment: Assessment, *, catalogue: Catalogue, cards: Mapping[str, Card]) -> dict[str, Any]:
    """The document as plain values."""
    plan = _uuid(assessment, "plan")
    return {
        "assessment-results": {
            "uuid": _uuid(assessment, "results"),
            "metadata": {
                "title": text_or_unknown(f"Assessment of {assessment.system}"),
                "last-modified": moment(assessment.started.isoformat()),
                "version": _token(assessment.id),
                "oscal-version": OSCAL_VERSION,
                "parties": [{"uuid": _uuid(assessment, "tool"), "type": "organization", "name": "Keelmark"}],
            },
            "import-ap": {"href": f"#{plan}", "remarks": "the catalogue of the guidelines is the plan"},
            "results": [_result(assessment, catalogue, cards)],
            "back-matter": {
                "resources": [
                    {
                        "uuid": plan,
                        "title": f"Guidelines for secure AI system development, catalogue {_token(catalogue.version)}",
                        "description": "What is assessed and how each recommendation is settled; ships with Keelmark.",
                    }
                ]
            },
        }
    }


def _result(assessment: Assessment, catalogue: Catalogue, cards: Mapping[str, Card]) -> dict[str, Any]:
    blocking = blocking_of(assessment)
    ordered = in_order(assessment.findings, blocking)
    head = headline(assessment)
    failures = [finding for finding in ordered if finding.outcome is Outcome.FAIL]
    result: dict[str, Any] = {
        "uuid": _uuid(assessment, "result"),
        "title": head.words,
        "description": text_or_unknown(head.sentence),
        "start": moment(assessment.started.isoformat()),
        "end": moment((assessment.started + timedelta(seconds=assessment.duration_s)).isoformat()),
        "props": _props(
            verdict=str(assessment.decision.verdict),
            profile=assessment.decision.profile,
            **{"tree-digest": assessment.tree_digest or "unknown", "keelmark-version": __version__},
        ),
        "reviewed-controls": _reviewed(assessment.decision.standings),
    }
    gaps = [
        text_or_unknown(f"not looked at: {gap.path}: {gap.detail or gap.reason}") for gap in assessment.gaps
    ]
    if gaps:
        result["remarks"] = "\n".join(gaps[:1_000])
    result["observations"] = [_observation(finding, assessment, cards) for finding in ordered]
    if failures:
        result["risks"] = [
            _risk(finding, assessment, cards, blocks=is_blocking(finding, blocking)) for finding in failures
        ]
    result["findings"] = _findings(assessment, catalogue, ordered)
    return {key: value for key, value in result.items() if value}


def _reviewed(standings: Iterable[Standing]) -> dict[str, Any]:
    applying = [each for each in standings if each.status is not Status.NOT_APPLICABLE]
    others = [each for each in standings if each.status is Status.NOT_APPLICABLE]
    selection: dict[str, Any] = {
        "description": "recommendations that apply; those that do not are excluded by id",
        "include-controls": [{"control-id": _token(each.recommendation)} for each in applying],
    }
    if others:
        selection["exclude-controls"] = [{"control-id": _token(each.recommendation)} for each in others]
    return {"control-selections": [selection]}


def _observation(finding: Finding, assessment: Assessment, cards: Mapping[str, Card]) -> dict[str, Any]:
    card = cards.get(finding.rule)
    text = f"{finding.message}. {finding.fix}" if finding.fix else finding.message
    observation: dict[str, Any] = {
        "uuid": _uuid(assessment, "observation", finding.fingerprint, finding.message),
        "title": text_or_unknown(card.title if card else finding.rule),
        "description": text_or_unknown(text),
        "props": _props(
            rule=finding.rule,
            outcome=str(finding.outcome),
            severity=str(finding.severity),
            confidence=str(finding.confidence),
            fingerprint=finding.fingerprint,
        ),
        "methods": ["EXAMINE"],
        "types": ["finding" if finding.outcome is Outcome.FAIL else "control-objective"],
        "origins": [{"actors": [{"type": "tool", "actor-uuid": _uuid(assessment, "tool")}]}],
        "collected": moment(assessment.started.isoformat()),
    }
    places = [
        {"href": uri(place.path), "description": text_or_unknown(f"at {place}")}
        for place in finding.locations
        if place.path
    ]
    if places:
        observation["relevant-evidence"] = places
    return observation


def _risk(
    finding: Finding, assessment: Assessment, cards: Mapping[str, Card], *, blocks: bool
) -> dict[str, Any]:
    card = cards.get(finding.rule)
    waiver = finding.waiver
    risk: dict[str, Any] = {
        "uuid": _uuid(assessment, "risk", finding.fingerprint, finding.message),
        "title": text_or_unknown(card.title if card else finding.rule),
        "description": text_or_unknown(finding.message),
        "statement": text_or_unknown(finding.fix or finding.message),
        "props": _props(severity=str(finding.severity), blocks="yes" if blocks else "no"),
        "status": "deviation-approved" if waiver else "open",
        "related-observations": [
            {"observation-uuid": _uuid(assessment, "observation", finding.fingerprint, finding.message)}
        ],
    }
    if waiver:
        risk["deadline"] = f"{waiver.expires.isoformat()}T00:00:00Z"
        risk["remediations"] = [
            {
                "uuid": _uuid(assessment, "waiver", finding.fingerprint, finding.message),
                "lifecycle": "planned",
                "title": "Waived for a time",
                "description": text_or_unknown(f"{waiver.reason} ({waiver.owner})"),
            }
        ]
    return risk


def _findings(
    assessment: Assessment, catalogue: Catalogue, ordered: Iterable[Finding]
) -> list[dict[str, Any]]:
    about: dict[str, list[Finding]] = defaultdict(list)
    for finding in ordered:
        for recommendation in dict.fromkeys((*finding.recommendations, *finding.settles)):
            about[recommendation].append(finding)
    return [
        _finding(standing, assessment, catalogue, about[standing.recommendation])
        for standing in assessment.decision.standings
        if standing.status is not Status.NOT_APPLICABLE
    ]


def _finding(
    standing: Standing, assessment: Assessment, catalogue: Catalogue, observed: Iterable[Finding]
) -> dict[str, Any]:
    state, reason = _STATES[standing.status]
    row = catalogue.by_id.get(standing.recommendation)
    finding: dict[str, Any] = {
        "uuid": _uuid(assessment, "finding", standing.recommendation),
        "title": _token(standing.recommendation),
        "description": text_or_unknown(row.text if row else standing.recommendation),
        "target": {
            "type": "objective-id",
            "target-id": _token(standing.recommendation),
            "status": {
                "state": state,
                "reason": reason,
                "remarks": text_or_unknown(standing.reason),
            },
        },
        "props": _props(
            status=str(standing.status),
            gate=str(standing.gate),
            mandatory="yes" if standing.is_mandatory else "no",
        ),
    }
    related = [
        {"observation-uuid": _uuid(assessment, "observation", each.fingerprint, each.message)}
        for each in observed
    ]
    if related:
        finding["related-observations"] = related
    return finding


def _props(**values: str) -> list[dict[str, str]]:
    """Properties of our own; OSCAL refuses empty values."""
    return [{"name": key, "ns": _NAMESPACE, "value": _token(value)} for key, value in values.items() if value]


def _uuid(assessment: Assessment, *parts: str) -> str:
    text = "\0".join((assessment.id, *parts)).encode("utf-8", "backslashreplace").decode()
    return str(uuid.uuid5(_UUIDS, text))


def _token(text: str) -> str:
    return name(text).strip() or "unknown"

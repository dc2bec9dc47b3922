"""CycloneDX 1.7: what the system is made of, and declarations of where it stands against the guidelines.

Source of the form: ECMA-424, CycloneDX 1.7 with `definitions.standards` and `declarations`. Written by hand, since object
models drop model cards, data and declarations without a word. A declaration says what was shown and by what; nothing is
affirmed, because people certify. Only a pass counts in full, an attestation by half, and what is not known by nothing.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from keelmark.core.outcome import Outcome, Status
from keelmark.report.cyclonedx_parts import components, properties, services
from keelmark.report.json_text import text_or_unknown, written
from keelmark.report.reasons import blocking_of, in_order
from keelmark.report.sanitise import name
from keelmark.report.sarif import moment
from keelmark.report.summary import headline
from keelmark.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keelmark.core.assessment import Assessment
    from keelmark.core.catalogue import Catalogue
    from keelmark.core.decision import Standing
    from keelmark.core.finding import Card, Finding

__all__ = ["document", "render"]

_SYSTEM, _TOOL = "system", "keelmark"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:keelmark:cyclonedx")
_SCORES = {Status.PASS: 1.0, Status.ATTESTED: 0.5}
# How far a claim is shown: by a rule that looked, or by somebody's word.
_CONFIDENCES = {Status.PASS: 1.0, Status.FAIL: 1.0, Status.ATTESTED: 0.5}


def render(assessment: Assessment, /, *, catalogue: Catalogue, cards: Mapping[str, Card]) -> str:
    """The document as text."""
    return written(document(assessment, catalogue=catalogue, cards=cards))


def document(assessment: Assessment, *, catalogue: Catalogue, cards: Mapping[str, Card]) -> dict[str, Any]:
    """The document as plain values."""
    head = headline(assessment)
    identity = assessment.id.encode("utf-8", "backslashreplace").decode()
    assets = assessment.inventory.assets
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.7.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, identity)}",
        "version": 1,
        "metadata": {
            "timestamp": moment(assessment.started.isoformat()),
            "tools": {
                "components": [
                    {"type": "application", "bom-ref": _TOOL, "name": "keelmark", "version": __version__}
                ]
            },
            "component": {
                "type": "application",
                "bom-ref": _SYSTEM,
                "name": name(assessment.system).strip() or "unnamed",
                "properties": properties(
                    (
                        ("verdict", f"{head.words}: {head.sentence}"),
                        ("tree-digest", assessment.tree_digest),
                        ("profile", assessment.decision.profile),
                    )
                ),
            },
        },
        "components": components(assets),
        "services": services(assets),
        "definitions": {"standards": [_standard(assessment.decision.standings, catalogue)]},
        "declarations": _declarations(assessment, catalogue, cards),
    }


def _standard(standings: Iterable[Standing], catalogue: Catalogue) -> dict[str, Any]:
    return {
        "bom-ref": "guidelines",
        "name": "Guidelines for secure AI system development",
        "version": name(catalogue.version),
        "requirements": [
            {
                "bom-ref": f"guidelines:{name(each.recommendation)}",
                "identifier": name(each.recommendation),
                "title": text_or_unknown(
                    row.text if (row := catalogue.by_id.get(each.recommendation)) else ""
                ),
            }
            for each in standings
        ],
    }


def _declarations(assessment: Assessment, catalogue: Catalogue, cards: Mapping[str, Card]) -> dict[str, Any]:
    # What does not apply is claimed of nobody; its reason stands in the report.
    standings = [each for each in assessment.decision.standings if each.status is not Status.NOT_APPLICABLE]
    evidence = _Evidence(assessment, cards)
    return {
        "assessors": [
            {
                "bom-ref": "assessor",
                "thirdParty": False,
                "organization": {"name": "Keelmark, run by the project"},
            }
        ],
        "attestations": [
            {
                "summary": text_or_unknown(headline(assessment).sentence),
                "assessor": "assessor",
                "map": [_conformance(each) for each in standings],
            }
        ],
        "claims": [_claim(each, catalogue, evidence) for each in standings],
        "evidence": evidence.records(),
    }


def _conformance(standing: Standing) -> dict[str, Any]:
    requirement = name(standing.recommendation)
    claims = "claims" if standing.status in _SCORES else "counterClaims"
    return {
        "requirement": f"guidelines:{requirement}",
        claims: [f"claim:{requirement}"],
        "conformance": {
            "score": _SCORES.get(standing.status, 0.0),
            "rationale": text_or_unknown(f"{standing.status}: {standing.reason}"),
        },
        "confidence": {
            "score": _CONFIDENCES.get(standing.status, 0.0),
            "rationale": f"settled by {text_or_unknown(', '.join(standing.rules))}"
            if standing.rules
            else "no rule settled it",
        },
    }


def _claim(standing: Standing, catalogue: Catalogue, evidence: _Evidence) -> dict[str, Any]:
    row = catalogue.by_id.get(standing.recommendation)
    claim: dict[str, Any] = {
        "bom-ref": f"claim:{name(standing.recommendation)}",
        "target": _SYSTEM,
        "predicate": text_or_unknown(row.check if row else standing.recommendation),
        "reasoning": text_or_unknown(f"{standing.status}: {standing.reason}"),
    }
    shown, against = evidence.of(standing.recommendation)
    if shown:
        claim["evidence"] = shown
    if against:
        claim["counterEvidence"] = against
    return claim


class _Evidence:
    """The findings as records of evidence, numbered in the order of every report."""

    def __init__(self, assessment: Assessment, cards: Mapping[str, Card]) -> None:
        self._findings = in_order(assessment.findings, blocking_of(assessment))
        self._created = moment(assessment.started.isoformat())
        self._cards = cards
        self._about: dict[str, list[tuple[str, Finding]]] = defaultdict(list)
        for number, finding in enumerate(self._findings):
            for recommendation in dict.fromkeys((*finding.recommendations, *finding.settles)):
                self._about[recommendation].append((f"evidence:{number}", finding))

    def of(self, recommendation: str) -> tuple[list[str], list[str]]:
        """References to what speaks for and against a recommendation."""
        found = self._about[recommendation]
        return (
            [reference for reference, finding in found if finding.outcome is Outcome.PASS],
            [reference for reference, finding in found if finding.outcome in {Outcome.FAIL, Outcome.UNKNOWN}],
        )

    def records(self) -> list[dict[str, Any]]:
        """One record for each finding."""
        return [self._record(number, finding) for number, finding in enumerate(self._findings)]

    def _record(self, number: int, finding: Finding) -> dict[str, Any]:
        card = self._cards.get(finding.rule)
        places = ", ".join(str(place) for place in finding.locations)
        record: dict[str, Any] = {
            "bom-ref": f"evidence:{number}",
            "propertyName": name(finding.rule),
            "description": text_or_unknown(
                f"{finding.outcome}: {finding.message}{f' ({places})' if places else ''}"
            ),
            "created": self._created,
        }
        if card:
            record["data"] = [{"name": text_or_unknown(card.title)}]
        return record

"""The assessment as one reader of a dossier may see it: what is hidden is called hidden, and nothing is made up.

Reports that know assessments, such as OSCAL, are made of this, so that they tell what the facts tell and no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from keelmark.core.assessment import Assessment, Coverage, SettingOrigin
from keelmark.core.asset import Inventory
from keelmark.core.decision import Decision, Standing
from keelmark.core.declaration import Waiver
from keelmark.core.dossier import Level
from keelmark.core.facts import Gap, GapReason
from keelmark.core.finding import Card, Finding
from keelmark.core.location import Location
from keelmark.core.outcome import Confidence, Gate, Outcome, Severity, Status, Verdict
from keelmark.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keelmark.core.dossier import Dossier

__all__ = ["HIDDEN", "Seen", "seen_of"]

HIDDEN = f"not shown below the level {Level.AUTHORITY}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An assessment with the cards of its rules, as far as a reader may see them."""

    assessment: Assessment
    cards: dict[str, Card]


def seen_of(dossier: Dossier) -> Seen:
    """What a reader sees of the assessment.

    Raises:
        ParseError: The facts are not those of a dossier.
    """
    try:
        cards = {rule: _card(rule, value) for rule, value in dossier.of("tests").items()}
        return Seen(assessment=_assessment(dossier, cards), cards=cards)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ParseError(f"the facts are not those of a dossier: {str(error)[:200]}") from error


def _assessment(dossier: Dossier, cards: Mapping[str, Card]) -> Assessment:
    release, assessed = dossier.facts["release/summary"], dossier.facts["coverage/assessed"]
    started = datetime.fromisoformat(release["assessed"])
    evidence = dossier.facts.get("provenance/evidence", {})
    decision = Decision(
        verdict=Verdict(release["verdict"]),
        blocking=(),
        missing=(),
        standings=tuple(_standings(dossier)),
        is_critical=release["critical"],
        profile=release["profile"],
    )
    return Assessment(
        id=release["run"],
        target="",
        system=release["system"],
        version=release["keelmark"],
        started=started,
        duration_s=assessed["milliseconds"] / 1000,
        today=started.date(),
        tree_digest=evidence.get("tree", ""),
        decision=decision,
        findings=tuple(_findings(dossier, cards)),
        inventory=Inventory(),
        gaps=tuple(_gaps(dossier)),
        coverage=Coverage(
            files=assessed["files"], read=assessed["read"], bytes=assessed["bytes"], rules=assessed["rules"]
        ),
        settings=tuple(
            SettingOrigin(name=name, value=value["value"], origin=value["origin"])
            for name, value in dossier.of("settings").items()
        ),
    )


def _card(rule: str, value: Mapping[str, Any]) -> Card:
    return Card(
        id=rule,
        title=value["title"] or rule.replace("-", " "),
        severity=Severity(value["severity"]),
        recommendations=tuple(value["recommendations"]),
    )


def _findings(dossier: Dossier, cards: Mapping[str, Card]) -> Iterable[Finding]:
    words, places = dossier.of("finding-words"), dossier.of("finding-places")
    evidence = dossier.of("finding-evidence")
    for number, value in dossier.of("findings").items():
        told, where = words.get(number), places.get(number, {})
        yield Finding(
            rule=value["rule"],
            outcome=Outcome(value["outcome"]),
            severity=Severity(value["severity"]),
            confidence=Confidence(value["confidence"]),
            message=told["message"] if told else f"{cards[value['rule']].title} (words and place {HIDDEN})",
            recommendations=tuple(value["recommendations"]),
            settles=tuple(value["settles"]),
            locations=tuple(Location(**place) for place in where.get("places", ())),
            fix=told["fix"] if told else "",
            subject=told["subject"] if told else "",
            evidence=tuple(
                (row["name"], row["value"]) for row in evidence.get(number, {}).get("evidence", ())
            ),
            # Not the fingerprint itself, which rests on the place: the number tells findings apart at every level.
            fingerprint=f"findings/{number}",
            waiver=_waiver(value, told),
        )


def _waiver(value: Mapping[str, Any], words: Mapping[str, Any] | None) -> Waiver | None:
    if value["waived_until"] is None:
        return None
    told = (words or {}).get("waiver") or {}
    return Waiver(
        rule=value["rule"],
        reason=told.get("reason", f"reason {HIDDEN}"),
        owner=told.get("owner", f"owner {HIDDEN}"),
        expires=date.fromisoformat(value["waived_until"]),
    )


def _standings(dossier: Dossier) -> Iterable[Standing]:
    reasons = dossier.of("recommendation-reasons")
    for recommendation, value in dossier.of("recommendations").items():
        told = reasons.get(recommendation, {})
        yield Standing(
            recommendation=recommendation,
            status=Status(value["status"]),
            gate=Gate(value["gate"]),
            is_mandatory=value["mandatory"],
            reason=told.get("reason", f"reason {HIDDEN}"),
            rules=tuple(told.get("rules", ())),
        )


def _gaps(dossier: Dossier) -> Iterable[Gap]:
    shown = dossier.of("gaps")
    if shown:
        for value in shown.values():
            yield Gap(
                path=value["path"],
                reason=GapReason(value["reason"]),
                detail=value["detail"],
                line=value["line"],
                matters=value["matters"],
            )
        return
    for reason, places in dossier.facts["coverage/not-looked-at"]["places"].items():
        yield Gap(path=f"{places} of them", reason=GapReason(reason), detail=f"{reason}: paths {HIDDEN}")

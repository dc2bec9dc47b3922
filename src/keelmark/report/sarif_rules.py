"""Descriptions of rules and notifications in a SARIF log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.facts import GapReason
from keelmark.core.outcome import Severity
from keelmark.report.reasons import title_of
from keelmark.report.sanitise import markdown, name, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keelmark.core.catalogue import Catalogue
    from keelmark.core.finding import Card

__all__ = ["LEVELS", "SCORES", "descriptor", "notification_descriptors", "notification_id", "tag_of"]

# The middle of the bands that code scanning services draw; nothing for "info", which is no band of theirs.
SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.5"}
LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning"}


def descriptor(rule: str, *, cards: Mapping[str, Card], catalogue: Catalogue) -> dict[str, Any]:
    """What a rule is, with help in plain text and in Markdown."""
    title = sentence(title_of(rule, cards))
    card = cards.get(rule)
    rows = [
        catalogue.by_id[each] for each in (card.recommendations if card else ()) if each in catalogue.by_id
    ]
    references = card.references if card else ()
    speaks_to = [f"{row.id} {row.text}" for row in rows]
    text = [f"{title}.", *speaks_to, *references, f"More: keelmark explain {name(rule)}"]
    pretty = [
        f"**{markdown(title)}**",
        "\n".join(f"- {row.id}: {markdown(row.text)}" for row in rows),
        "\n".join(f"- {markdown(each)}" for each in references),
        f"Run `keelmark explain {name(rule)}` for what it finds, why it matters and how to fix it.",
    ]
    properties: dict[str, Any] = {
        "tags": [
            "security",
            *(tag_of(each) for each in (card.tags if card else ())),
            *(row.id for row in rows),
        ],
    }
    severity = card.severity if card else Severity.INFO
    if severity in SCORES:
        properties["security-severity"] = SCORES[severity]
    if card is not None:
        properties["precision"] = {"high": "high", "medium": "medium", "low": "low"}[card.confidence]
    return {
        "id": name(rule),
        "shortDescription": {"text": title},
        "fullDescription": {"text": f"{title}."},
        "help": {"text": "\n".join(text), "markdown": "\n\n".join(part for part in pretty if part)},
        "defaultConfiguration": {"level": LEVELS.get(severity, "note")},
        "properties": properties,
    }


def tag_of(tag: str) -> str:
    """A tag as code scanning services read it."""
    # Code scanning services know weaknesses by this form.
    kind, _, number = tag.partition(":")
    return f"external/cwe/cwe-{int(number):03}" if kind == "cwe" and number.isdecimal() else name(tag)


def notification_id(reason: GapReason) -> str:
    """Id of the notification for things that were not looked at for that reason."""
    return f"not-looked-at/{reason.name.lower().replace('_', '-')}"


def notification_descriptors() -> list[dict[str, Any]]:
    """Every kind of notification a log may hold."""
    gaps = [
        {"id": notification_id(reason), "shortDescription": {"text": f"Not looked at: {reason}"}}
        for reason in GapReason
    ]
    return [*gaps, {"id": "unknown", "shortDescription": {"text": "A rule could not settle its question"}}]

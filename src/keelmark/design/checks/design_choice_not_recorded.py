"""A choice that shapes the system is not recorded.

## What it finds

Choices that the code shows (retrieval, an agent with tools, own training, a hosted model behind an API, a model from a hub)
and of which no decision record speaks. Records are found by folder (`docs/adr`, `docs/decisions`), by title and by their
headings (context, decision, consequences).

## Why it matters

Each of these choices opens its own ways in. Without the reason nobody can say later whether it still holds.

## How to fix

Write one short record for each choice in `docs/decisions/`: context, options with their bad sides (one of them without
AI), the decision, and what it means for security, function, users, oversight, ethics and law.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._topics import topic
from keelmark.engine.answers import MIN_WORDS, Topic, topics_missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="design-choice-not-recorded",
    title="A choice that shapes the system is not recorded",
    severity=Severity.LOW,
    recommendations=("SD-3.b", "SD-3.c", "SD-3.a", "SD-3.d"),
    settles=("SD-3.b",),
    tags=("cwe:1053", "en-304-223:5.1.2-1"),
    audience=Audience.SECURITY_ENGINEER,
    references=("Guidelines for secure AI system development: Design your system for security",),
)

_CHOICES: tuple[tuple[str, Topic], ...] = (
    ("retrieval", topic(name="retrieval", pattern=r"retriev|\brag\b|vector (store|database|db)|embedding")),
    ("agent", topic(name="agent with tools", pattern=r"\bagents?\b|tool[- ]?(use|call)|function calling|\btools\b|\bmcp\b")),
    ("training", topic(name="own training", pattern=r"\btrain|fine[- ]?tun|\bfit\b")),
    ("hosted-model", topic(name="hosted model", pattern=r"hosted|\bapi\b|provider|openai|anthropic|gemini|mistral|bedrock|azure")),
    ("hub-model", topic(name="model from a hub", pattern=r"hugging ?face|\bhub\b|pre-?trained|open[- ]weight|checkpoint|embedding model")),
)  # fmt: skip


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the choices that were found."""
    topics = [topic for trait, topic in _CHOICES if trait in project.inventory.traits]
    if not topics:
        yield CARD.not_applicable(
            "no choice of this kind was found (retrieval, agent, training, hosted or hub model)"
        )
        return
    records = [
        seen for seen in project.documents(DocumentKind.DECISION_RECORD) if seen.fact.words >= MIN_WORDS
    ]
    missing = topics_missing(records, topics)
    if not missing:
        names = ", ".join(topic.name for topic in topics)
        yield CARD.passed(f"records speak of {names}", at=tuple(seen.at(0) for seen in records[:10]))
        return
    names = ", ".join(topic.name for topic in missing)
    said = "no decision record speaks of" if records else "there is no decision record about"
    yield CARD.failed(
        f"{said}: {names}",
        at=records[0].at(0) if records else (),
        fix="Write a short record for each in docs/decisions/: context, options (one without AI), decision, consequences.",
        subject=names,
    )

"""No summary of the training data could be given to the public.

## What it finds

Training of models without a data card or summary that speaks of what public summaries ask for: sources, kind and amount of
records, time of collection, rights, personal data, and generated records.

## Why it matters

Providers of general models owe such a summary in the EU, and of generative systems in California. Others are asked for it
by customers. What was not written down at the time cannot be told later.

## How to fix

Write `docs/data-card.md` with a line on each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.development.checks._data import trains
from keelmark.engine.answers import Topic, topics_missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Document
    from keelmark.core.finding import Finding
    from keelmark.core.location import Location
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="training-data-summary-missing",
    title="No summary of the training data could be given to the public",
    severity=Severity.INFO,
    recommendations=("G2.j",),
    tags=("en-304-223:5.2.4-2",),
    audience=Audience.RISK_OWNER,
    references=("Regulation (EU) 2024/1689, Article 53(1)(d)", "California AB 2013"),
)

TOPICS = (
    Topic(name="sources", pattern=r"source|origin|collected from|comes? from|provided by|https?://|[0-9a-z] from (the|our|an?|public)\b"),
    Topic(name="kind and amount", pattern=r"[0-9][0-9.,]* ?(k|m|thousand|million|billion)? (\w+ ){0,2}(rows|records|images|samples|examples|documents|tokens|tickets|hours|sentences|entries|instances|items)"
          r"|(rows|records|images|samples|examples|documents|tokens|size|instances)\W{1,6}[0-9]"),
    Topic(name="time of collection", pattern=r"\b(19|20)[0-9]{2}\b"),
    Topic(name="rights", pattern=r"licen[cs]e|copyright|terms|cc[- ]by|public domain|contract|consent"),
    Topic(name="personal data", pattern=r"personal|privacy|pii\b|anonymi|pseudonymi"),
    Topic(name="generated records", pattern=r"synthetic|generated"),
)  # fmt: skip
_FIX = "Write docs/data-card.md with sources, kind and amount, time of collection, rights, personal data and generated records."


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the data of the training."""
    if not trains(project):
        yield CARD.not_applicable("no training was found")
        return
    cards = project.documents(DocumentKind.DATA_CARD)
    if not cards:
        yield CARD.failed(
            "a model is trained, and no data card sums up with what", fix=_FIX, subject="summary"
        )
        return
    missing = topics_missing(cards, TOPICS)
    if missing:
        names = ", ".join(topic.name for topic in missing)
        yield CARD.failed(
            f"the data card says nothing of {names}", at=_places(cards), fix=_FIX, subject=f"summary {names}"
        )
    else:
        yield CARD.passed("the data card has what a public summary asks for", at=_places(cards))


def _places(cards: tuple[Seen[Document], ...]) -> tuple[Location, ...]:
    return tuple(seen.at(0) for seen in cards[:5])

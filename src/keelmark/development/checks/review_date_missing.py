"""Nobody will look at the model again.

## What it finds

A model card without a date of the next review, or with one that has passed.

## Why it matters

Models age: the world they were trained on moves on. A date is the cheapest reminder.

## How to fix

Write `Next review: YYYY-MM-DD` into the model card.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.development.checks._models import cards_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="review-date-missing",
    title="Nobody will look at the model again",
    severity=Severity.LOW,
    recommendations=("DEV-3.i", "SD-4.c"),
    settles=("DEV-3.i", "SD-4.c"),
    tags=("en-304-223:5.2.4-1",),
    audience=Audience.RISK_OWNER,
)


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    cards = cards_of(project)
    if not cards:
        yield CARD.not_applicable("there is no model card")
    for seen in cards:
        days = [
            day[:10]
            for label, day in seen.fact.dates
            if "review" in label.lower() and "last" not in label.lower()
        ]
        if not days:
            yield CARD.failed(
                "the model card names no day of review",
                at=seen.at(0),
                fix="Write `Next review: YYYY-MM-DD` into it.",
            )
        elif max(days) < project.today.isoformat():
            yield CARD.failed(
                f"the review of {max(days)} is overdue",
                at=seen.at(0),
                fix="Review the model and set the next day.",
            )
        else:
            yield CARD.passed(f"the next review is on {max(days)}", at=seen.at(0))

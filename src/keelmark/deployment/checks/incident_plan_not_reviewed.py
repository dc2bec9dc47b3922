"""The incident plan was not looked at for a year.

## What it finds

An incident plan that carries a date of review older than twelve months, or a date of the next review that has passed.
A plan without a date is unknown.

## Why it matters

Systems and attacks change faster than plans. A plan that names people who left is worse than none: it is trusted.

## How to fix

Go through the plan after each major release and incident, and write `Last reviewed: YYYY-MM-DD` into it.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Document
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="incident-plan-not-reviewed",
    title="The incident plan was not looked at for a year",
    severity=Severity.LOW,
    recommendations=("DEP-3.e",),
    settles=("DEP-3.e",),
    tags=("en-304-223:5.3.1-1",),
    audience=Audience.SECURITY_ENGINEER,
)

MAX_AGE = timedelta(days=366)


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    # A runbook stands in for a plan; beside a plan it is one of its annexes and needs no date of its own.
    plans = project.documents(DocumentKind.INCIDENT_PLAN) or project.documents(DocumentKind.RUNBOOK)
    if not plans:
        yield CARD.unknown(
            "there is no incident plan that could carry a date", fix="Write docs/incident-plan.md."
        )
    for seen in plans:
        yield _answer(project, seen)


def _answer(project: Project, seen: Seen[Document]) -> Finding:
    reviewed = _newest(seen.fact, "review", "updated", "date", exclude="next")
    following = _newest(seen.fact, "next review", "review by", "valid until")
    if following is not None and following < project.today:
        return CARD.failed(
            f"the plan was to be reviewed by {following.isoformat()}",
            at=seen.at(0),
            fix="Go through the plan and write the date of the review and of the next one into it.",
        )
    if reviewed is None:
        return CARD.unknown(
            "the plan carries no date of review",
            at=seen.at(0),
            fix="Write `Last reviewed: YYYY-MM-DD` into it.",
        )
    if project.today - reviewed > MAX_AGE:
        return CARD.failed(
            f"the plan was last reviewed on {reviewed.isoformat()}",
            at=seen.at(0),
            fix="Go through the plan and write the date of the review into it.",
        )
    return CARD.passed(f"the plan was reviewed on {reviewed.isoformat()}", at=seen.at(0))


def _newest(document: Document, *labels: str, exclude: str = "") -> date | None:
    found = [
        day
        for label, text in document.dates
        if any(word in label.lower() for word in labels) and not (exclude and exclude in label.lower())
        if (day := _day(text)) is not None
    ]
    return max(found, default=None)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None

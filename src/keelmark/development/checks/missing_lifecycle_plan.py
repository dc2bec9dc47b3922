"""Nobody planned the end of the system.

## What it finds

A project with a model or data of its own and without a word on how it is taken out of service and what becomes of
weights, data, keys, indexes and logs.

## Why it matters

Retired systems leave endpoints, keys and data behind that nobody watches.

## How to fix

Write `docs/lifecycle-plan.md`: when the system ends, and how each asset is disposed of, by whom.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.development.checks._models import datasets_of, models_of
from keelmark.engine.answers import Topic, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="missing-lifecycle-plan",
    title="Nobody planned the end of the system",
    severity=Severity.LOW,
    recommendations=("DEV-4.e", "X2.a"),
    settles=("DEV-4.e",),
    tags=("en-304-223:5.5.1-1",),
    audience=Audience.RISK_OWNER,
)

END = Topic(
    name="the end of life",
    pattern=r"decommission|end.of.life|sunset|retire(d|ment)|dispos(e|al)|taken out of service|when the service ends",
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the project."""
    if not datasets_of(project) and not models_of(project):
        yield CARD.not_applicable("no model and no dataset was found")
        return
    told = about(project, END)
    if told:
        yield CARD.passed(f"{told[0].file.path} speaks of the end of life", at=told[0].at(0))
    else:
        yield CARD.failed(
            "no document says how the system ends",
            fix="Write docs/lifecycle-plan.md: when it ends, and how weights, data, keys, indexes and logs are disposed of.",
        )

"""A model has no card.

## What it finds

A project with a model of its own (weights in the folder or kept elsewhere by a pointer) and without a model card: no
document whose name, front matter or headings make it one. Calling a hosted model needs a record of the choice, not a
card.

## Why it matters

Nobody who takes over a model without a card can say what it was made for, from what, how well it works and where it
fails.

## How to fix

Write `docs/model-card.md`: intended use, training data, evaluation, limitations, failure modes, licence, review.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.development.checks._models import cards_of, own_weights
from keelmark.engine.answers import MIN_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="model-without-card",
    title="A model has no card",
    severity=Severity.MEDIUM,
    recommendations=("DEV-3.a", "DEV-3.k"),
    settles=("DEV-3.a",),
    tags=("en-304-223:5.2.4-1", "atlas:AML.M0023"),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    models = own_weights(project)
    cards = [seen for seen in cards_of(project) if seen.fact.words >= MIN_WORDS]
    if not models:
        yield CARD.not_applicable("no model of its own was found")
    elif cards:
        yield CARD.passed(f"{cards[0].file.path} is a model card", at=tuple(seen.at(0) for seen in cards[:5]))
    else:
        names = ", ".join(asset.name for asset in models[:5])
        yield CARD.failed(
            f"{len(models)} model{'s' if len(models) > 1 else ''} without a card: {names}",
            at=tuple(Location(path=asset.path, anchor=asset.name) for asset in models[:20]),
            fix="Write docs/model-card.md: intended use, training data, evaluation, limitations, failure modes, licence.",
            subject="model card",
        )

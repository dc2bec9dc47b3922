"""The model card leaves out what people need.

## What it finds

A model card that says nothing of intended use, training data, evaluation, limitations or failure modes.

## Why it matters

These five are what a user needs to decide whether the model fits, and what an investigator asks first.

## How to fix

Add the missing sections. Where something is not known, say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.development.checks._models import cards_of
from keelmark.engine.answers import Topic, topics_missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="model-card-incomplete",
    title="The model card leaves out what people need",
    severity=Severity.LOW,
    recommendations=("DEV-3.e", "DEV-3.j", "DEP-4.e"),
    settles=("DEV-3.e", "DEV-3.j"),
    tags=("en-304-223:5.2.4-1",),
)

TOPICS = (
    Topic(
        name="intended use", pattern=r"intended (use|for)|use case|purpose|what it is for|out.of.scope|usage"
    ),
    Topic(name="training data", pattern=r"train(ing|ed)[^\n]{0,40}(data|on)|dataset|corpus"),
    Topic(name="evaluation", pattern=r"evaluat|accuracy|metric|benchmark|result|f1|score|performance"),
    Topic(name="limitations", pattern=r"limitation|bias|risk|caveat|not (suitable|intended)|out.of.scope"),
    Topic(name="failure modes", pattern=r"fail|error|wrong|confus|misclass|hallucinat|limitation"),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    cards = cards_of(project)
    if not cards:
        yield CARD.not_applicable("there is no model card")
    for seen in cards:
        missing = topics_missing([seen], TOPICS)
        if missing:
            names = ", ".join(topic.name for topic in missing)
            yield CARD.failed(
                f"the model card says nothing of {names}",
                at=seen.at(0),
                fix=f"Add a section on {names}; where it is not known, say so.",
                subject="sections",
            )
        else:
            yield CARD.passed("the model card has all five sections", at=seen.at(0))

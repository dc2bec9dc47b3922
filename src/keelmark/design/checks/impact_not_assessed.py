"""The threat model does not weigh the impact.

## What it finds

A threat model that speaks of threats but leaves out what happens when one comes true: to the system, to its users, to
organisations, to society. All four are looked for.

## Why it matters

A wrong answer of a model hurts people who never used it. Whoever looks at the system alone ranks the threats wrongly.

## How to fix

Add a section *Impact* to the threat model that says for each threat, or for the system as a whole, what it would mean
for the system, its users, the organisation and society. "None, because ..." is an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._threats import answer_threat_model
from keelmark.design.checks._topics import topic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="impact-not-assessed",
    title="The threat model does not weigh the impact",
    severity=Severity.MEDIUM,
    recommendations=("SD-2.b",),
    tags=("en-304-223:5.1.3-1",),
    audience=Audience.SECURITY_ENGINEER,
    references=("Guidelines for secure AI system development: Model the threats to your system",),
)

TOPICS = (
    topic(
        name="the system",
        pattern=r"impact.{0,400}?(system|service|availability|integrity)|(system|service) impact|\|\s*(the )?system\b",
    ),
    topic(
        name="users",
        pattern=r"users?|customers?|patients?|citizens?|data subjects?",
    ),
    topic(
        name="organisations",
        pattern=r"organi[sz]ation|company|business|operator|reputation",
    ),
    topic(
        name="society",
        pattern=r"societ|public (interest|trust|safety)|third part|environment|democra|affected people|communit",
    ),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the threat model."""
    yield from answer_threat_model(
        CARD,
        project,
        TOPICS,
        lacks="the threat model does not say what harm would mean for",
        has="the threat model weighs the impact on",
        fix="Add a section Impact: what each threat would mean for the system, its users, organisations and society.",
    )

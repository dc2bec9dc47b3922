"""Decisions about threats have no author, date or reason.

## What it finds

A threat model that does not say what was decided about its threats (mitigated, accepted, transferred, not applicable),
who decided it, when and why.

## Why it matters

An accepted threat without a name is one that nobody accepted. Without a date nobody knows whether it still holds.

## How to fix

Give each threat a disposition with author, date and reason, for example as columns of the table of threats.
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
    id="threat-decision-without-owner",
    title="Decisions about threats have no author, date or reason",
    severity=Severity.LOW,
    recommendations=("SD-2.d",),
    tags=("en-304-223:5.1.3-1.3",),
    audience=Audience.SECURITY_ENGINEER,
    references=("Guidelines for secure AI system development: Model the threats to your system",),
)

TOPICS = (
    topic(
        name="what was decided",
        pattern=r"mitigat|accept|transfer|not applicable|avoid|disposition|treatment",
    ),
    topic(
        name="who decided",
        pattern=r"owner|author|decided by|accepted by|responsible|approved by|reviewer|\bby\s+@|accountable",
    ),
    topic(
        name="when",
        pattern=r"\b20[0-9]{2}-[0-9]{2}(-[0-9]{2})?\b|\b(january|february|march|april|may|june|july|august|september|october|november|december) 20[0-9]{2}",
    ),
    topic(
        name="why",
        pattern=r"because|rationale|reason|since|as the|therefore|justif",
    ),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the threat model."""
    yield from answer_threat_model(
        CARD,
        project,
        TOPICS,
        lacks="the threat model does not say of its decisions:",
        has="the threat model says",
        fix="Give each threat a disposition with author, date and reason.",
    )

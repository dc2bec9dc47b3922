"""Nobody wrote down how long data and models are kept.

## What it finds

A project with datasets or models of its own and without a retention time: neither a card nor keelmark.yaml names one.

## Why it matters

What has no end is kept for ever, and what is kept for ever leaks.

## How to fix

Write the retention time into the data card, or set `retention_days` in keelmark.yaml.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.development.checks._models import datasets_of, own_weights
from keelmark.engine.answers import Topic, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="retention-not-recorded",
    title="Nobody wrote down how long data and models are kept",
    severity=Severity.LOW,
    recommendations=("DEV-3.h",),
    settles=("DEV-3.h",),
    tags=("en-304-223:5.2.4-2", "cwe:459"),
    audience=Audience.RISK_OWNER,
)

RETENTION = Topic(
    name="retention", pattern=r"retention|retain|kept for|stored for|deleted? after|keep (it|them|data) for"
)
CARDS = (
    DocumentKind.DATA_CARD,
    DocumentKind.MODEL_CARD,
    DocumentKind.PRIVACY_NOTICE,
    DocumentKind.USER_NOTICE,
    DocumentKind.LIFECYCLE_PLAN,
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the project."""
    if not datasets_of(project) and not own_weights(project):
        yield CARD.not_applicable("no dataset and no model of its own was found")
        return
    declaration = project.declaration
    declared = declaration is not None and (
        any(entry.retention_days is not None for entry in declaration.datasets)
        or any(entry.retention_days is not None for entry in declaration.data_classes)
    )
    told = about(project, RETENTION, *CARDS)
    if told:
        yield CARD.passed(f"{told[0].file.path} says how long they are kept", at=told[0].at(0))
    elif declared:
        yield CARD.passed(
            "keelmark.yaml says how long data is kept", at=Location(path=project.declaration_path)
        )
    else:
        yield CARD.failed(
            "no card and no declaration says how long data and models are kept",
            fix="Write the retention time into docs/data-card.md, or set `retention_days` in keelmark.yaml.",
        )

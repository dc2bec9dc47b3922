"""Nobody said how far the system may grow.

## What it finds

A system without a growth envelope: no `growth_envelope` in `keelmark.yaml`, and no threat model that says up to how many
users, tools, classes of data or how much exposure it holds.

## Why it matters

A threat model is true of one size. Ten times the users, one more tool or a public address make a target of what was none,
and nobody notices the day it happens.

## How to fix

Declare the limits up to which the threat model holds, and what becomes possible beyond each of them.

```yaml
growth_envelope:
  users: {limit: 500, now: 40, beyond: automated extraction becomes worth its price}
  tools: {limit: 3, now: 2, beyond: chains of tools that nobody reviewed}
  exposure: internal
  data_classes: [confidential]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._threats import is_ai_system, threat_models
from keelmark.design.checks._topics import topic
from keelmark.engine.answers import says

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.declaration import GrowthEnvelope
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="missing-growth-envelope",
    title="Nobody said how far the system may grow",
    severity=Severity.LOW,
    recommendations=("SD-2.f", "X7.a"),
    tags=("en-304-223:5.1.3-1.1",),
    audience=Audience.RISK_OWNER,
    references=("Guidelines for secure AI system development: Model the threats to your system",),
)

GROWTH = topic(
    name="growth",
    pattern=r"growth envelope|(valid|holds?) (only )?(up to|until|within|for at most)|re-?assess\w* (when|if|once|at)|at (10|ten) ?(x|times)",
)
MIN_LIMITS = 2


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the project."""
    if not is_ai_system(project):
        yield CARD.not_applicable("no part of an AI system was found")
        return
    envelope = project.declaration.growth_envelope if project.declaration else None
    if envelope is not None:
        yield _judged(project, envelope)
        return
    told = [seen for seen in threat_models(project) if says(seen.fact, GROWTH)]
    if told:
        yield CARD.passed("the threat model says up to which size it holds", at=told[0].at(0))
        return
    yield CARD.failed(
        "nothing says up to how many users, tools or how much exposure the threat model holds",
        fix="Declare `growth_envelope` in keelmark.yaml with limits and with what becomes possible beyond them.",
    )


def _judged(project: Project, envelope: GrowthEnvelope) -> Finding:
    place = Location(path=project.declaration_path, line=_line(project))
    stated = [
        name
        for name in (
            "users",
            "requests_per_day",
            "tools",
            "autonomy",
            "spend_per_day",
            "exposure",
            "data_classes",
        )
        if getattr(envelope, name)
    ]
    if len(stated) >= MIN_LIMITS:
        return CARD.passed(f"limits are declared for {', '.join(stated)}", at=place)
    return CARD.failed(
        f"the growth envelope has only {len(stated)} limit",
        at=place,
        fix="Declare at least the users, tools and exposure up to which the threat model holds.",
    )


def _line(project: Project) -> int:
    return project.declaration.line("growth_envelope") if project.declaration else 0

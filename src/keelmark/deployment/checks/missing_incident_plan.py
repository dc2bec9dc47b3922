"""There is no plan for incidents.

## What it finds

An AI system, found or declared, without an incident plan: no document whose name or headings show one (incident response, playbook, runbook for
incidents), and none declared.

## Why it matters

The guidelines take incidents with AI systems as inevitable. Without a plan the first hours go to the question who may
switch the model off.

## How to fix

Write `docs/incident-plan.md`: who is called, who decides, how the model, a prompt or a tool is taken out of service, how
to go back to the last good release, whom to tell and by when. Name scenarios of AI: prompt injection with effect, leaked
training data, poisoned data, a model that drifts, a withdrawn supplier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.engine.answers import is_ai_system

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="missing-incident-plan",
    title="There is no plan for incidents",
    severity=Severity.MEDIUM,
    recommendations=("DEP-3.a",),
    settles=("DEP-3.a",),
    tags=("en-304-223:5.3.1-1",),
    audience=Audience.SECURITY_ENGINEER,
    references=("Guidelines for secure AI system development: Develop incident management procedures",),
)

MIN_WORDS = 80


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the project."""
    if not is_ai_system(project) and project.declaration is None:
        yield CARD.not_applicable("no part of an AI system was found")
        return
    plans = project.documents(DocumentKind.INCIDENT_PLAN)
    real = [seen for seen in plans if seen.fact.words >= MIN_WORDS]
    if real:
        places = tuple(seen.at(0) for seen in real)
        words = sum(seen.fact.words for seen in real)
        yield CARD.passed(f"an incident plan of {words} words is there", at=places)
    elif plans:
        yield CARD.failed(
            f"the incident plan has only {plans[0].fact.words} words",
            at=plans[0].at(0),
            fix="Say who is called, who decides, how to take a model or tool out of service and whom to tell.",
        )
    else:
        yield CARD.failed(
            "no incident plan was found in the folder",
            fix="Write docs/incident-plan.md, or declare where it lies with an attestation for DEP-3.a.",
        )

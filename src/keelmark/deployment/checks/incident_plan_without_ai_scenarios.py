"""The incident plan has no scenarios of AI.

## What it finds

An incident plan that names none of the incidents that only AI systems have: prompt injection with effect, leaked or
poisoned training data, an extracted or exchanged model, harmful output, a withdrawn supplier.

## Why it matters

A plan for servers does not say who may switch off a model, what a poisoned dataset means for the releases made from
it, or how to tell a user that an answer was wrong.

## How to fix

Add one short playbook for each top threat of the threat model: how it shows, what to do in the first hour, how to go
back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.engine.answers import Topic, answer_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="incident-plan-without-ai-scenarios",
    title="The incident plan has no scenarios of AI",
    severity=Severity.MEDIUM,
    recommendations=("DEP-3.d", "DEP-3.a"),
    settles=("DEP-3.d",),
    tags=("en-304-223:5.3.1-1", "owasp-llm:LLM01"),
    audience=Audience.SECURITY_ENGINEER,
)

TOPICS = (
    Topic(
        name="incidents of AI",
        pattern=r"prompt injection|jailbreak|poison|model (theft|extraction|tamper|exchange|drift)|training data|hallucinat"
        r"|harmful output|adversarial|data leak|supplier",
    ),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the project."""
    if not project.documents(DocumentKind.INCIDENT_PLAN, DocumentKind.RUNBOOK):
        yield CARD.unknown("there is no incident plan that could say it", fix="Write docs/incident-plan.md.")
        return
    yield from answer_document(
        CARD,
        project,
        DocumentKind.INCIDENT_PLAN,
        DocumentKind.RUNBOOK,
        what="an incident plan with scenarios of AI",
        write="Name in docs/incident-plan.md the scenarios of AI (injection, leaked or poisoned data, exchanged model) with their steps.",
        topics=TOPICS,
    )

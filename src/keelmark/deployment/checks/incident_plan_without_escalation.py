"""The incident plan does not say who is called and when.

## What it finds

An incident plan (or runbook) that names no contacts, no thresholds for escalation or no reporting times. It reads the
headings and the text of the plan; a page with a title alone counts as no plan.

## Why it matters

Reporting clocks run from the moment of awareness: 24 hours, 72 hours, 15 days, by regime. A plan without contacts and
thresholds loses them.

## How to fix

Add a section on escalation to `docs/incident-plan.md`: who is called in which order, which severity goes to whom, and
by when customers and authorities are told.
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
    id="incident-plan-without-escalation",
    title="The incident plan does not say who is called and when",
    severity=Severity.MEDIUM,
    recommendations=("DEP-3.b",),
    settles=("DEP-3.b",),
    tags=("en-304-223:5.3.1-1",),
    audience=Audience.SECURITY_ENGINEER,
)

TOPICS = (
    Topic(name="contacts", pattern=r"contact|on.?call|@|phone|pager"),
    Topic(name="escalation thresholds", pattern=r"escalat|severity|priority [0-9]|sev.?[0-9]|p[0-4]\b"),
    Topic(
        name="reporting times",
        pattern=r"within [0-9a-z]+ (hour|day|minute)|[0-9]+ ?(h|hours|days|minutes)\b|deadline",
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
        what="an incident plan with escalation",
        write="Say in docs/incident-plan.md who is called, at which severity, and by when customers and authorities are told.",
        topics=TOPICS,
    )

"""Users get no guidance on appropriate use.

## What it finds

A project with a model whose texts for users do not say what it is meant for.

## Why it matters

Most misuse is honest: people use a tool for what nobody had in mind. One sentence on intended use prevents more harm
than a filter.

## How to fix

Say in `docs/user-notice.md` what the system is for, and for what it must not be used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.deployment.checks._models import answer_user_text, has_model
from keelmark.engine.answers import Topic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="appropriate-use-not-told",
    title="Users get no guidance on appropriate use",
    severity=Severity.LOW,
    recommendations=("DEP-5.e", "P-7"),
    settles=("DEP-5.e",),
    tags=("en-304-223:5.2.4-1", "owasp-llm:LLM09"),
    audience=Audience.RISK_OWNER,
)

TOPIC = Topic(
    name="intended use",
    pattern=r"intended (use|for)|what it is for|use case|purpose|appropriate use|how to use|must not be used|usage|getting started|quick ?start",
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the project."""
    if not has_model(project):
        yield CARD.not_applicable("no model was found")
        return
    notice = project.declaration.user_notice if project.declaration else None
    is_declared = notice is not None and bool(notice.prohibited_uses)
    yield from answer_user_text(
        CARD,
        project,
        TOPIC,
        fix="Say in docs/user-notice.md what the system is for and for what it must not be used.",
        is_declared=is_declared,
    )

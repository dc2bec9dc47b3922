"""Users are not told which security duties are theirs.

## What it finds

A project with a model or API whose texts for users do not say which security duties lie with the provider and which
with the user.

## Why it matters

What both sides take for the duty of the other is done by nobody: keeping keys, checking answers, limiting access.

## How to fix

Add a short table to `docs/user-notice.md`: what we do, what you do.
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
    id="responsibilities-not-told",
    title="Users are not told which security duties are theirs",
    severity=Severity.LOW,
    recommendations=("DEP-5.g", "P-7"),
    settles=("DEP-5.g",),
    tags=("en-304-223:5.2.4-1", "owasp-llm:LLM09"),
    audience=Audience.RISK_OWNER,
)

TOPIC = Topic(
    name="responsibilities",
    pattern=r"responsib|you (keep|must|are to|should (check|verify|review|protect|rotate))|your duties|who does what|shared.responsibility|we (keep|secure|patch|monitor)",
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the project."""
    if not has_model(project):
        yield CARD.not_applicable("no model was found")
        return
    yield from answer_user_text(
        CARD,
        project,
        TOPIC,
        fix="Add to docs/user-notice.md which security duties are yours and which are those of the user.",
    )

"""Users are not told the known limitations.

## What it finds

A project with a model whose notice, model card or README says nothing of limitations or failure modes. Every text for
users counts; the heading alone does not.

## Why it matters

Users who do not know where a system fails cannot use it safely, and a risk that was accepted in silence is a risk
passed on.

## How to fix

Add a section on limitations and failure modes to `docs/user-notice.md` or the model card, with each accepted risk in
it.
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
    id="limitations-not-told",
    title="Users are not told the known limitations",
    severity=Severity.MEDIUM,
    recommendations=("DEP-4.e", "DEP-4.f", "DEP-5.f", "P-6"),
    settles=("DEP-5.f",),
    tags=("en-304-223:5.2.4-1", "owasp-llm:LLM09"),
    audience=Audience.RISK_OWNER,
)

TOPIC = Topic(
    name="limitations or failure modes",
    pattern=r"limitation|known (issue|risk|problem)|failure mode|out.of.scope|not (intended|suitable|designed|tested)|can be wrong|may (fail|produce|be wrong|invent)|caveat",
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the project."""
    if not has_model(project):
        yield CARD.not_applicable("no model was found")
        return
    notice = project.declaration.user_notice if project.declaration else None
    is_declared = notice is not None and bool(notice.limitations)
    yield from answer_user_text(
        CARD,
        project,
        TOPIC,
        fix="Add a section on limitations and failure modes to docs/user-notice.md.",
        is_declared=is_declared,
    )

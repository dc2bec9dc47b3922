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
from keelmark.deployment.checks._models import USER_TEXTS, declaration_place, has_model
from keelmark.engine.answers import MIN_WORDS, Topic, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="limitations-not-told",
    title="Users are not told the known limitations",
    severity=Severity.MEDIUM,
    recommendations=("DEP-4.e", "DEP-4.f", "DEP-5.f", "P-6"),
    settles=("DEP-4.f", "DEP-5.f"),
    tags=("en-304-223:5.2.4-1", "owasp-llm:LLM09"),
    audience=Audience.RISK_OWNER,
)

TOPIC = Topic(
    name="limitations or failure modes",
    pattern=r"limitation|known (issue|risk|problem)|failure mode|out.of.scope|not (intended|suitable|designed|tested)|can be wrong|may (fail|produce|be wrong|invent)|caveat",
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for each of them."""
    if not has_model(project):
        yield CARD.not_applicable("no model was found")
        return
    found = about(project, TOPIC, *USER_TEXTS)
    real = [seen for seen in found if seen.fact.words >= MIN_WORDS]
    declared = project.declaration.user_notice if project.declaration else None
    if real:
        yield CARD.passed(f"{real[0].file.path} speaks of limitations or failure modes", at=real[0].at(0))
    elif declared is not None and declared.limitations:
        yield CARD.passed("declared in the user notice of keelmark.yaml", at=declaration_place(project))
    else:
        texts = project.documents(*USER_TEXTS)
        yield CARD.failed(
            "no text for users speaks of limitations or failure modes"
            if texts
            else "there is no text for users",
            at=texts[0].at(0) if texts else (),
            fix="Add a section on limitations and failure modes to docs/user-notice.md.",
        )

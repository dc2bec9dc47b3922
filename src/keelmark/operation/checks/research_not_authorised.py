"""Researchers have no consent to look for flaws.

## What it finds

A security policy that does not authorise good-faith research, or does not say that flaws of AI (injection, leaks,
unsafe output) are in scope, or gives no time of answer.

## Why it matters

Without consent an honest researcher risks the law and stays away; without a scope that names AI he does not know
whether a jailbreak is a flaw.

## How to fix

Add to `SECURITY.md`: that good-faith research is authorised, that flaws of models, prompts, data and tools are in
scope, and by when you answer.
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
    id="research-not-authorised",
    title="Researchers have no consent to look for flaws",
    severity=Severity.LOW,
    recommendations=("OM-4.e",),
    settles=("OM-4.e",),
    tags=("en-304-223:5.1.1-2",),
    audience=Audience.SECURITY_ENGINEER,
)

TOPICS = (
    Topic(
        name="consent to research",
        pattern=r"safe.?harbou?r|good.?faith|authoris|authoriz|will not (take|pursue|sue)|legal action",
    ),
    Topic(
        name="flaws of AI", pattern=r"prompt|model|injection|jailbreak|training data|poison|\bai\b|agent|llm"
    ),
    Topic(name="a time of answer", pattern=r"within|business day|working day|[0-9]+ ?(hours|days|h\b)"),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the project."""
    if not project.documents(DocumentKind.SECURITY_POLICY):
        yield CARD.failed(
            "there is no security policy that could authorise research",
            fix="Add SECURITY.md with consent to good-faith research, flaws of AI in scope, and a time of answer.",
        )
        return
    yield from answer_document(
        CARD,
        project,
        DocumentKind.SECURITY_POLICY,
        what="a security policy",
        write="Add consent to good-faith research, flaws of AI in scope, and a time of answer to SECURITY.md.",
        topics=TOPICS,
        min_words=10,
    )

"""Users are not told what happens to their data.

## What it finds

A project that takes requests or calls a hosted model, and whose texts say nothing of how user data is used, kept or
passed on (retention, training, human review, providers).

## Why it matters

Openness about retraining and human review is a demand of the guidelines, and of data protection law. Text that a user
types into a chat is personal data more often than not.

## How to fix

Add a section on data to `docs/user-notice.md` or `docs/privacy-notice.md`: what is kept, how long, who reads it,
whether it trains a model, and to which providers it goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.deployment.checks._models import answer_user_text
from keelmark.engine.answers import Topic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="data-use-not-told",
    title="Users are not told what happens to their data",
    severity=Severity.MEDIUM,
    recommendations=("DEP-5.h", "OM-2.b"),
    tags=("en-304-223:5.2.4-1", "owasp-llm:LLM09"),
    audience=Audience.RISK_OWNER,
)

TOPIC = Topic(
    name="use of data",
    pattern=r"(retention|retain|kept for|stored for|delete[sd]? after|not (used|kept|stored)[^\n]{0,40}(train|log)|privacy|data (use|usage|protection|processing)|gdpr|personal data|your data)",
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the project."""
    if not {"api", "hosted-model", "llm-application"}.intersection(project.inventory.traits):
        yield CARD.not_applicable("nothing that takes data of users was found")
        return
    notice = project.declaration.user_notice if project.declaration else None
    is_declared = notice is not None and bool(notice.data_use)
    yield from answer_user_text(
        CARD,
        project,
        TOPIC,
        fix="Say in docs/user-notice.md what is kept, how long, who reads it, whether it trains a model and where it goes.",
        is_declared=is_declared,
    )

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
from keelmark.deployment.checks._models import USER_TEXTS, declaration_place
from keelmark.engine.answers import MIN_WORDS, Topic, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="data-use-not-told",
    title="Users are not told what happens to their data",
    severity=Severity.MEDIUM,
    recommendations=("DEP-5.h", "OM-2.b"),
    settles=("DEP-5.h",),
    tags=("en-304-223:5.2.4-1", "owasp-llm:LLM09"),
    audience=Audience.RISK_OWNER,
)

TOPIC = Topic(
    name="use of data",
    pattern=r"(retention|retain|kept for|stored for|delete[sd]? after|not (used|kept|stored)[^\\n]{0,40}(train|log)|privacy|data (use|usage|protection|processing)|gdpr|personal data|your data)",
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for each of them."""
    if not {"api", "hosted-model", "llm-application"}.intersection(project.inventory.traits):
        yield CARD.not_applicable("nothing that takes data of users was found")
        return
    found = about(project, TOPIC, *USER_TEXTS)
    real = [seen for seen in found if seen.fact.words >= MIN_WORDS]
    declared = project.declaration.user_notice if project.declaration else None
    if real:
        yield CARD.passed(f"{real[0].file.path} speaks of use of data", at=real[0].at(0))
    elif declared is not None and declared.data_use:
        yield CARD.passed("declared in the user notice of keelmark.yaml", at=declaration_place(project))
    else:
        texts = project.documents(*USER_TEXTS)
        yield CARD.failed(
            "no text for users speaks of use of data" if texts else "there is no text for users",
            at=texts[0].at(0) if texts else (),
            fix="Say in docs/user-notice.md what is kept, how long, who reads it, whether it trains a model and where it goes.",
        )

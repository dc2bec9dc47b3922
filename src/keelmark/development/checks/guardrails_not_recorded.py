"""Nobody wrote down what keeps the model within bounds.

## What it finds

A project with a language model whose documents name no guardrails: no filter, limit, refusal or review by a person is
described in a card, register or README.

## Why it matters

A guardrail that nobody described is removed by the next person who finds it slow.

## How to fix

Add a section on guardrails to the model card or prompt register: which checks run on input and output, with which
limits, and who looks at what they stop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.engine.answers import Topic, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="guardrails-not-recorded",
    title="Nobody wrote down what keeps the model within bounds",
    severity=Severity.LOW,
    recommendations=("DEV-3.f", "SD-3.r"),
    settles=("DEV-3.f",),
    tags=("owasp-llm:LLM05", "atlas:AML.M0020"),
)

GUARDRAILS = Topic(
    name="guardrails",
    pattern=r"guard.?rail|moderation|content filter|input (check|filter|validation)|output (check|filter|validation)|refus",
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the project."""
    if "llm-application" not in project.inventory.traits:
        yield CARD.not_applicable("no use of a language model was found")
        return
    told = about(project, GUARDRAILS)
    if told:
        yield CARD.passed(f"{told[0].file.path} speaks of guardrails", at=told[0].at(0))
    else:
        yield CARD.failed(
            "no document says what keeps the model within bounds",
            fix="Add a section on guardrails to docs/model-card.md or the prompt register.",
        )

"""Nobody keeps a list of what should be better.

## What it finds

A project with source code or a model and without a register of technical debt (`docs/technical-debt.md`, `DEBT.md`). A
register that names neither who mends an entry nor until when is a list of wishes and fails as well. How many comments
say TODO, FIXME or HACK is told as evidence.

## Why it matters

AI systems gather debt faster than other software: data, prompts and configuration depend on each other without an
interface. What is not written down is paid by whoever is on call.

## How to fix

Write `docs/technical-debt.md`: each entry with what, why, owner and due date, in classes for data, prompts,
configuration, evaluation and interfaces.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.outcome import Outcome, Severity
from keelmark.development.checks._models import own_weights
from keelmark.engine.answers import Topic, answer_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="missing-debt-register",
    title="Nobody keeps a list of what should be better",
    severity=Severity.LOW,
    recommendations=("DEV-4.a", "DEV-4.b", "DEV-4.d"),
    tags=("cwe:1053",),
)

MIN_WORDS = 20

_TOPICS = (
    Topic(name="owners", pattern=r"\b(owner|owned by|responsible|assignee|assigned)\b|@[a-z]"),
    Topic(name="due dates", pattern=r"\b(due|deadline|until|target date|by when)\b|20[2-9][0-9]-[01][0-9]"),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once."""
    modules = [seen for seen in project.modules if seen.is_product]
    if not modules and not own_weights(project):
        yield CARD.not_applicable("neither source code nor a model was found")
        return
    markers = sum(len(seen.fact.markers) for seen in modules)
    for finding in answer_document(
        CARD,
        project,
        DocumentKind.DEBT_REGISTER,
        what="a register of technical debt",
        write="Write docs/technical-debt.md: each entry with what, why, owner and due date.",
        topics=_TOPICS,
        min_words=MIN_WORDS,
    ):
        is_failure = finding.outcome is Outcome.FAIL
        yield replace(finding, evidence=(("markers in code", str(markers)),)) if is_failure else finding

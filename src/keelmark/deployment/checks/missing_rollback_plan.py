"""Nobody wrote down how to go back to the last good release.

## What it finds

A project whose documents do not say how a model, a prompt or a release is taken back: no runbook, plan or deployment
page speaks of rolling back or restoring.

## Why it matters

A model cannot be patched in an hour. Going back is the one fast remedy, and it works only when it was written down
and tried.

## How to fix

Write `docs/rollback-runbook.md`: which artefacts make a release (code, model, prompts, data, index), where the last
good ones lie, the commands to put them back, and when it was last tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.engine.answers import Topic, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="missing-rollback-plan",
    title="Nobody wrote down how to go back to the last good release",
    severity=Severity.MEDIUM,
    recommendations=("DEP-3.c", "DEV-2.j", "OM-3.b"),
    tags=("en-304-223:5.3.1-1", "atlas:AML.M0031"),
    audience=Audience.SECURITY_ENGINEER,
)

ROLLBACK = Topic(
    name="rolling back",
    pattern=r"roll(ed|ing)?.?back|(last|known).good (release|state|version)|restore (the|a|from)",
)


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    found = about(project, ROLLBACK)
    real = [seen for seen in found if seen.fact.kind is not DocumentKind.CHANGELOG]
    if real:
        places = tuple(seen.at(0) for seen in real[:5])
        yield CARD.passed(f"rolling back is described in {real[0].file.path}", at=places)
    else:
        yield CARD.failed(
            "no document says how to go back to the last good release",
            fix="Write docs/rollback-runbook.md: what makes a release, where the last good one lies, how to put it back.",
        )

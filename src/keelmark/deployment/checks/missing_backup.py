"""Nobody wrote down where the backups are.

## What it finds

A project with models, datasets or stores of its own whose documents say nothing of backups.

## Why it matters

What was poisoned or encrypted by an attacker must come back from a copy that the attacker could not reach.

## How to fix

Say in the runbook what is backed up (weights, data, prompts, index, logs), where the offline copy lies, how old it
may be, and when a restore was last tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.asset import AssetKind
from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.engine.answers import Topic, about, counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="missing-backup",
    title="Nobody wrote down where the backups are",
    severity=Severity.LOW,
    recommendations=("DEP-3.f",),
    tags=("en-304-223:5.2.1-3",),
    audience=Audience.SECURITY_ENGINEER,
)

BACKUP = Topic(name="backups", pattern=r"back(ed)?.?up|offline copy|snapshot of|disaster recovery")


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the project."""
    stateful = project.inventory.of(
        AssetKind.MODEL, AssetKind.ABSENT_MODEL, AssetKind.DATASET, AssetKind.ABSENT_DATA
    )
    found = about(project, BACKUP)
    if found:
        yield CARD.passed(f"backups are described in {found[0].file.path}", at=found[0].at(0))
    elif not stateful:
        yield CARD.not_applicable("no model and no dataset of its own was found")
    else:
        yield CARD.failed(
            f"no document speaks of the backup of {counted(len(stateful), 'model or dataset', 'models and datasets')}",
            fix="Say in docs/rollback-runbook.md what is backed up, where the offline copy lies and when a restore was tried.",
        )

"""Nobody can tell one version from the next.

## What it finds

A project without a changelog and without a version in its manifest: neither users nor investigators can say what
changed when.

## Why it matters

Major updates are to be treated like new versions. That needs versions.

## How to fix

Keep `CHANGELOG.md` and a version in `pyproject.toml`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.outcome import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="missing-release-history",
    title="Nobody can tell one version from the next",
    severity=Severity.LOW,
    recommendations=("OM-3.d", "DEV-2.h"),
    tags=("en-304-223:5.4.1-1",),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    logs = project.documents(DocumentKind.CHANGELOG)
    versioned = [seen for seen in project.manifests if seen.fact.version and not seen.fact.is_lock]
    if logs:
        yield CARD.passed(f"{logs[0].file.path} tells what changed", at=logs[0].at(0))
    elif versioned:
        yield CARD.passed(
            f"{versioned[0].file.path} has version {versioned[0].fact.version}", at=versioned[0].at(0)
        )
    elif not project.modules:
        yield CARD.not_applicable("no source code was found")
    else:
        yield CARD.failed(
            "no changelog and no version was found", fix="Keep CHANGELOG.md and a version in pyproject.toml."
        )

"""Nothing looks for updates.

## What it finds

A project with dependencies and without a tool that proposes updates: no Dependabot or Renovate configuration in the
folder.

## Why it matters

Known holes in AI libraries are exploited within days. What nobody looks for nobody updates.

## How to fix

Add `.github/dependabot.yml` or `renovate.json`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="updates-not-automated",
    title="Nothing looks for updates",
    severity=Severity.LOW,
    recommendations=("OM-3.a", "DEV-1.f"),
    tags=("en-304-223:5.4.1-1", "cwe:1104"),
)

NAMES = {
    "dependabot.yml",
    "dependabot.yaml",
    "renovate.json",
    "renovate.json5",
    ".renovaterc",
    ".renovaterc.json",
}


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the project."""
    found = [path for path in project.by_path if path.rpartition("/")[2].lower() in NAMES]
    if found:
        yield CARD.passed(f"{found[0]} proposes updates", at=Location(path=found[0]))
    elif not project.manifests:
        yield CARD.not_applicable("no dependency was found")
    else:
        yield CARD.failed(
            "no tool that proposes updates is configured", fix="Add .github/dependabot.yml or renovate.json."
        )

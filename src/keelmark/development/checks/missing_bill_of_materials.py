"""No list says what the system is made of.

## What it finds

A project with dependencies or models and without a bill of materials (CycloneDX or SPDX) in the folder.

## Why it matters

When the next weakness or withdrawn model is announced, the question is whether it is inside. Without a list somebody
has to search, system by system.

## How to fix

Write one with each release as CycloneDX or SPDX, and keep it beside the release: `bom.cdx.json`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.asset import AssetKind
from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.development.checks._answers import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="missing-bill-of-materials",
    title="No list says what the system is made of",
    severity=Severity.LOW,
    recommendations=("DEV-1.a", "DEV-3.k"),
    tags=("cwe:1357", "owasp-llm:LLM03", "atlas:AML.M0023", "en-304-223:5.2.1-1"),
    audience=Audience.SECURITY_ENGINEER,
)

_PARTS = (
    AssetKind.DEPENDENCY,
    AssetKind.MODEL,
    AssetKind.ABSENT_MODEL,
    AssetKind.HUB_MODEL,
    AssetKind.HOSTED_MODEL,
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once."""
    lists = {
        file.path: reading
        for file, reading in project.readings
        if reading.components or (reading.document and reading.document.kind is DocumentKind.BOM)
    }
    parts = project.inventory.of(*_PARTS)
    full = [path for path, reading in lists.items() if reading.components]
    if not parts:
        yield CARD.not_applicable("neither dependencies nor models were found")
    elif full:
        named = sum(len(lists[path].components) for path in full)
        yield CARD.passed(
            f"{full[0]} names {plural(named, 'component')}",
            at=tuple(Location(path=path) for path in full[:5]),
        )
    elif lists:
        path = next(iter(lists))
        yield CARD.failed(
            f"{path} is a bill of materials that names no component",
            at=Location(path=path),
            fix="Write it anew with each release, as CycloneDX or SPDX.",
            subject="bill of materials",
        )
    else:
        yield CARD.failed(
            f"no bill of materials lists the {plural(len(parts), 'dependency or model', 'dependencies and models')}",
            fix="Write bom.cdx.json (CycloneDX) or an SPDX document with each release, and keep it.",
            subject="bill of materials",
        )

"""Nobody may use the project, or everybody may: it does not say.

## What it finds

A project with source code and without a licence text, and none named in its manifest.

## Why it matters

Without a licence nobody down the supply chain may rely on the code, and nobody up the chain granted a right to it.

## How to fix

Add `LICENSE`, and name it in the manifest. For code that is not to be used by others, say that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="missing-licence",
    title="Nobody may use the project, or everybody may: it does not say",
    severity=Severity.LOW,
    recommendations=("DEV-1.e", "DEV-1.a"),
    tags=("en-304-223:5.2.3-1",),
    audience=Audience.RISK_OWNER,
)


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    texts = project.documents(DocumentKind.LICENCE)
    named = [seen for seen in project.manifests if seen.fact.licence and not seen.fact.is_lock]
    if texts:
        licence = texts[0].fact.licence or "a licence text"
        yield CARD.passed(f"{texts[0].file.path}: {licence}", at=texts[0].at(0))
    elif named:
        yield CARD.passed(f"{named[0].file.path} names {named[0].fact.licence}", at=named[0].at(0))
    elif not project.modules:
        yield CARD.not_applicable("no source code was found")
    else:
        yield CARD.failed("no licence was found", fix="Add LICENSE, and name it in the manifest.")

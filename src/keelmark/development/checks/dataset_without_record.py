"""Nobody wrote down where the data comes from.

## What it finds

A dataset of the product (in the folder, or kept elsewhere by a pointer) without a record of its origin: no data card,
no Croissant record and no entry with an origin in keelmark.yaml. Samples in tests, documentation and examples are
left alone.

## Why it matters

Data is code for a model. Data without origin cannot be checked for poisoning, licence or personal data, and cannot be
withdrawn. Where each dataset stands with its digest in a Croissant record, and the digest is right, the record for
machines is there, too.

## How to fix

Write `docs/data-card.md` or a Croissant record, or add the dataset to keelmark.yaml with origin, date, licence and
method.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.glob import matches
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.development.checks._files import recorded_digests
from keelmark.development.checks._models import datasets_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keelmark.core.asset import Asset
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="dataset-without-record",
    title="Nobody wrote down where the data comes from",
    severity=Severity.MEDIUM,
    recommendations=("DEV-3.d", "DEV-3.b", "G2.a"),
    settles=("DEV-3.d", "DEV-3.b", "G2.a"),
    tags=("owasp-llm:LLM04", "atlas:AML.M0025", "en-304-223:5.2.4-2"),
)

CROISSANT = "croissant"


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    data = datasets_of(project)
    if not data:
        yield CARD.not_applicable("no dataset was found")
        return
    declared = [
        entry for entry in (project.declaration.datasets if project.declaration else ()) if entry.origin
    ]
    cards = [seen for seen in project.documents(DocumentKind.DATA_CARD) if seen.fact.words >= 20]
    sources = {asset.get("source") for asset in data if asset.get("source")}
    bare = [
        asset
        for asset in data
        if not asset.get("source") and not any(matches(entry.path, asset.path) for entry in declared)
    ]
    if cards or not bare:
        where = cards[0].at(0) if cards else Location(path=data[0].path)
        told = (
            cards[0].file.path
            if cards
            else "keelmark.yaml"
            if declared
            else f"a pointer to {', '.join(sorted(sources))}"
        )
        found = CARD.passed(f"{told} says where the data comes from", at=where)
        # A card in words settles the origin; only a record for machines with the digest of each file settles the rest.
        yield found if _have_digests(project, data) else replace(found, settles=("DEV-3.d",))
    else:
        names = ", ".join(asset.path for asset in bare[:5])
        yield CARD.failed(
            f"{len(bare)} dataset{'s' if len(bare) > 1 else ''} without a record of origin: {names}",
            at=tuple(Location(path=asset.path, anchor=asset.name) for asset in bare[:20]),
            fix="Write docs/data-card.md, or add each to `datasets` in keelmark.yaml with origin, date, licence and method.",
            subject="record",
        )


def _have_digests(project: Project, data: Sequence[Asset]) -> bool:
    """Whether a Croissant record holds the right digest of each dataset that lies in the folder."""
    records = recorded_digests(project)
    croissant = {file.path for file, reading in project.readings if reading.format == CROISSANT}
    return all(
        (file := project.by_path.get(asset.path)) is not None
        and any(entry.where.path in croissant and entry.agrees(file) for entry in records.get(asset.path, ()))
        for asset in data
    )

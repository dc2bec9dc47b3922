"""Nobody knows whether the data may be used.

## What it finds

A dataset of the product without a licence or terms: neither its data card nor keelmark.yaml names one. The licence of
the code does not cover the data.

## Why it matters

A model trained on data that may not be used can be forbidden as a whole, and the data cannot be taken out of it.

## How to fix

Name the licence or terms and the permitted uses (train, tune, evaluate, retrieve) in docs/data-card.md or
keelmark.yaml.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.glob import matches
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.development.checks._models import datasets_of
from keelmark.engine.answers import Topic, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="dataset-without-licence",
    title="Nobody knows whether the data may be used",
    severity=Severity.MEDIUM,
    recommendations=("G2.b", "DEV-3.d", "SD-4.i"),
    settles=("G2.b",),
    tags=("en-304-223:5.2.4-2", "atlas:AML.M0025"),
    audience=Audience.RISK_OWNER,
)

TOPIC = Topic(
    name="a licence",
    pattern=r"licen[cs]e|cc.by|cc0|terms of (use|service)|public domain|proprietary|copyright",
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the project."""
    data = datasets_of(project)
    if not data:
        yield CARD.not_applicable("no dataset was found")
        return
    declared = [
        entry for entry in (project.declaration.datasets if project.declaration else ()) if entry.licence
    ]
    told = about(project, TOPIC, DocumentKind.DATA_CARD)
    bare = [asset for asset in data if not any(matches(entry.path, asset.path) for entry in declared)]
    if told or not bare:
        where = told[0].at(0) if told else Location(path=project.declaration_path)
        yield CARD.passed(f"{told[0].file.path if told else 'keelmark.yaml'} speaks of a licence", at=where)
    else:
        names = ", ".join(asset.path for asset in bare[:5])
        yield CARD.failed(
            f"{len(bare)} dataset{'s' if len(bare) > 1 else ''} without a licence: {names}",
            at=tuple(Location(path=asset.path, anchor=asset.name) for asset in bare[:20]),
            fix="Name the licence or terms and the permitted uses (train, tune, evaluate, retrieve) in docs/data-card.md or keelmark.yaml.",
            subject="licence",
        )

"""A changed model or prompt changes behaviour, and no test would notice.

## What it finds

A project with a model or a prompt and without a single test file or evaluation.

## Why it matters

Changes of data, model or prompt alter behaviour without a line of code being touched. The guidelines ask that tests
of an update reflect that.

## How to fix

Add tests that ask the model fixed questions and judge the answers, and run them whenever model, prompt or data
change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.asset import AssetKind
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="behaviour-not-tested",
    title="A changed model or prompt changes behaviour, and no test would notice",
    severity=Severity.MEDIUM,
    recommendations=("OM-3.c", "SD-3.m"),
    tags=("en-304-223:5.4.1-1.1", "atlas:AML.M0008"),
)

EVALUATION = re2.compile(r"(^|/)(evals?|evaluat(e|ion)|benchmarks?)(/|[^/]*\.py$)")


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    if not {"model-file", "hosted-model", "hub-model", "llm-application"}.intersection(
        project.inventory.traits
    ):
        yield CARD.not_applicable("no model and no prompt was found")
        return
    tests = project.inventory.of(AssetKind.TEST)
    evaluations = [seen for seen in project.modules if EVALUATION.search(seen.file.path.lower())]
    if tests:
        yield CARD.passed(
            counted(len(tests), "test file"), at=tuple(Location(path=asset.path) for asset in tests[:5])
        )
    elif evaluations:
        yield CARD.passed(f"{evaluations[0].file.path} evaluates it", at=evaluations[0].at(0))
    else:
        yield CARD.failed(
            "there is a model, and no test and no evaluation",
            fix="Add tests that ask the model fixed questions and judge the answers; run them when model, prompt or data change.",
        )

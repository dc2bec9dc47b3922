"""Nobody wrote down why the model learns from this data and not from other.

## What it finds

Training of models without a decision record or data card that weighs the data against alternatives and gives the reason.

## Why it matters

Data decides what a model can do, whom it treats worse and what it may give away. A choice without alternatives was none,
and nobody can say later whether it still holds.

## How to fix

Write a short record in `docs/decisions/`: which data was looked at, with its bad sides (licence, groups left out, personal
data), and why this one was taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.development.checks._data import trains
from keelmark.engine.answers import MIN_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Document
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="data-choice-not-recorded",
    title="Nobody wrote down why the model learns from this data and not from other",
    severity=Severity.LOW,
    recommendations=("G2.k",),
    tags=("en-304-223:5.2.4-2",),
    audience=Audience.RISK_OWNER,
)

_DATA = re2.compile(r"\bdata ?sets?\b|training data|\bcorpus\b|\bcorpora\b")
_WEIGHED = re2.compile(
    r"alternativ|instead of|rather than|considered|options?\b|compared (with|to)|rejected|other (data|corpora|sources)"
)
_REASON = re2.compile(r"because|reason|chosen|choice|decided|decision|selected|we (take|took|use)")


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the training."""
    if not trains(project):
        yield CARD.not_applicable("no training was found")
        return
    records = [
        seen
        for seen in project.documents(DocumentKind.DECISION_RECORD, DocumentKind.DATA_CARD)
        if seen.fact.words >= MIN_WORDS
    ]
    found = next((seen for seen in records if _weighs(seen.fact)), None)
    if found is not None:
        yield CARD.passed(f"{found.file.path} weighs the data against others", at=found.at(0))
        return
    said = (
        f"none of {len(records)} decision records and data cards weighs"
        if records
        else "no decision record weighs"
    )
    yield CARD.failed(
        f"a model is trained, and {said} its data against alternatives",
        at=records[0].at(0) if records else (),
        fix="Write a record in docs/decisions/: which data was looked at, its bad sides, and why this one was taken.",
        subject="choice",
    )


def _weighs(document: Document) -> bool:
    """Whether the whole text speaks of data, of alternatives and of a reason; each may stand below another heading."""
    whole = "\n".join([document.title, *(f"{part.title}\n{part.text}" for part in document.sections)]).lower()
    subject = document.kind is DocumentKind.DATA_CARD or bool(_DATA.search(whole))
    return subject and bool(_WEIGHED.search(whole)) and bool(_REASON.search(whole))

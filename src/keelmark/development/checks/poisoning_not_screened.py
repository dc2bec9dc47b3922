"""A model is trained with what others made, and nobody screened it.

## What it finds

Training with data from outside (fetched from a hub or address, or declared with such an origin) and neither a library
that screens records (cleanlab, datasketch, text-dedup, adversarial-robustness-toolbox, ...) nor a text that says which
screens ran: near duplicates, label errors, outliers, triggers, changed files.

## Why it matters

Some hundred poisoned records are enough to plant a backdoor, in models of any size. They look like all others; only
screens over the whole find them.

## How to fix

Before training, fix the digests of what was fetched, drop near duplicates, look at label errors and outliers, and write
the counts into the data card.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Confidence, Severity
from keelmark.development.checks._data import (
    data_texts,
    declared_for,
    imported_by_product,
    outside_sources,
    trains,
)
from keelmark.development.checks._models import datasets_of
from keelmark.engine.answers import Topic, says

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="poisoning-not-screened",
    title="A model is trained with what others made, and nobody screened it",
    severity=Severity.LOW,
    confidence=Confidence.MEDIUM,
    recommendations=("G2.f",),
    tags=("owasp-llm:LLM04", "atlas:AML.T0020", "atlas:AML.M0007", "en-304-223:5.2.4-1"),
    audience=Audience.ML_ENGINEER,
)

LIBRARIES = ("art.defences", "cleanlab", "datasketch", "datatrove", "dedupe", "deepchecks", "fastdup", "imagededup", "nemo_curator",
             "pyod", "semhash", "text_dedup")  # fmt: skip
SCREENED = Topic(
    name="screens against poisoning",
    pattern=r"(duplicates?( rows| records)?|outliers?) (was|were|are) (removed|dropped|found|counted)|(was|were|is|we) de-?duplicated"
    r"|\b(no|zero|0|[0-9]+) (exact |near[- ])?duplicates?\b|digests? (is |are |was |were )?(checked|compared|verified) before|label (errors?|noise|issues?) (were|was|found|removed|checked)|confident learning"
    r"|(screen|scann|inspect|check|filter|look)\w* (for|against) (poison|backdoor|trigger|tamper|outlier|duplicate|label)"
    r"|(poison|backdoor|tamper|outlier)\w* (screen|scan|filter|check|detection|removal)|outliers? (were|was|are) (removed|checked|dropped)"
    r"|(screen|filter)ed .{0,40}(poison|outlier|trigger)",
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the data of the training."""
    if not trains(project):
        yield CARD.not_applicable("no training was found")
        return
    library = next(imported_by_product(project, *LIBRARIES), None)
    told = [seen for seen in data_texts(project) if says(seen.fact, SCREENED)]
    sources = outside_sources(project)
    unsaid = [asset for asset in datasets_of(project) if _has_no_origin(project, asset.path)]
    if library is not None:
        yield CARD.passed(f"{library[1]} screens records", at=library[0])
    elif told:
        yield CARD.passed(f"{told[0].file.path} says which screens ran", at=told[0].at(0))
    elif sources:
        names = ", ".join(dict.fromkeys(name for name, _ in sources[:5]))
        yield CARD.failed(
            f"data from outside is trained with, and nothing screens it: {names}",
            at=tuple(at for _, at in sources[:10]),
            fix="Screen for near duplicates, label errors, outliers and changed files, and write the counts into docs/data-card.md.",
            subject="screens",
        )
    elif unsaid:
        yield CARD.unknown(
            f"nobody said whether {unsaid[0].path} was made by others",
            fix="Declare its origin under `datasets` in keelmark.yaml.",
        )
    else:
        yield CARD.not_applicable("no data from outside is trained with")


def _has_no_origin(project: Project, path: str) -> bool:
    entry = declared_for(project, path)
    return entry is None or not entry.origin.strip()

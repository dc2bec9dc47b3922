"""Nobody measured how good the data is.

## What it finds

Training with datasets of the project, and neither a library that measures data (great_expectations, pandera, evidently,
...) nor a text that gives numbers of quality: missing values, balance of classes, duplicates, coverage of groups, overlap
between training and evaluation.

## Why it matters

A model is as good as its data. Without numbers nobody sees that a new delivery is worse, or that the test set was in the
training all along.

## How to fix

Measure before training, and write into the data card: rows, missing values, balance, duplicates, and the overlap with the
evaluation set, each with its method.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Confidence, Severity
from keelmark.development.checks._data import data_texts, imported_by_product, trains
from keelmark.development.checks._models import datasets_of
from keelmark.engine.answers import Topic, says

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="dataset-quality-not-measured",
    title="Nobody measured how good the data is",
    severity=Severity.LOW,
    confidence=Confidence.MEDIUM,
    recommendations=("G2.g",),
    tags=("owasp-llm:LLM04", "en-304-223:5.2.4-2"),
    audience=Audience.ML_ENGINEER,
)

LIBRARIES = ("cleanlab", "dataprep.eda", "deepchecks", "evidently", "great_expectations", "pandas_profiling", "pandera", "soda",
             "tensorflow_data_validation", "whylogs", "ydata_profiling", "ydata_quality")  # fmt: skip
# A figure must stand near the word: a heading about quality measures nothing.
_QUALITY = (
    r"(missing values?|class(es)? (balance|distribution)|imbalance|balance of|duplicates?|overlap|contaminat\w+|leakage between"
    r"|coverage|inter-?annotator|label (noise|errors?)|data quality|per class|null values)"
)
MEASURED = Topic(
    name="numbers of quality",
    pattern=rf"(?s){_QUALITY}.{{0,80}}\b([0-9]+([.,][0-9]+)?|none|zero)\b|\b([0-9]+([.,][0-9]+)?( ?%)?|no|zero) (of )?(\w+ )?{_QUALITY}",
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the data of the training."""
    data = datasets_of(project)
    if not trains(project) or not data:
        yield CARD.not_applicable("no training with a dataset of the project was found")
        return
    library = next(imported_by_product(project, *LIBRARIES), None)
    told = [seen for seen in data_texts(project) if says(seen.fact, MEASURED)]
    if library is not None:
        yield CARD.passed(f"{library[1]} measures the data", at=library[0])
    elif told:
        yield CARD.passed(f"{told[0].file.path} gives numbers of its quality", at=told[0].at(0))
    else:
        yield CARD.failed(
            f"no number says how good the data is: {', '.join(asset.path for asset in data[:3])}",
            at=tuple(Location(path=asset.path) for asset in data[:10]),
            fix="Write missing values, balance, duplicates and the overlap with the evaluation set into docs/data-card.md.",
            subject="quality",
        )

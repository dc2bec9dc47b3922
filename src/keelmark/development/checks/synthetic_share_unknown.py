"""Nobody knows how much of the data a model made.

## What it finds

Datasets of the product for which neither `synthetic_share` in keelmark.yaml nor a data card says which part was generated,
and by what. "None" is an answer too.

## Why it matters

Models that learn from the output of models lose the rare cases first. And what a model of somebody else generated comes
with his terms and his mistakes.

## How to fix

```yaml
datasets:
  - {path: data/tickets.csv, origin: ticket system, synthetic_share: 0.15}
```
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.development.checks._answers import MAX_PLACES, listed
from keelmark.development.checks._data import declared_for
from keelmark.development.checks._models import datasets_of
from keelmark.engine.answers import Topic, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="synthetic-share-unknown",
    title="Nobody knows how much of the data a model made",
    severity=Severity.LOW,
    recommendations=("G1.h", "G2.h"),
    settles=("G1.h", "G2.h"),
    tags=("owasp-llm:LLM04", "en-304-223:5.2.4-2"),
    audience=Audience.ML_ENGINEER,
)

TOLD = Topic(
    name="the generated share",
    pattern=r"synthetic|(ai|machine|model|llm)[- ]generated|generated (by|with|using) (an? )?(model|llm|gpt|ai\b|openai|claude|gemini|chatgpt|text-davinci|sdv|ctgan)"
    r"|generated? .{0,80}(text-davinci|gpt-|openai|llm)",
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the datasets of the product."""
    data = datasets_of(project)
    if not data:
        yield CARD.not_applicable("no dataset was found")
        return
    unsaid = [asset for asset in data if not _is_declared(project, asset.path)]
    cards = about(project, TOLD, DocumentKind.DATA_CARD)
    if not unsaid:
        yield CARD.passed(
            f"keelmark.yaml gives the generated share of each of {len(data)} datasets",
            at=Location(
                path=project.declaration_path,
                line=project.declaration.line("datasets") if project.declaration else 0,
            ),
        )
    elif cards:
        # A card that speaks of it may mean one dataset of several, so it settles nothing.
        yield replace(
            CARD.passed(f"{cards[0].file.path} speaks of generated records", at=cards[0].at(0)), settles=()
        )
    else:
        yield CARD.failed(
            f"nothing says which part of {listed([asset.path for asset in unsaid], most=3)} was generated",
            at=tuple(Location(path=asset.path, anchor=asset.name) for asset in unsaid[:MAX_PLACES]),
            fix="Give `synthetic_share` for each under `datasets` in keelmark.yaml, 0 for none, and name the generator in the data card.",
            subject="share",
        )


def _is_declared(project: Project, path: str) -> bool:
    entry = declared_for(project, path)
    return entry is not None and entry.synthetic_share is not None

"""Nobody says under which licence the weights may be used.

## What it finds

Weights of the project (in the folder, or kept elsewhere by a pointer) for which nothing names a licence: no licence
text of the project, none in a model card or in the header of the file, none in keelmark.yaml. A licence of the
project covers the weights that lie in it.

## Why it matters

Whoever ships or changes a model needs the right to. A model whose licence turns up later can take the product down
with it.

## How to fix

Add `LICENSE`, name the licence in the model card, or set `licence` for the model in keelmark.yaml.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.glob import matches
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.development.checks._models import cards_of, own_weights
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.asset import Asset
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="model-without-licence",
    title="Nobody says under which licence the weights may be used",
    severity=Severity.LOW,
    recommendations=("SD-4.i", "DEV-3.a", "DEV-1.e"),
    tags=("owasp-llm:LLM03", "en-304-223:5.2.4-1"),
    audience=Audience.RISK_OWNER,
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for each of them."""
    models = own_weights(project)
    if not models:
        yield CARD.not_applicable("no model of its own was found")
        return
    texts = [seen for seen in project.documents(DocumentKind.LICENCE) if seen.is_product]
    if texts:
        name = texts[0].fact.licence or "the licence of the project"
        yield CARD.passed(f"{texts[0].file.path}: {name}", at=texts[0].at(0))
        return
    bare = [asset for asset in models if not _licence_of(project, asset)]
    if bare:
        names = ", ".join(asset.name for asset in bare[:5])
        yield CARD.failed(
            f"nothing names a licence for {counted(len(bare), 'model')}: {names}",
            at=tuple(Location(path=asset.path, anchor=asset.name) for asset in bare[:20]),
            fix="Add LICENSE, name the licence in the model card, or set `licence` for the model in keelmark.yaml.",
            subject="licence",
        )
    else:
        named = _licence_of(project, models[0])
        yield CARD.passed(f"{counted(len(models), 'model')} with a named licence, the first {named}")


def _licence_of(project: Project, asset: Asset) -> str:
    for entry in project.declaration.models if project.declaration else ():
        if entry.path and matches(entry.path, asset.path) and entry.licence:
            return entry.licence
    for seen in cards_of(project):
        if seen.fact.licence:
            return seen.fact.licence
    file = project.by_path.get(asset.path)
    pairs = [
        pair
        for reading in (file.readings if file else ())
        for model in reading.models
        for pair in model.metadata
    ]
    return next((value for key, value in pairs if key.lower().endswith(("license", "licence")) and value), "")

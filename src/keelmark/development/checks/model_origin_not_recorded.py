"""Nobody wrote down where a model comes from.

## What it finds

Weights in the folder (or kept elsewhere by a pointer) without a recorded origin: no entry with an origin in
keelmark.yaml, no pointer with a source, no pipeline that produces them, no model card that names the base model, the
training data or the source, and no origin in the header of the file.

## Why it matters

A model of unknown origin cannot be checked against its maker, cannot be updated when the maker withdraws it, and may
carry a licence or a back door that nobody agreed to.

## How to fix

Name the origin in keelmark.yaml, or in the model card.

```yaml
models:
  - path: models/classifier.safetensors
    origin: dvc.yaml stage train, commit 41d0e6b
    licence: Apache-2.0
    sha256: 9f31c07a22be...
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.finding import Card
from keelmark.core.glob import matches
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.development.checks._answers import fail_by_folder, plural
from keelmark.development.checks._files import absent_models, weights_here
from keelmark.development.checks._models import cards_of
from keelmark.development.checks._packages import folder_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Document
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="model-origin-not-recorded",
    title="Nobody wrote down where a model comes from",
    severity=Severity.MEDIUM,
    recommendations=("SD-4.i", "DEV-1.e", "DEV-3.a"),
    tags=("owasp-llm:LLM03", "atlas:AML.T0010.003", "atlas:AML.M0023", "en-304-223:5.2.4-1"),
)

_KEYS = frozenset(
    {"base_model", "datasets", "general.source.url", "general.source.huggingface.repository", "general.url", "source",
     "general.base_model.0.repo_url", "general.base_model.0.name", "model_source", "origin"}
)  # fmt: skip
_TELLS = re2.compile(
    r"(?i)\b(trained (on|with|from|by)|train(s|ing)? (data|set|dataset|script|code)|fine-?tuned (on|from)|derived from"
    r"|converted from|exported from|downloaded from|based on|obtained from|original (model|weights)|origin|provenance"
    r"|developed by|source of the (model|weights))\b"
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for all weights of the product."""
    sources = {asset.path: asset.get("source") for asset in absent_models(project)}
    here = {seen.file.path: seen for seen in weights_here(project)}
    paths = sorted({*sources, *here})
    told: dict[str, str] = {}
    for path in paths:
        header = {key for key, value in here[path].fact.metadata if value} if path in here else set()
        told[path] = sources.get(path, "") or _recorded(project, path, header)
    bare = [path for path in paths if not told[path]]
    yield from fail_by_folder(
        CARD,
        bare,
        one="has no recorded origin",
        many="have no recorded origin",
        fix=f"Add it to `models` in {project.declaration_path} with its origin, or name the origin in its model card.",
    )
    if not paths:
        yield CARD.not_applicable("no weights were found")
    elif not bare:
        named = ", ".join(sorted(set(told.values()))[:3])
        yield CARD.passed(
            f"the origin of {plural(len(paths), 'file')} of weights is recorded: {named}",
            at=tuple(Location(path=path) for path in paths[:10]),
        )


def _recorded(project: Project, path: str, header: set[str]) -> str:
    if any(
        entry.origin and matches(entry.path, path)
        for entry in (project.declaration.models if project.declaration else ())
        if entry.path
    ):
        return project.declaration_path
    if header & _KEYS:
        return "the header of the file"
    for file, reading in project.readings:
        stages = reading.pipeline.stages if reading.pipeline else ()
        if any(path == out or path.startswith(f"{out}/") for stage in stages for out in stage.outputs):
            return file.path
    for seen in cards_of(project):
        # A card speaks of what lies beside or below it; one at the top or among the documents speaks of all.
        folder = folder_of(seen.file.path)
        near = not folder or folder.split("/")[0] in {"docs", "doc"} or path.startswith(f"{folder}/")
        if near and _tells(seen.fact):
            return seen.file.path
    return ""


def _tells(document: Document) -> bool:
    if any(key in _KEYS and value for key, value in document.metadata):
        return True
    return any(_TELLS.search(f"{part.title}\n{part.text}") for part in document.sections)

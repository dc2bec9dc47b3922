"""A model has another size than declared.

## What it finds

Model files whose count of parameters, read from their header, is not the one that `models` in `keelmark.yaml` declares for
that path. For a declared folder or pattern the counts of its files are added up. Files whose format does not say how many
parameters they hold are named as unknown.

## Why it matters

Another count is another model: the wrong file, a file that was exchanged, or a card that was never updated.

## How to fix

Find out which of the two is right. Put the right file in its place, or correct the declaration and assess again.

```yaml
models:
  - {path: models/classifier.safetensors, parameters: 1250304}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import ModelRole
from keelmark.core.finding import Card
from keelmark.core.glob import matches
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.declaration import DeclaredModel
    from keelmark.core.facts import FileFacts, ModelFile
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="model-parameters-not-as-declared",
    title="A model has another size than declared",
    severity=Severity.MEDIUM,
    recommendations=("SD-4.d", "DEV-3.a", "DEV-2.d"),
    tags=("cwe:353", "owasp-llm:LLM03", "atlas:AML.T0018", "en-304-223:5.2.1-1"),
    references=("Guidelines for secure AI system development: Consider security benefits and trade-offs",),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for every declared count."""
    weights = [
        (file, model)
        for file, reading in project.readings
        for model in reading.models
        if model.role in {ModelRole.WEIGHTS, ModelRole.ADAPTER} and file.role.value == "product"
    ]
    if not weights:
        yield CARD.not_applicable("no model file was found")
        return
    models = project.declaration.models if project.declaration else ()
    stated = [
        (index, entry) for index, entry in enumerate(models) if entry.path and entry.parameters is not None
    ]
    if not stated:
        yield CARD.unknown(
            f"no count of parameters is declared for {counted(len(weights), 'model file')}",
            fix="Declare `parameters` for each model in `models` of keelmark.yaml.",
            at=tuple(Location(path=file.path) for file, _ in weights[:10]),
        )
        return
    for index, entry in stated:
        yield _answer(project, index, entry, weights)


def _answer(
    project: Project, index: int, entry: DeclaredModel, weights: list[tuple[FileFacts, ModelFile]]
) -> Finding:
    line = project.declaration.line(f"models[{index}].parameters") if project.declaration else 0
    place = Location(path=project.declaration_path, line=line)
    own = [(file, model) for file, model in weights if matches(entry.path, file.path)]
    places = (place, *(Location(path=file.path) for file, _ in own[:19]))
    if not own:
        return CARD.unknown(
            f"no model file was read at `{entry.path}`", fix="Bring the file, or correct the path.", at=place
        )
    if any(model.parameters is None for _, model in own):
        return CARD.unknown(
            f"the format of `{entry.path}` does not say how many parameters it holds",
            fix="Keep the weights in a format whose header says it (safetensors, GGUF, ONNX).",
            at=places,
        )
    found = sum(model.parameters or 0 for _, model in own)
    if found != entry.parameters:
        return CARD.failed(
            f"`{entry.path}` holds {found:,} parameters and {entry.parameters:,} are declared",
            at=places,
            fix="Find out which is right: put the right file in its place, or correct the declaration and assess again.",
            subject=entry.path,
        )
    return CARD.passed(f"`{entry.path}` holds the declared {found:,} parameters", at=places)

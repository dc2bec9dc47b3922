"""A model lies in the folder that nobody declared.

## What it finds

Weights of the product (here, or kept elsewhere by a pointer) that no entry of `models` in keelmark.yaml names, and
entries that name a file which is not there. Without keelmark.yaml the answer is not known.

## Why it matters

A file that nobody listed is a file that nobody chose: left over, copied in, or put there by somebody else. It is loaded
all the same when its name is right.

## How to fix

List it, or remove it.

```yaml
models:
  - path: models/classifier.safetensors
    origin: dvc.yaml stage train
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.glob import matches
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.development.checks._answers import Defect, fail_each, plural
from keelmark.development.checks._files import absent_models, weights_here

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="unlisted-model",
    title="A model lies in the folder that nobody declared",
    severity=Severity.MEDIUM,
    recommendations=("DEV-2.d", "DEV-2.f"),
    tags=("atlas:AML.M0023", "en-304-223:5.2.1-1"),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for each model file and each entry."""
    paths = sorted(
        {*(seen.file.path for seen in weights_here(project)), *(a.path for a in absent_models(project))}
    )
    declared = project.declaration
    listed = tuple(entry for entry in declared.models if entry.path) if declared else ()
    if not paths and not listed:
        yield CARD.not_applicable("no weights were found and none are declared")
        return
    if declared is None:
        yield CARD.unknown(
            f"nobody declared the {plural(len(paths), 'model file')} of the folder",
            fix="Write keelmark.yaml (keelmark init) and list each under `models`.",
        )
        return
    unlisted = [path for path in paths if not any(matches(entry.path, path) for entry in listed)]
    missing = [
        (index, entry.path)
        for index, entry in enumerate(declared.models)
        if entry.path
        and not project.has_path(entry.path)
        and not any(matches(entry.path, path) for path in paths)
    ]
    defects = [
        Defect(
            message=f"{path} is declared nowhere",
            many="model files are declared nowhere",
            at=Location(path=path),
            fix=f"List it under `models` in {project.declaration_path}, or remove it.",
            subject=path,
        )
        for path in unlisted
    ]
    defects += [
        Defect(
            message=f"{path} is declared and not there",
            many="declared model files are not there",
            at=Location(path=project.declaration_path, line=declared.line(f"models[{index}]"), anchor=path),
            fix="Mend the path, or remove the entry.",
            subject=path,
        )
        for index, path in missing
    ]
    yield from fail_each(CARD, defects)
    if not defects:
        yield CARD.passed(
            f"{plural(len(paths), 'model file')}, each declared",
            at=Location(path=project.declaration_path, line=declared.line("models")),
        )

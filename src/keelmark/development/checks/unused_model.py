"""Weights that nothing names.

## What it finds

Files of weights of the product whose name, stem or folder appears nowhere: not in a call, a setting, a pipeline, a
container file, a document or keelmark.yaml. A folder that holds nothing but a model (weights with their configuration
and no code) is the product itself and is not judged.

What is put together at run time cannot be seen, so the confidence is medium.

## Why it matters

A model that nobody uses is still copied, backed up, leaked and loaded by mistake; and nobody updates it.

## How to fix

Remove it, or name it where it is used or in `models` of keelmark.yaml.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Confidence, Severity
from keelmark.development.checks._answers import Defect, fail_each, plural
from keelmark.development.checks._files import weights_here
from keelmark.development.checks._packages import folder_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Reading
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="unused-model",
    title="Weights that nothing names",
    severity=Severity.LOW,
    confidence=Confidence.MEDIUM,
    recommendations=("DEV-4.a", "DEV-2.a"),
    tags=("cwe:1164", "en-304-223:5.2.1-1"),
)

# Words too short or too common to be the name of a model.
_MIN_STEM = 4
_COMMON = frozenset(
    {"model", "models", "weights", "data", "assets", "files", "static", "checkpoints", "checkpoint"}
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for each file of weights."""
    weights = [seen.file.path for seen in weights_here(project)]
    modules = [seen for seen in project.modules if seen.is_product]
    if not weights:
        yield CARD.not_applicable("no weights were found")
        return
    if not modules:
        yield CARD.not_applicable("no code of the product was read, so the model may be the product itself")
        return
    words = "\n".join(_words(project)).lower()
    bare = [path for path in weights if not _is_named(path, words)]
    hidden = [gap.path for gap in project.gaps if gap.matters and gap.path.endswith((".py", ".ipynb"))]
    if bare and hidden:
        yield CARD.unknown(f"nothing that was read names {bare[0]}, but {hidden[0]} could not be read")
        return
    yield from fail_each(
        CARD,
        (
            Defect(
                message=f"nothing names {path}",
                many="files of weights are named by nothing",
                at=Location(path=path),
                fix=f"Remove it, or name it under `models` in {project.declaration_path}.",
                subject=path,
            )
            for path in bare
        ),
    )
    if not bare:
        yield CARD.passed(f"{plural(len(weights), 'file')} of weights, each named somewhere")


def _is_named(path: str, words: str) -> bool:
    lower = path.lower()
    name = lower.rpartition("/")[2]
    stem = name.partition(".")[0]
    if name in words or (len(stem) >= _MIN_STEM and stem not in _COMMON and stem in words):
        return True
    # Code that names the folder may list what lies in it.
    folder = folder_of(lower)
    # A saved model is named by its folder; its numbers lie one below.
    folder = folder_of(folder) if folder.endswith("/variables") else folder
    return bool(folder) and (folder in words or folder.rpartition("/")[2] in words)


def _words(project: Project) -> Iterator[str]:
    """Every text that may name a file."""
    if project.declaration is not None:
        yield from (entry.path for entry in project.declaration.models)
        yield from (component.path for component in project.declaration.components)
    for _, reading in project.readings:
        yield from _of_reading(reading)


def _of_reading(reading: Reading) -> Iterator[str]:
    if reading.module is not None:
        for call in reading.module.calls:
            yield call.anchor
            for argument in call.arguments:
                yield f"{argument.text} {argument.literal or ''} {' '.join(argument.items)}"
    if reading.document is not None:
        yield from (f"{part.title} {part.text}" for part in reading.document.sections)
    if reading.pipeline is not None:
        for stage in reading.pipeline.stages:
            yield " ".join((stage.command, *stage.inputs, *stage.outputs))
    if reading.container is not None:
        yield from (step.value for step in reading.container.instructions)
    for service in reading.services:
        yield " ".join((service.command, *service.volumes, *(value for _, value in service.environment)))
    yield from (value for _, value, _ in reading.environment)
    yield from (path for path, _ in reading.digests)
    if reading.workflow is not None:
        yield from (script.text for script in reading.workflow.scripts)

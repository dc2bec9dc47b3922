"""Nobody would notice that the world has moved away from the model.

## What it finds

A model of the project behind an API, and nothing that compares inputs or predictions of now with those of the training:
no library for drift, no monitoring schedule in the infrastructure, no code of that name, and no text that says how it is
watched.

## Why it matters

Drift makes a model wrong without an error. A slow attack (poisoned feedback, probing) looks the same and stays hidden in
it.

## How to fix

Keep the distribution of the training inputs with the model, compare a window of requests with it each day, and alert on
distance (population stability, Kolmogorov-Smirnov). Libraries: evidently, nannyml, whylogs, alibi-detect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import FileRole
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.engine.answers import Topic, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="drift-not-watched",
    title="Nobody would notice that the world has moved away from the model",
    severity=Severity.LOW,
    recommendations=("OM-1.c", "OM-1.e"),
    tags=("en-304-223:5.4.2-3", "atlas:AML.M0024"),
    audience=Audience.ML_ENGINEER,
)

LIBRARIES = ("alibi_detect", "arize", "deepchecks", "evidently", "fiddler", "frouros", "nannyml", "tensorflow_data_validation",
             "torchdrift", "whylogs")  # fmt: skip

_RESOURCES = ("aws_sagemaker_monitoring_schedule", "aws_sagemaker_data_quality_job_definition",
              "google_vertex_ai_model_deployment_monitoring_job")  # fmt: skip
_CODE = re2.compile(r"(?i)(?:^|[/_.-])(?:[a-z]+_)?(?:drift|population_stability|psi)(?:[/_.-]|$)")
DESCRIBED = Topic(
    name="how drift is watched",
    pattern=r"(?s)(watch|monitor|measur|compar|alert|detect|check)\w*.{0,160}\bdrift"
    r"|\bdrift\w*.{0,80}(watch|monitor|measur|compar|alert|detect|check)|population stability|kolmogorov",
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the project."""
    traits = set(project.inventory.traits)
    # Model files of an application of language models are indexes, tokenizers and the like.
    is_own = "training" in traits or "llm-application" not in traits
    if not ({"api", "model-file"} <= traits and is_own):
        yield CARD.not_applicable("no trained model of the project behind an API was found")
        return
    found = _evidence(project)
    if found:
        yield CARD.passed(found[0], at=found[1])
        return
    yield CARD.failed(
        "a trained model answers requests, and nothing compares its inputs or answers with those of the training",
        at=tuple(seen.at() for seen in project.routes if seen.is_product)[:5],
        fix="Compare a window of inputs and answers with the training data each day, and alert on distance (evidently, nannyml).",
        subject="drift",
    )


def _evidence(project: Project) -> tuple[str, Location] | None:
    """What watches drift, and where."""
    for file, line, name in project.imports(*LIBRARIES):
        if file.role is FileRole.PRODUCT:
            return f"{name} measures drift", Location(path=file.path, line=line)
    for file, reading in project.readings:
        for resource in reading.resources:
            if resource.kind in _RESOURCES:
                return f"{resource.kind} watches the endpoint", Location(path=file.path, line=resource.line)
    for seen in project.modules:
        if seen.is_product and _CODE.search(seen.file.path):
            return f"{seen.file.path} measures drift", seen.at(1)
        for call in seen.fact.calls if seen.is_product else ():
            if _CODE.search(call.name):
                return f"{call.name} measures drift", seen.at(call.line)
    told = about(project, DESCRIBED)
    return (f"{told[0].file.path} says how drift is watched", told[0].at(0)) if told else None

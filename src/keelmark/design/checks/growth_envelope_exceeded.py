"""The system has grown beyond what its threat model holds for.

## What it finds

Limits of the declared growth envelope that are crossed: more tools in the code than the limit, steps of an agent above the
limit of autonomy, a public link for a system declared as internal, classes of personal data that are not in the list, and
declared numbers of today above the limit.

## Why it matters

Beyond the envelope the release decision no longer speaks of the system that runs.

## How to fix

Go back below the limit, or assess the threats at the new size and raise the limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.core.system_model import GROWING
from keelmark.design.checks._calls import all_calls, is_true
from keelmark.design.checks._data_classes import classes_found
from keelmark.design.checks._gaps import answer_code_gaps
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.declaration import GrowthEnvelope
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="growth-envelope-exceeded",
    title="The system has grown beyond what its threat model holds for",
    severity=Severity.HIGH,
    recommendations=("SD-2.f", "X7.a", "X3.e"),
    tags=("en-304-223:5.1.3-1.1",),
    audience=Audience.RISK_OWNER,
    references=("Guidelines for secure AI system development: Model the threats to your system",),
)

FIX = "Go back below the limit, or assess the threats at the new size and raise the limit."
_STEPS = ("max_iter", "max_iterations", "max_steps", "max_turns", "recursion_limit")
# Libraries in which the same words count rounds of arithmetic, not steps that a model takes.
_ARITHMETIC = frozenset(
    {
        "accelerate", "catboost", "cuml", "cv2", "imblearn", "jax", "keras", "lightgbm", "lightning", "numpy", "optax",
        "peft", "pytorch_lightning", "scipy", "skimage", "sklearn", "statsmodels", "tensorflow", "torch", "transformers",
        "trl", "xgboost",
    }
)  # fmt: skip
_TUNNELS = ("ngrok.connect", "pyngrok.ngrok.connect", "ngrok.forward")


def check(project: Project) -> Iterator[Finding]:
    """Answer for each limit."""
    envelope = project.declaration.growth_envelope if project.declaration else None
    if envelope is None:
        yield CARD.not_applicable("no growth envelope is declared, so none can be exceeded")
        return
    crossed = [
        *_stated(project, envelope),
        *_tools(project, envelope),
        *_steps(project, envelope),
        *_exposure(project, envelope),
        *_classes(project, envelope),
    ]
    yield from crossed
    hidden = tuple(answer_code_gaps(CARD, project, "crossed limit"))
    yield from hidden
    if not crossed and not hidden:
        yield CARD.passed(
            "what was found keeps to the declared limits", at=_place(project, "growth_envelope")
        )


def _place(project: Project, dotted: str) -> Location:
    line = project.declaration.line(dotted) if project.declaration else 0
    return Location(path=project.declaration_path, line=line)


def _stated(project: Project, envelope: GrowthEnvelope) -> Iterator[Finding]:
    for name in GROWING:
        limit = getattr(envelope, name)
        if limit is not None and limit.now is not None and limit.now > limit.limit:
            yield CARD.failed(
                f"{name.replace('_', ' ')}: {limit.now:g} is declared for today and the limit is {limit.limit:g}",
                at=_place(project, f"growth_envelope.{name}"),
                fix=FIX,
                subject=name,
            )


def _tools(project: Project, envelope: GrowthEnvelope) -> Iterator[Finding]:
    tools = [seen for seen in project.tools if seen.is_product and seen.fact.wired]
    if envelope.tools is not None and len(tools) > envelope.tools.limit:
        yield CARD.failed(
            f"{counted(len(tools), 'tool')} found, and the limit is {envelope.tools.limit:g}",
            at=(_place(project, "growth_envelope.tools"), *(seen.at() for seen in tools[:19])),
            fix=FIX,
            subject="tools found",
        )


def _steps(project: Project, envelope: GrowthEnvelope) -> Iterator[Finding]:
    if envelope.autonomy is None:
        return
    for seen in all_calls(project):
        if seen.fact.name.partition(".")[0] in _ARITHMETIC:
            continue
        for argument in seen.fact.arguments:
            steps = argument.literal
            is_number = isinstance(steps, (int, float)) and not isinstance(steps, bool)
            if (
                argument.name in _STEPS
                and is_number
                and seen.is_product
                and float(steps or 0) > envelope.autonomy.limit
            ):
                yield CARD.failed(
                    f"`{seen.fact.name}` may take {steps:g} steps and the limit is {envelope.autonomy.limit:g}",
                    at=seen.at(),
                    fix=FIX,
                    subject=f"autonomy:{seen.fact.name}",
                )


def _exposure(project: Project, envelope: GrowthEnvelope) -> Iterator[Finding]:
    if envelope.exposure not in {"internal", "partners"}:
        return
    for seen in all_calls(project):
        is_public = is_true(seen.fact.argument("share")) or seen.fact.name in _TUNNELS
        if is_public and seen.is_product:
            yield CARD.failed(
                f"`{seen.fact.name}` opens a public address and the exposure is declared as {envelope.exposure}",
                at=seen.at(),
                fix=FIX,
                subject="exposure",
            )


def _classes(project: Project, envelope: GrowthEnvelope) -> Iterator[Finding]:
    if not envelope.data_classes:
        return
    declared = {name.lower() for name in envelope.data_classes}
    for found in classes_found(project):
        if not declared.intersection(found.accepted):
            yield CARD.failed(
                f"{found.words} lie in {found.at.path} and `{found.name}` is not in the declared data classes",
                at=found.at,
                fix=FIX,
                subject=f"data:{found.name}",
            )

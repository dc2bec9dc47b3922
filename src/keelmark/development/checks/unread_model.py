"""A model file could not be looked at.

## What it finds

A model file that is broken or says one thing and holds another: a header that breaks off, sizes that do not fit the
file, an archive whose two directories differ. That fails. A model that is only a pointer, larger than the bounds,
encrypted or of a variant without a reader is named as not known.

## Why it matters

A file that readers cannot follow and a loader can is how scanners are evaded. And nothing can be said of weights that
nobody looked at.

## How to fix

Replace a broken file by the original. Fetch what is only a pointer (`git lfs pull`, `dvc pull`) and assess again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.development.checks._answers import Defect, fail_each, plural
from keelmark.development.checks._files import BROKEN, model_files, model_gaps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Gap
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="unread-model",
    title="A model file could not be looked at",
    severity=Severity.MEDIUM,
    recommendations=("SD-3.h", "DEV-2.d"),
    tags=("atlas:AML.T0076", "en-304-223:5.2.1-1"),
    audience=Audience.SECURITY_ENGINEER,
    reads_single_files=True,
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for each gap about a model."""
    gaps = {(gap.path, gap.reason): gap for gap in model_gaps(project)}
    models = {seen.file.path for seen in model_files(project)}
    yield from fail_each(CARD, (_broken(project, gap) for gap in gaps.values() if gap.reason in BROKEN))
    limits = [gap for gap in gaps.values() if gap.reason not in BROKEN]
    for gap in limits[:20]:
        yield CARD.unknown(
            f"{gap.path} was not looked at: {gap.reason.value}{f' ({gap.detail})' if gap.detail else ''}",
            fix="Bring the bytes into the folder (git lfs pull, dvc pull) and assess again.",
            at=Location(path=gap.path, line=gap.line),
            subject=gap.path,
        )
    if len(limits) > 20:
        yield CARD.unknown(f"{len(limits) - 20} more model files were not looked at")
    if gaps:
        return
    if models:
        yield CARD.passed(f"{plural(len(models), 'model file')} read to the end")
    else:
        yield CARD.not_applicable("no model file was found")


def _broken(project: Project, gap: Gap) -> Defect:
    file = project.by_path.get(gap.path)
    seen_as_model = file is not None and any(reading.models for reading in file.readings)
    return Defect(
        message=f"{gap.path} is broken or misstates what it holds: {gap.detail or gap.reason.value}",
        many="model files are broken or misstate what they hold",
        at=Location(path=gap.path, line=gap.line),
        fix="Do not load it; replace it by the original and compare the digest with the one its maker publishes.",
        subject=gap.path,
        # By its name alone it may be something else than a model.
        severity=None if seen_as_model else Severity.LOW,
    )

"""A model file misleads the tools that read it.

## What it finds

Archives that hold one name twice, whose directory contradicts what it points to, or that hide bytes which their format
does not account for; files that are valid in two formats, or are not what their name says; headers that cannot be true;
paths and links that leave the folder; documents that expand without end; chat templates that do more than format.

What runs code is the business of `dangerous-model-file`. `keelmark scan` shows each finding with its place in the file.

## Why it matters

A scanner and a loader that see different things in one file are how a checked file does harm after all. Headers that lie
make native loaders read and write out of bounds.

## How to fix

Do not load the file. Save the model again with its own library, or take it from its maker again, and compare digests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import FileRole
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.development.checks._answers import Defect, fail_each, listed, plural
from keelmark.development.checks._files import model_files, model_gaps
from keelmark.development.checks._hazards import MISLEADING, files_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="misleading-model-file",
    title="A model file misleads the tools that read it",
    severity=Severity.HIGH,
    recommendations=("SD-3.h", "DEV-1.e"),
    tags=("cwe:436", "cwe:130", "owasp-llm:LLM03", "atlas:AML.T0010.003"),
    audience=Audience.SECURITY_ENGINEER,
    reads_single_files=True,
    references=(
        "CWE-436: Interpretation Conflict",
        "CWE-130: Improper Handling of Length Parameter Inconsistency",
    ),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for every artefact, also those inside of archives."""
    models = model_files(project)
    bad = list(files_with(project, MISLEADING))
    hidden = tuple(dict.fromkeys(gap.path for gap in model_gaps(project)))
    if bad:
        yield from fail_each(
            CARD,
            (
                Defect(
                    message=f"{file.path}: {listed([each.hazard.detail for each in found], most=3)}",
                    many="files mislead the tools that read them",
                    at=Location(path=file.path, anchor=str(found[0].hazard.technique)),
                    fix=found[0].fix,
                    subject=file.path,
                    severity=found[0].severity if file.role is FileRole.PRODUCT else Severity.LOW,
                    evidence=(("technique", str(found[0].hazard.technique)),),
                )
                for file, found in bad
            ),
        )
    elif hidden:
        yield CARD.unknown(f"{plural(len(hidden), 'model file')} could not be looked at: {listed(hidden)}")
    elif models:
        yield CARD.passed(
            f"{plural(len({seen.file.path for seen in models}), 'model file')} read; each says one thing to every reader",
            at=tuple(seen.at(0) for seen in models[:10]),
        )
    else:
        yield CARD.not_applicable("no model file was found")

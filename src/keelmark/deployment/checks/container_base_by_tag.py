"""The base image is named by a tag that can move.

## What it finds

A `FROM` without a digest. Earlier stages of the same file and `scratch` are left alone.

## Why it matters

A tag is a name that its owner can point elsewhere. What was assessed is then not what is built tomorrow.

## How to fix

Write the digest behind the tag, `FROM python:3.12-slim@sha256:...`, and let an update tool move it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.core.project import Seen
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="container-base-by-tag",
    title="The base image is named by a tag that can move",
    severity=Severity.LOW,
    recommendations=("DEV-1.i", "DEV-1.a"),
    tags=("cwe:829", "en-304-223:5.2.3-1"),
    reads_single_files=True,
)


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    bases = [
        (Seen(f, r, r.container), base)
        for f, r in project.readings
        if r.container is not None
        for base in r.container.bases
        if not base.is_stage and base.image != "scratch"
    ]
    loose = [(seen, base) for seen, base in bases if not base.digest]
    for seen, base in loose:
        latest = base.is_resolved and base.tag in {"", "latest"}
        name = f"{base.image}:{base.tag}" if base.tag else base.image
        yield CARD.failed(
            f"base image `{name}` can change under its name",
            at=Location(path=seen.file.path, line=base.line, anchor=name),
            fix=f"Pin it: FROM {name}@sha256:...",
            subject=name,
            severity=Severity.MEDIUM if latest and seen.is_product else CARD.severity,
        )
    if not bases:
        yield CARD.not_applicable("no base image was found")
    elif not loose:
        yield CARD.passed(
            f"{counted(len(bases), 'base image')} pinned by digest",
            at=tuple(s.at(b.line) for s, b in bases[:5]),
        )

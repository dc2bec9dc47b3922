"""The lock does not hold what the manifest asks for.

## What it finds

A requirement of a manifest that the lock beside it lacks, or holds in a version outside the range. Requirements with
environment markers, overrides and sources outside an index are left alone, because which one counts depends on the
machine.

## Why it matters

One of the two files is wrong. Either the tested versions are not the wanted ones, or the install fails or silently
takes something else.

## How to fix

Lock again (`uv lock`, `poetry lock`, `npm install --package-lock-only`) and commit both files together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.development.checks._answers import MAX_PLACES, plural
from keelmark.development.checks._packages import folder_of, product_locks, product_manifests
from keelmark.formats.dependencies.compare import lock_contradictions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="lock-contradicts-manifest",
    title="The lock does not hold what the manifest asks for",
    severity=Severity.MEDIUM,
    recommendations=("DEV-2.h", "DEV-1.a"),
    tags=("owasp-llm:LLM03", "atlas:AML.T0010.001", "en-304-223:5.2.3-1"),
    reads_single_files=True,
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for each manifest and lock of one folder."""
    pairs = [
        (manifest, lock)
        for manifest in product_manifests(project)
        for lock in product_locks(project)
        if folder_of(manifest.file.path) == folder_of(lock.file.path)
        and manifest.fact.ecosystem == lock.fact.ecosystem
    ]
    failed = False
    for manifest, lock in pairs:
        found = lock_contradictions(manifest.fact, lock.fact)
        if not found:
            continue
        failed = True
        places = tuple(
            manifest.at(item.requirement.line, anchor=item.requirement.name) for item in found[:MAX_PLACES]
        )
        yield CARD.failed(
            f"{lock.file.path} does not fit {manifest.file.path}: {'; '.join(str(item) for item in found[:3])}",
            at=places,
            fix="Lock again and commit both files together.",
            subject=f"{manifest.file.path} {lock.file.path}",
            evidence=[("contradictions", str(len(found)))],
        )
    if not pairs:
        yield CARD.not_applicable("no manifest stands beside a lock")
    elif not failed:
        yield CARD.passed(
            f"no contradiction in {plural(len(pairs), 'pair')} of manifest and lock",
            at=tuple(lock.at(0) for _, lock in pairs[:5]),
        )

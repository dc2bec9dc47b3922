"""What gets installed is not fixed.

## What it finds

A manifest without a lock of its ecosystem in the same folder or above. An application whose packages all have exact
versions, and a library (it publishes a package and nothing in the folder serves anybody), are reported as low: for the
first only what its packages pull in floats, for the second its users decide what runs.

## Why it matters

Without a lock nobody can say which packages ran in the test, which run now and which of them a new advisory touches.

## How to fix

Commit a lock: `uv lock`, `poetry lock`, `pip-compile --generate-hashes`, `npm install --package-lock-only`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import RequirementSource
from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.development.checks._answers import Defect, fail_each
from keelmark.development.checks._packages import (
    covering_locks,
    folder_of,
    installed,
    is_library,
    is_lockable,
    lock_names,
    product_manifests,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Manifest
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="dependency-without-lock",
    title="What gets installed is not fixed",
    severity=Severity.MEDIUM,
    recommendations=("DEV-2.h", "DEV-1.b", "DEV-4.a"),
    tags=("cwe:1357", "owasp-llm:LLM03", "atlas:AML.T0010.001", "en-304-223:5.2.3-1"),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for each manifest, once for each folder and ecosystem."""
    manifests = [seen for seen in product_manifests(project) if is_lockable(seen)]
    bare: dict[tuple[str, str], Seen[Manifest]] = {}
    locked: list[Seen[Manifest]] = []
    for seen in sorted(manifests, key=_is_secondary):
        locks = covering_locks(project, seen)
        locked += locks
        if not locks:
            bare.setdefault((folder_of(seen.file.path), seen.fact.ecosystem), seen)
    # One file may speak of two ecosystems (conda with a part for pip); one lock settles both.
    once = {seen.file.path: seen for seen in bare.values()}
    yield from fail_each(CARD, (_defect(project, seen) for seen in once.values()))
    if not manifests:
        yield CARD.not_applicable("no dependency manifest was found")
    elif not bare:
        names = sorted({seen.file.path for seen in locked})
        yield CARD.passed(f"{', '.join(names[:3])} fixes what gets installed", at=locked[0].at(0))


def _is_secondary(seen: Seen[Manifest]) -> bool:
    """Whether a manifest is the one for development: the other one of the folder stands for both."""
    return all(item.group not in {"", "main"} for item in seen.fact.requirements) or "dev" in seen.file.path


def _defect(project: Project, seen: Seen[Manifest]) -> Defect:
    library = is_library(project, seen)
    wanted = [item for item in installed(seen.fact) if item.source is not RequirementSource.PATH]
    pinned = all(item.version or item.is_immutable for item in wanted)
    what = "library " if library else ""
    rest = "; only its direct dependencies have versions" if pinned and not library else ""
    return Defect(
        message=f"no lock covers {what}{seen.file.path}{rest}",
        many="manifests have no lock",
        at=seen.at(0),
        fix=f"Commit a lock: {lock_names(seen.fact.ecosystem)}.",
        subject=seen.file.path,
        severity=Severity.LOW if library or pinned else None,
    )

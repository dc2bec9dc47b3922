"""A dependency floats: any version may be installed.

## What it finds

A manifest of an application that asks for packages without a version and without an upper bound, where no lock of the
same ecosystem covers it. Libraries are left alone: their users decide. One finding for each manifest.

## Why it matters

Tomorrow's install is another program than the one that was tested, and a release taken over by an attacker is
installed at once.

## How to fix

Lock the dependencies (`uv lock`, `poetry lock`, `pip-compile --generate-hashes`), or name the versions.

```text
# bad
scikit-learn

# good
scikit-learn==1.5.2
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.development.checks._answers import MAX_PLACES, listed, plural
from keelmark.development.checks._packages import (
    covering_locks,
    floats,
    installed,
    is_library,
    product_manifests,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="dependency-without-version",
    title="A dependency floats: any version may be installed",
    severity=Severity.LOW,
    recommendations=("DEV-2.h", "DEV-4.a", "DEV-1.a"),
    tags=("cwe:1357", "owasp-llm:LLM03", "atlas:AML.T0010.001", "en-304-223:5.2.3-1"),
    reads_single_files=True,
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for each manifest."""
    manifests = product_manifests(project)
    judged, failed = 0, False
    for seen in manifests:
        if is_library(project, seen):
            continue
        judged += 1
        loose = [item for item in installed(seen.fact) if floats(item)]
        if not loose or covering_locks(project, seen):
            continue
        failed = True
        yield CARD.failed(
            f"{plural(len(loose), 'package')} of {seen.file.path} may be of any version: "
            f"{listed([item.name for item in loose])}",
            at=tuple(seen.at(item.line, anchor=item.anchor or item.name) for item in loose[:MAX_PLACES]),
            fix="Lock the dependencies, or name the versions.",
            subject=seen.file.path,
        )
    if failed:
        return
    if judged:
        yield CARD.passed(
            f"the dependencies of {plural(judged, 'manifest')} are bounded or locked",
            at=tuple(seen.at(0) for seen in manifests[:5]),
        )
    elif manifests:
        yield CARD.not_applicable("only libraries were found; their users decide on versions")
    else:
        yield CARD.not_applicable("no dependency manifest was found")

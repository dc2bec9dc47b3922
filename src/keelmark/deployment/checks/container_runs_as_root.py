"""The container runs as root.

## What it finds

A container file whose final stage ends without a `USER`, or with root. Base images that are known to switch to
another user (`nonroot` tags, distroless nonroot) are left alone; stages that only build are not judged.

## Why it matters

Code that breaks out of the application is then root in the container, and one flaw of the kernel or a careless mount
away from the host.

## How to fix

Add a user and switch to it at the end of the final stage: `RUN useradd --uid 10001 app` and `USER 10001`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.core.project import Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import ContainerFile
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="container-runs-as-root",
    title="The container runs as root",
    severity=Severity.MEDIUM,
    recommendations=("DEP-1.a", "SD-3.i"),
    tags=("cwe:250", "en-304-223:5.2.2-1"),
    reads_single_files=True,
)


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    files = [Seen(f, r, r.container) for f, r in project.readings if r.container is not None]
    if not files:
        yield CARD.not_applicable("no container file was found")
    for seen in files:
        yield _answer(seen)


def _answer(seen: Seen[ContainerFile]) -> Finding:
    container = seen.fact
    user = container.user.partition(":")[0]
    final = next((base for base in container.bases if base.is_final), None)
    if user and user not in {"root", "0"}:
        return CARD.passed(f"runs as {user}", at=seen.at(container.user_line))
    if not user and final is not None and "nonroot" in f"{final.image}:{final.tag}":
        return CARD.passed(
            f"the base image {final.image}:{final.tag} runs as another user", at=seen.at(final.line)
        )
    if user.startswith("$"):
        return CARD.unknown(f"the user is `{user}`, set at build time", at=seen.at(container.user_line))
    line = container.user_line or (final.line if final else 1)
    return CARD.failed(
        "the container runs as root",
        at=Location(path=seen.file.path, line=line, anchor="USER"),
        fix="Add a user and switch to it at the end of the final stage: USER 10001.",
        subject="user",
        severity=CARD.severity if seen.is_product else Severity.LOW,
    )

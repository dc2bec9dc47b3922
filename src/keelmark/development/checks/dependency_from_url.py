"""A package comes from an address whose content can change.

## What it finds

A requirement that names a repository without a full commit, or an archive without a digest, and that no lock of the
same ecosystem fixes. Packages of a path in the project are left alone.

## Why it matters

Whoever can write to the branch or the server decides what is installed next; no index keeps an old version and no
advisory covers it.

## How to fix

Take a release of an index; or name the full commit, or the digest of the archive.

```text
# bad
detector @ git+https://github.com/acme/detector@main

# good
detector @ git+https://github.com/acme/detector@5f0c1b2e8a7d4c3b9e6f1a2d3c4b5a6978877665
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import RequirementSource
from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.development.checks._answers import Defect, fail_each, plural
from keelmark.development.checks._packages import DEVELOPMENT, covering_locks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Manifest, Requirement
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="dependency-from-url",
    title="A package comes from an address whose content can change",
    severity=Severity.MEDIUM,
    recommendations=("DEV-1.e", "DEV-2.h"),
    tags=("cwe:494", "cwe:829", "owasp-llm:LLM03", "atlas:AML.T0010.001", "en-304-223:5.2.3-1"),
    reads_single_files=True,
)

_REMOTE = frozenset({RequirementSource.URL, RequirementSource.VCS})


def check(project: Project) -> Iterator[Finding]:
    """Answer for each requirement that no index serves."""
    remote = [
        (seen, item)
        for seen in project.manifests
        if not seen.fact.is_lock
        for item in seen.fact.requirements
        if item.source in _REMOTE
    ]
    loose = [(seen, item) for seen, item in remote if not _is_fixed(project, seen, item)]
    yield from fail_each(
        CARD,
        (
            Defect(
                message=f"`{item.name or item.reference}` comes from {item.reference or 'an address'}, whose content can change",
                many="packages come from addresses whose content can change",
                at=seen.at(item.line, anchor=item.anchor or item.name),
                fix="Take a release of an index, or name the full commit or the digest of the archive.",
                subject=item.name or item.reference,
                severity=None if seen.is_product and item.group not in DEVELOPMENT else Severity.LOW,
            )
            for seen, item in loose
        ),
    )
    if loose:
        return
    if remote:
        yield CARD.passed(
            f"{plural(len(remote), 'package')} from addresses, each fixed by a commit or digest",
            at=tuple(seen.at(item.line, anchor=item.name) for seen, item in remote[:10]),
        )
    elif project.manifests:
        yield CARD.not_applicable("every package comes from an index or from the project itself")
    else:
        yield CARD.not_applicable("no dependency manifest was found")


def _is_fixed(project: Project, seen: Seen[Manifest], item: Requirement) -> bool:
    if item.is_immutable or item.is_hashed:
        return True
    locked = [
        entry
        for lock in covering_locks(project, seen)
        for entry in lock.fact.requirements
        if entry.name == item.name
    ]
    return bool(locked) and all(entry.is_immutable or entry.is_hashed for entry in locked)

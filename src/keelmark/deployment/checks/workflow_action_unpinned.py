"""A CI step comes from a name that can move.

## What it finds

A `uses:` of somebody else's action by tag or branch instead of a full commit. Actions of the same repository are left
alone.

## Why it matters

Whoever owns the tag can change what runs with your token and secrets; it has happened to popular actions more than
once.

## How to fix

Write the full commit with the version as a comment, and let an update tool move it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.core.project import Seen
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="workflow-action-unpinned",
    title="A CI step comes from a name that can move",
    severity=Severity.LOW,
    recommendations=("DEP-1.e", "DEV-1.i"),
    tags=("cwe:829", "en-304-223:5.2.3-1"),
    audience=Audience.SECURITY_ENGINEER,
    reads_single_files=True,
    references=("GitHub: Security hardening for GitHub Actions", "zizmor audits"),
)

# A branch moves with every commit; a tag moves only when its owner (or a thief) wills it.
_BRANCHES = {"main", "master", "develop", "dev", "trunk", "HEAD", ""}


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    flows = [Seen(f, r, r.workflow) for f, r in project.readings if r.workflow is not None]
    if not flows:
        yield CARD.not_applicable("no CI workflow was found")
        return
    uses = [(seen, action) for seen in flows for action in seen.fact.actions]
    loose = [(seen, action) for seen, action in uses if not action.is_pinned]
    if loose:
        names = ", ".join(dict.fromkeys(f"{action.name}@{action.reference}" for _, action in loose))
        moving = [action for _, action in loose if action.reference in _BRANCHES]
        yield CARD.failed(
            f"{len(loose)} of {counted(len(uses), 'action')} can change under the same name: {names[:300]}",
            at=tuple(Location(path=s.file.path, line=a.line, anchor=a.name) for s, a in loose[:20]),
            fix="Write the full commit of each, with the version as a comment.",
            subject="actions",
            severity=Severity.MEDIUM if moving else CARD.severity,
        )
    elif uses:
        yield CARD.passed(
            f"{counted(len(uses), 'action')} pinned by commit", at=tuple(s.at(a.line) for s, a in uses[:5])
        )
    else:
        yield CARD.not_applicable("no action of others is used")

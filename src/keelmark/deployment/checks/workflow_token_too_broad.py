"""The token of a workflow may do more than it needs.

## What it finds

A GitHub workflow that grants `write-all`, or states no permissions at all and so gets the default of the repository,
which is often to write.

## Why it matters

Every action of the workflow, and everything it builds, can use the token.

## How to fix

Write `permissions: contents: read` at the top and widen it for the one job that needs more.
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

    from keelmark.core.facts import Workflow
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="workflow-token-too-broad",
    title="The token of a workflow may do more than it needs",
    severity=Severity.LOW,
    recommendations=("DEP-1.e",),
    tags=("cwe:250", "en-304-223:5.2.2-5"),
    audience=Audience.SECURITY_ENGINEER,
    reads_single_files=True,
    references=("GitHub: Security hardening for GitHub Actions", "zizmor audits"),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    flows = [Seen(f, r, r.workflow) for f, r in project.readings if r.workflow is not None]
    if not flows:
        yield CARD.not_applicable("no CI workflow was found")
        return
    github = [
        seen for seen in flows if seen.fact.system == "github" and (seen.fact.actions or seen.fact.scripts)
    ]
    if not github:
        yield CARD.not_applicable("no GitHub workflow was found")
        return
    wrong = [(seen, why) for seen in github if (why := _too_broad(seen.fact))]
    for seen, why in wrong:
        yield CARD.failed(
            why,
            at=Location(path=seen.file.path, line=1, anchor="permissions"),
            fix="Write `permissions: { contents: read }` at the top and widen it for the job that needs more.",
            subject="permissions",
            severity=Severity.MEDIUM if "write-all" in why else CARD.severity,
        )
    if not wrong:
        yield CARD.passed(
            f"{counted(len(github), 'workflow')} with stated rights of the token",
            at=tuple(s.at(1) for s in github[:5]),
        )


def _too_broad(flow: Workflow) -> str:
    if any(scope == "*" and level.startswith("write") for scope, level in flow.permissions):
        return "the token may do everything (write-all)"
    if not flow.has_permissions:
        return "no permissions are stated; the token gets the repository's default"
    return ""

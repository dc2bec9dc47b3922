"""A privileged workflow checks out code of a foreign pull request.

## What it finds

A workflow started by `pull_request_target` or `workflow_run` that checks out the head of the pull request.

## Why it matters

These triggers run with secrets and a writing token. Checking out the foreign head and building it hands both to
whoever opens a pull request.

## How to fix

Use `pull_request` for building and testing; keep `pull_request_target` for steps that never touch foreign code.
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
    id="workflow-runs-foreign-code",
    title="A privileged workflow checks out code of a foreign pull request",
    severity=Severity.HIGH,
    recommendations=("DEP-1.e",),
    tags=("cwe:829", "cwe:94", "en-304-223:5.2.2-5"),
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
    wrong = [(seen, line) for seen in flows for line in seen.fact.checks_out_untrusted]
    for seen, line in wrong:
        yield CARD.failed(
            "the head of a foreign pull request is checked out with this repository's rights",
            at=Location(path=seen.file.path, line=line, anchor="checkout"),
            fix="Build pull requests with the trigger `pull_request`, which has no secrets.",
            subject="checkout",
        )
    if not wrong:
        yield CARD.passed(
            f"no foreign code is checked out with rights in {counted(len(flows), 'workflow')}",
            at=tuple(s.at(1) for s in flows[:5]),
        )

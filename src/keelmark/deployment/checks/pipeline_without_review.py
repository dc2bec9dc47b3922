"""What one person pushes is published, and nothing in the folder asks for a second.

## What it finds

GitHub workflows that publish or deploy on each push to `main` or `master`, in a project without `CODEOWNERS` and without
a settings file for branch protection. Releases by tag, by hand or by a release pull request are left alone. Rules that
are set in the web interface of the host cannot be seen here.

## Why it matters

Whoever takes over one account then owns what all users run.

## How to fix

Add `.github/CODEOWNERS`, require a review of code owners on the branch, and give the publishing job an environment with
reviewers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Confidence, Severity
from keelmark.deployment.checks._publishing import publications, workflows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Workflow
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="pipeline-without-review",
    title="What one person pushes is published, and nothing asks for a second",
    severity=Severity.LOW,
    confidence=Confidence.LOW,
    recommendations=("DEP-1.e",),
    tags=("cwe:284", "owasp-llm:LLM03", "en-304-223:5.2.2-3"),
    audience=Audience.SECURITY_ENGINEER,
)

_REVIEWERS = (
    ".github/CODEOWNERS",
    "CODEOWNERS",
    "docs/CODEOWNERS",
    ".github/settings.yml",
    ".github/rulesets",
)
_MAIN = {"branch:main", "branch:master", "branch:trunk"}
# Tools that publish only when a person merged the pull request of a release.
_BY_PULL_REQUEST = ("release-please", "changesets/action")


def check(project: Project) -> Iterator[Finding]:
    """Answer for each workflow that publishes on a push."""
    seen = [(entry, steps[0]) for entry in workflows(project) if (steps := tuple(publications(entry.fact)))]
    if not seen:
        yield CARD.not_applicable("no workflow that publishes or deploys was found")
        return
    reviewers = next((path for path in _REVIEWERS if project.has_path(path)), "")
    if reviewers:
        yield CARD.passed(f"{reviewers} says who reviews changes", at=Location(path=reviewers))
        return
    wrong = [(entry, step) for entry, step in seen if _is_by_push(entry.fact)]
    for entry, step in wrong:
        yield CARD.failed(
            f"a push to the main branch {step.what}, and nothing in the folder asks for a review",
            at=Location(path=entry.file.path, line=step.line, anchor=step.what),
            fix="Add .github/CODEOWNERS, require its review on the branch, and give the job an environment with reviewers.",
            subject=step.what,
        )
    if not wrong:
        yield CARD.passed(
            f"none of {len(seen)} workflows that publish does so on each push to the main branch",
            at=tuple(Location(path=entry.file.path, line=step.line) for entry, step in seen[:5]),
        )


def _is_by_push(flow: Workflow) -> bool:
    # A filter for tags beside that for branches lets the job tell them apart, which is not seen here.
    has_tags = any(name.startswith("tag:") for name in flow.pushes)
    by_request = any(mark in action.name for action in flow.actions for mark in _BY_PULL_REQUEST)
    return bool(_MAIN.intersection(flow.pushes)) and not has_tags and not by_request

"""A pipeline publishes with a token that never expires.

## What it finds

GitHub workflows that publish to PyPI or npm, or deploy to AWS, Google Cloud or Azure, with a stored secret, although the
target takes short-lived identities (OpenID Connect, trusted publishing). Model hubs and registries that do not are left
alone, and so is a stored token in a workflow that publishes nothing.

```yaml
- uses: pypa/gh-action-pypi-publish@<commit>
  with: {password: "${{ secrets.PYPI_API_TOKEN }}"}   # bad
```

## Why it matters

A stored token works from everywhere until somebody revokes it. Stolen once, it publishes for ever.

## How to fix

```yaml
permissions: {id-token: write}                        # good: trusted publishing, no secret
steps:
  - uses: pypa/gh-action-pypi-publish@<commit>
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.deployment.checks._publishing import publications, workflows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Workflow
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project
    from keelmark.deployment.checks._publishing import Publication

CARD = Card(
    id="publish-with-long-lived-token",
    title="A pipeline publishes with a token that never expires",
    severity=Severity.LOW,
    recommendations=("DEP-1.e", "DEP-2.g"),
    tags=("cwe:522", "owasp-llm:LLM03", "en-304-223:5.2.2-3"),
    audience=Audience.SECURITY_ENGINEER,
    reads_single_files=True,
    references=(
        "PyPI: Publishing with a trusted publisher",
        "GitHub: About security hardening with OpenID Connect",
    ),
)

# Names of secrets that are a long-lived identity at the target, and how to do without.
_STORED = {
    "pypi": (re2.compile(r"(?i)pypi.*(token|password|key)|twine_password|poetry_pypi|uv_publish_token"),
             "Register the workflow as a trusted publisher at PyPI, and remove the secret."),
    "npm": (re2.compile(r"(?i)npm.*token|node_auth_token"),
            "Register the workflow as a trusted publisher at npm, and remove the secret."),
    "aws": (re2.compile(r"(?i)aws.*secret.*key|secret_access_key"),
            "Let the workflow assume a role by OpenID Connect (role-to-assume), and delete the key."),
    "gcp": (re2.compile(r"(?i)(gcp|google|gcloud|gke).*(key|credentials|sa|service_account)(_json)?$"),
            "Use workload identity federation, and delete the key."),
    "azure": (re2.compile(r"(?i)azure_credentials|azure.*(client_?secret|publish_?profile)"),
              "Use a federated credential of the identity, and delete the secret."),
}  # fmt: skip
_CLOUDS = {"aws", "gcp", "azure"}


def check(project: Project) -> Iterator[Finding]:
    """Answer for each workflow that publishes."""
    seen = [
        (entry, steps)
        for entry in workflows(project)
        if (steps := [step for step in publications(entry.fact) if step.target in _STORED])
    ]
    if not seen:
        yield CARD.not_applicable("no workflow publishes to a place that takes short-lived identities")
        return
    wrong = [(entry, step, name) for entry, steps in seen for step, name in _stored(entry.fact, steps)]
    for entry, step, name in wrong:
        yield CARD.failed(
            f"the workflow {step.what} with the stored secret {name}",
            at=Location(path=entry.file.path, line=step.line, anchor=f"{step.target} {name}"),
            fix=_STORED[step.target][1],
            subject=f"{step.target} {name}",
            severity=Severity.MEDIUM if step.target in _CLOUDS else CARD.severity,
        )
    if not wrong:
        yield CARD.passed(
            f"none of {len(seen)} workflows that publish uses a stored secret for it",
            at=tuple(Location(path=entry.file.path, line=steps[0].line) for entry, steps in seen[:5]),
        )


def _stored(flow: Workflow, steps: list[Publication]) -> Iterator[tuple[Publication, str]]:
    """The first step for each target, and the secret it is done with."""
    by_target: dict[str, Publication] = {}
    for step in steps:
        by_target.setdefault(step.target, step)
    for target, step in by_target.items():
        names = [secret for secret in flow.secrets if _STORED[target][0].search(secret)]
        if names:
            # The token of a test index stands beside the real one; the real one is named.
            yield step, min(names, key=lambda name: "test" in name.lower())

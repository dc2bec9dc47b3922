"""A CI step runs text that outsiders write.

## What it finds

A script of a CI workflow into which an expression is filled whose value an outsider controls: title or body of an
issue or pull request, a branch name, a commit message, a comment. Handing the value over as an environment variable
is left alone.

## Why it matters

The expression is filled in before the shell reads the script, so a title such as `"; curl ... | sh` is a command, run
with the workflow's token and secrets.

## How to fix


Hand the value over as a variable.

```yaml
# bad
- run: echo "${{ github.event.issue.title }}"
# good
- run: echo "$TITLE"
  env:
    TITLE: ${{ github.event.issue.title }}
```
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
    id="workflow-injection",
    title="A CI step runs text that outsiders write",
    severity=Severity.HIGH,
    recommendations=("DEP-1.e", "SD-3.k"),
    tags=("cwe:94", "cwe:78", "en-304-223:5.2.2-5"),
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
    wrong = [(seen, script) for seen in flows for script in seen.fact.scripts if script.untrusted]
    for seen, script in wrong:
        expressions = ", ".join(script.untrusted)
        yield CARD.failed(
            f"`{expressions}` is filled into a script",
            at=Location(path=seen.file.path, line=script.line, anchor=expressions),
            fix="Hand the value over as an environment variable and quote it in the script.",
            subject=expressions,
        )
    if not wrong:
        count = sum(len(seen.fact.scripts) for seen in flows)
        yield CARD.passed(
            f"no outsider's text in {counted(count, 'script')} of {counted(len(flows), 'workflow')}",
            at=tuple(s.at(1) for s in flows[:5]),
        )

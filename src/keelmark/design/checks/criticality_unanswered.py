"""Nobody said how much harm a compromise could do.

## What it finds

A `keelmark.yaml` without `criticality`: the five questions whether a compromise could cause severe physical,
reputational, business, confidentiality or legal harm. One yes makes the system critical, and every warning then blocks
a release.

## Why it matters

A tool for summaries and a controller of pumps deserve different strictness. Left open, the question is answered by
habit: not critical.

## How to fix

```yaml
criticality:
  physical: false
  reputational: true
  business: false
  confidentiality: true
  legal: false
```
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._declared import place, undeclared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="criticality-unanswered",
    title="Nobody said how much harm a compromise could do",
    severity=Severity.MEDIUM,
    recommendations=("P-8",),
    settles=("P-8",),
    tags=("en-304-223:5.1.3-1",),
    audience=Audience.RISK_OWNER,
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the system."""
    declared = project.declaration
    if declared is None:
        yield undeclared(CARD, "how much harm a compromise could do", "criticality")
        return
    answers = declared.criticality
    if answers is None:
        yield CARD.failed(
            "the five questions of criticality are not answered",
            at=place(project, "system"),
            fix="Answer `criticality` in keelmark.yaml: physical, reputational, business, confidentiality and legal harm.",
            subject="criticality",
        )
        return
    harms = [field.name for field in fields(answers) if getattr(answers, field.name)]
    result = (
        f"critical: severe {', '.join(harms)} harm is possible" if harms else "not critical: no answer is yes"
    )
    yield CARD.passed(f"the system is {result}", at=place(project, "criticality"))

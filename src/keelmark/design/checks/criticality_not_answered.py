"""Nobody said how much harm a compromise could do.

## What it finds

An AI system whose declaration does not answer the five questions of `criticality`: could a compromise cause severe
physical, reputational, business, confidentiality or legal harm? One yes makes the system critical, and every warning
then blocks its release.

## Why it matters

How strict a release has to be depends on what can go wrong. Without an answer the stricter rules never apply, and
nobody can be asked why.

## How to fix

Answer all five in keelmark.yaml, each with a comment that says why.

```yaml
criticality:
  physical: false
  reputational: false
  business: true         # orders stop without it
  confidentiality: false
  legal: false
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._threats import is_ai_system

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="criticality-not-answered",
    title="Nobody said how much harm a compromise could do",
    severity=Severity.MEDIUM,
    recommendations=("P-8",),
    settles=("P-8",),
    tags=("en-304-223:5.1.3-1",),
    audience=Audience.RISK_OWNER,
)

_KINDS = ("physical", "reputational", "business", "confidentiality", "legal")
_FIX = "Answer the five questions of `criticality` in keelmark.yaml."


def check(project: Project) -> Iterator[Finding]:
    """Answer once. The gate itself is stricter from the first yes on."""
    if not is_ai_system(project):
        yield CARD.not_applicable("no part of an AI system was found")
        return
    declared = project.declaration
    if declared is None:
        yield CARD.unknown("nobody declared whether a compromise could cause severe harm", fix=_FIX)
        return
    if declared.criticality is None:
        yield CARD.failed(
            "the declaration does not say whether a compromise could cause severe harm",
            at=Location(path=project.declaration_path),
            fix=_FIX,
            subject="criticality",
        )
        return
    severe = [kind for kind in _KINDS if getattr(declared.criticality, kind)]
    told = f"critical for {', '.join(severe)} harm: every warning blocks" if severe else "no severe harm"
    place = Location(path=project.declaration_path, line=declared.line("criticality"))
    yield CARD.passed(f"all five questions on harm are answered: {told}", at=place)

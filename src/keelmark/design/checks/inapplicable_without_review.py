"""Something was put aside as not applicable, and nobody looks at it again.

## What it finds

Entries of `not_applicable` in keelmark.yaml whose day of review has come or lies more than two years ahead, and
entries whose reason or owner is empty or a placeholder.

## Why it matters

Systems grow into what once did not apply to them: the tool without personal data gets a form, the offline model an
API. An entry without a reason cannot be disputed.

## How to fix

Look at the recommendation again. If it still does not apply, write why, who says so, and the next day of review.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._declared import is_blank, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.declaration import NotApplicable
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="inapplicable-without-review",
    title="Something was put aside as not applicable, and nobody looks at it again",
    severity=Severity.MEDIUM,
    recommendations=("P-11",),
    settles=("P-11",),
    tags=("en-304-223:5.1.3-1.1",),
    audience=Audience.RISK_OWNER,
    reads_declaration_alone=True,
)

LONGEST = timedelta(days=2 * 366)


def check(project: Project) -> Iterator[Finding]:
    """Answer for each entry."""
    declared = project.declaration
    entries = declared.not_applicable if declared else ()
    if not entries:
        yield CARD.not_applicable("nothing is declared as not applicable")
        return
    defects = [(index, why) for index, entry in enumerate(entries) if (why := _defect(project, entry))]
    for index, why in defects:
        yield CARD.failed(
            f"{entries[index].recommendation} is declared as not applicable, {why}",
            at=place(project, f"not_applicable[{index}]"),
            fix="Look at it again: remove the entry, or write a reason, an owner and the next day of review.",
            subject=entries[index].recommendation,
        )
    if not defects:
        yield CARD.passed(
            f"{len(entries)} declared as not applicable, each with a reason, an owner and a review to come",
            at=place(project, "not_applicable"),
        )


def _defect(project: Project, entry: NotApplicable) -> str:
    if is_blank(entry.reason):
        return "without a reason"
    if is_blank(entry.owner):
        return "and nobody is named who says so"
    if entry.review <= project.today:
        return f"and its review was due on {entry.review.isoformat()}"
    if entry.review - project.today > LONGEST:
        return f"and its review is only due on {entry.review.isoformat()}"
    return ""

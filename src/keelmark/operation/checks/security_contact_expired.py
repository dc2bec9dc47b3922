"""The security contact has expired.

## What it finds

A `security.txt` whose `Expires` field has passed or is missing (RFC 9116 requires it).

## Why it matters

A contact that ran out is treated as abandoned by those who follow the standard.

## How to fix

Set `Expires:` to a day within the next year and keep it current.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="security-contact-expired",
    title="The security contact has expired",
    severity=Severity.LOW,
    recommendations=("OM-4.d",),
    tags=("en-304-223:5.1.1-2",),
    audience=Audience.SECURITY_ENGINEER,
    references=("RFC 9116: A File Format to Aid in Security Vulnerability Disclosure",),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    files = [
        seen
        for seen in project.documents(DocumentKind.SECURITY_POLICY)
        if seen.file.path.rpartition("/")[2] == "security.txt"
    ]
    if not files:
        yield CARD.not_applicable("there is no security.txt")
    for seen in files:
        days = [day for label, day in seen.fact.dates if "expires" in label.lower()]
        if not days:
            yield CARD.failed(
                "security.txt has no `Expires` field",
                at=seen.at(0),
                fix="Add `Expires:` with a day within a year.",
            )
        elif max(days)[:10] < project.today.isoformat():
            yield CARD.failed(
                f"security.txt expired on {max(days)[:10]}",
                at=seen.at(0),
                fix="Look at it again and set a new `Expires:`.",
            )
        else:
            yield CARD.passed(f"security.txt is good until {max(days)[:10]}", at=seen.at(0))

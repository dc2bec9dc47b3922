"""Files were left out of the assessment for a time, and the time is over.

## What it finds

Entries of `exclude` in keelmark.yaml that have expired at the day of the assessment. They leave nothing out any more:
the files were read, and every other answer speaks of them too.

## Why it matters

Whoever left the files out believes that nobody looks at them. What is found in them comes as a surprise, and an entry
that does nothing hides which ones do.

## How to fix

Remove the entry, or let its owner renew it with a new reason and a day within a year.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.development.checks._answers import Defect, fail_each, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="expired-exclusion",
    title="Files were left out of the assessment for a time, and the time is over",
    severity=Severity.LOW,
    recommendations=("DEV-4.b",),
    tags=("en-304-223:5.1.3-3",),
    audience=Audience.RISK_OWNER,
    reads_declaration_alone=True,
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for each exclusion that expired."""
    declared = project.declaration
    if declared is None or not declared.exclude:
        yield CARD.not_applicable("nothing is left out of the assessment")
        return
    defects = [
        Defect(
            message=f"the exclusion of {entry.path} by {entry.owner} expired on {entry.expires}; its files were read",
            many="exclusions have expired; what they left out was read",
            at=Location(
                path=project.declaration_path, line=declared.line(f"exclude[{index}]"), anchor=entry.path
            ),
            fix="Remove the entry, or let its owner renew it with a new reason and a day within a year.",
            subject=entry.path,
        )
        for index, entry in enumerate(declared.exclude)
        if not entry.is_current(project.today)
    ]
    yield from fail_each(CARD, defects)
    if not defects:
        yield CARD.passed(
            f"{plural(len(declared.exclude), 'exclusion')}, and none has expired",
            at=Location(path=project.declaration_path, line=declared.line("exclude")),
        )

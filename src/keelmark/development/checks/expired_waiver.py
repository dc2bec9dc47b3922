"""Somebody accepted a failure, and the time is over or has no end.

## What it finds

Waivers in keelmark.yaml that have expired at the day of the assessment, and those that run longer than a year. An
expired waiver covers nothing: the failure that it covered is open again.

## Why it matters

A risk that was accepted for a time is being accepted for ever, by nobody.

## How to fix

Mend the failure and remove the waiver, or let its owner renew it with a new reason and a date within a year.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.development.checks._answers import Defect, fail_each, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.declaration import Waiver
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="expired-waiver",
    title="Somebody accepted a failure, and the time is over or has no end",
    severity=Severity.MEDIUM,
    recommendations=("DEV-1.d", "DEV-4.b"),
    settles=("DEV-1.d",),
    tags=("en-304-223:5.1.3-3",),
    audience=Audience.RISK_OWNER,
    reads_declaration_alone=True,
)

LONGEST = timedelta(days=366)


def check(project: Project) -> Iterator[Finding]:
    """Answer for each waiver."""
    waivers = project.declaration.waivers if project.declaration else ()
    defects = [
        defect
        for index, waiver in enumerate(waivers)
        if (defect := _defect(project, index, waiver)) is not None
    ]
    yield from fail_each(CARD, defects)
    if not waivers:
        yield CARD.not_applicable("no failure is waived")
    elif not defects:
        line = project.declaration.line("waivers") if project.declaration else 0
        yield CARD.passed(
            f"{plural(len(waivers), 'waiver')}, each with an owner and an end within a year",
            at=Location(path=project.declaration_path, line=line),
        )


def _defect(project: Project, index: int, waiver: Waiver) -> Defect | None:
    declared = project.declaration
    line = declared.line(f"waivers[{index}]") if declared else 0
    at = Location(path=project.declaration_path, line=line, anchor=waiver.rule)
    day = waiver.expires.isoformat()
    if not waiver.is_current(project.today):
        return Defect(
            message=f"the waiver of {waiver.rule} by {waiver.owner} expired on {day}",
            many="waivers have expired",
            at=at,
            fix="Mend the failure and remove the waiver, or let its owner renew it with a new reason.",
            subject=f"{waiver.rule} {waiver.path}",
        )
    if waiver.expires - project.today > LONGEST:
        return Defect(
            message=f"the waiver of {waiver.rule} by {waiver.owner} runs until {day}, longer than a year",
            many="waivers run longer than a year",
            at=at,
            fix="Give it an end within a year.",
            subject=f"{waiver.rule} {waiver.path}",
        )
    return None

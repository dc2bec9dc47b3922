"""Outsiders cannot report a security flaw.

## What it finds

A project without a security policy or contact: no SECURITY.md, no security.txt, no contact for security in
keelmark.yaml. A policy without an address, a link or a reporting function counts as none.

## Why it matters

Who finds a flaw and no door publishes it, or keeps it. An open line is the cheapest sensor there is.

## How to fix

Add `SECURITY.md` with an address, what is in scope (flaws of AI too), and by when you answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.engine.answers import Topic, says

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="missing-security-contact",
    title="Outsiders cannot report a security flaw",
    severity=Severity.MEDIUM,
    recommendations=("OM-4.d",),
    settles=("OM-4.d",),
    tags=("en-304-223:5.1.1-2",),
    audience=Audience.SECURITY_ENGINEER,
    reads_single_files=False,
)

LINE = Topic(
    name="a way to report",
    pattern=r"@|https?://|private vulnerability|security advisor|report (a|it|this)|hackerone|bugcrowd",
)


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    policies = project.documents(DocumentKind.SECURITY_POLICY)
    reachable = [seen for seen in policies if seen.fact.contacts or says(seen.fact, LINE)]
    declared = (
        project.declaration.system.contact if project.declaration and project.declaration.system else ""
    )
    if reachable:
        contact = ", ".join(reachable[0].fact.contacts[:2]) or "a way to report"
        yield CARD.passed(f"{reachable[0].file.path} names {contact}", at=reachable[0].at(0))
    elif declared:
        yield CARD.passed(f"keelmark.yaml names {declared}", at=Location(path=project.declaration_path))
    elif policies:
        yield CARD.failed(
            "the security policy names no way to report",
            at=policies[0].at(0),
            fix="Add an address or a link to it.",
        )
    else:
        yield CARD.failed(
            "there is no SECURITY.md and no security.txt",
            fix="Add SECURITY.md with an address, the scope (flaws of AI too) and by when you answer.",
        )

"""People inside do not know where to report a weakness.

## What it finds

An AI system for which neither `system.contact` of keelmark.yaml nor a text (contributing guide, security policy, incident
plan, runbook, README) says where staff or contributors report a weakness.

## Why it matters

Who builds and runs a system sees its weaknesses first. Without a line inside, they are told over coffee and forgotten.

## How to fix

Name the place in `CONTRIBUTING.md` or `SECURITY.md`: "Staff report weaknesses in #triage-security or to the security lead,
who answers within two working days."
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.engine.answers import Topic, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="internal-reporting-line-missing",
    title="People inside do not know where to report a weakness",
    severity=Severity.LOW,
    recommendations=("OM-4.c",),
    tags=("en-304-223:5.1.1-2",),
    audience=Audience.SECURITY_ENGINEER,
)

# Outsiders report to maintainers too; only words for people inside show a line for them.
_WHO = r"\b(staff|employees?|team members?|colleagues|insiders?|internal(ly)?|contributors?|operators?|clerks?|on[- ]call)\b"
_DO = r"\b(report|raise|tell|escalate|notify|flag|page)\w*\b"
_WHAT = r"(securit|vulnerabilit|weakness|incident|flaw|concern|suspicio)"
LINE = Topic(
    name="where people inside report a weakness",
    pattern=rf"(?s){_WHO}.{{0,120}}{_DO}.{{0,120}}{_WHAT}|{_WHO}.{{0,120}}{_WHAT}.{{0,120}}{_DO}"
    rf"|{_DO}.{{0,120}}{_WHAT}.{{0,80}}\b(internally|staff)\b",
)
_KINDS = (
    DocumentKind.CONTRIBUTING,
    DocumentKind.SECURITY_POLICY,
    DocumentKind.INCIDENT_PLAN,
    DocumentKind.RUNBOOK,
    DocumentKind.README,
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the project."""
    if not set(project.inventory.traits) - {"dataset"}:
        yield CARD.not_applicable("no part of an AI system was found")
        return
    declared = project.declaration
    contact = declared.system.contact if declared and declared.system else ""
    told = about(project, LINE, *_KINDS)
    if contact:
        at = Location(path=project.declaration_path, line=declared.line("system.contact") if declared else 0)
        yield CARD.passed(f"keelmark.yaml names {contact}", at=at)
    elif told:
        yield CARD.passed(f"{told[0].file.path} says where people inside report", at=told[0].at(0))
    else:
        policies = project.documents(DocumentKind.CONTRIBUTING, DocumentKind.SECURITY_POLICY)
        yield CARD.failed(
            "nothing says where staff or contributors report a weakness",
            at=policies[0].at(0) if policies else (),
            fix="Name the place and the time of answer in CONTRIBUTING.md or SECURITY.md, or set system.contact in keelmark.yaml.",
            subject="line",
        )

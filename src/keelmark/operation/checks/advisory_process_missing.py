"""Users of a release would not hear of its weaknesses.

## What it finds

A project with releases (a changelog with versions and days, or a workflow that starts with a release or a tag) whose
security policy does not say how weaknesses are published. That outsiders report through a form called "advisory" is not
enough: the question is what users are told.

## Why it matters

Who runs an old release can act only when told what is wrong with it, in a form that tools can match (CVE, GHSA, CSAF).

## How to fix

Add to `SECURITY.md`: "Confirmed weaknesses are published as GitHub security advisories with a CVE id and CWE, on the day of
the fixed release."
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
    id="advisory-process-missing",
    title="Users of a release would not hear of its weaknesses",
    severity=Severity.LOW,
    recommendations=("OM-4.f", "OM-4.g"),
    tags=("cwe:1059", "en-304-223:5.3.1-3"),
    audience=Audience.SECURITY_ENGINEER,
)

_TOLD = r"(publish|announc|issu(e|ed|ing)\b|disclos|releas|assign|inform|notif)"
_FORM = r"(advisor(y|ies)|bulletins?|\bcves?\b|\bghsa\b|\bcsaf\b)"
PROCESS = Topic(
    name="how weaknesses are published",
    pattern=rf"(?s){_TOLD}\w*.{{0,80}}{_FORM}|{_FORM}.{{0,80}}{_TOLD}|\bcsaf\b|ghsa-[0-9a-z]{{4}}-|cve-20[0-9]{{2}}-",
)
PUBLISHED = Topic(name="advisories", pattern=r"security advisor(y|ies)|ghsa-[0-9a-z]{4}-")
_FIX = "Say in SECURITY.md how confirmed weaknesses are published: advisory (GHSA or CSAF), CVE id, CWE, day of the fix."


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the project."""
    shown = _release(project)
    if shown is None:
        yield CARD.not_applicable(
            "no sign of releases was found (changelog with days, workflow by release or tag)"
        )
        return
    told = about(project, PROCESS, DocumentKind.SECURITY_POLICY, DocumentKind.INCIDENT_PLAN)
    # A changelog that names a weakness of a dependency says nothing of how own ones are told; its own advisories do.
    told = (*told, *about(project, PUBLISHED, DocumentKind.CHANGELOG))
    if told:
        yield CARD.passed(f"{told[0].file.path} says how weaknesses are published", at=told[0].at(0))
        return
    policies = project.documents(DocumentKind.SECURITY_POLICY)
    yield CARD.failed(
        "the security policy does not say how weaknesses are published"
        if policies
        else "there are releases, and no security policy says how their weaknesses are published",
        at=policies[0].at(0) if policies else shown,
        fix=_FIX,
        subject="advisories",
    )


def _release(project: Project) -> Location | None:
    """What shows that there are releases."""
    for seen in project.documents(DocumentKind.CHANGELOG):
        if seen.is_product and seen.fact.dates:
            return seen.at(0)
    for file, reading in project.readings:
        flow = reading.workflow
        if flow is None or flow.system != "github":
            continue
        if "release" in flow.triggers or any(name.startswith("tag:") for name in flow.pushes):
            return Location(path=file.path)
    return None

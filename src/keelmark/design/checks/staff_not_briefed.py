"""The briefing of the people who build and own the system is out of date.

## What it finds

Whether the people who own and build the system were briefed on threats to AI within twelve months. It is told by
attestations for SD-1.a, SD-1.e and SD-1.f in `keelmark.yaml`, or by a document about training or briefing with its date.
Nothing at all is unknown, because only a person can say; an expired attestation or an old record is a failure.

## Why it matters

Those who accept a risk must know it. The threats of last year are not those of today.

## How to fix

Brief the owners, train the developers, and record it: a line in `docs/training.md` with the day, or an attestation.

```yaml
attestations:
  - recommendation: SD-1.a
    statement: The owner was briefed on threats to AI
    by: Head of Product
    on: 2026-09-01
    expires: 2027-09-01
```
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import re2

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._threats import is_ai_system

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Document
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="staff-not-briefed",
    title="The briefing of the people who build and own the system is out of date",
    severity=Severity.LOW,
    recommendations=("SD-1.a", "SD-1.e", "SD-1.f"),
    tags=("en-304-223:5.1.1-1", "en-304-223:5.1.1-2"),
    audience=Audience.RISK_OWNER,
    references=("Guidelines for secure AI system development: Raise staff awareness of threats and risks",),
)

MAX_AGE_DAYS = 365
_SUBJECTS = ("SD-1.a", "SD-1.e", "SD-1.f")
_WHAT = {
    "SD-1.a": "briefing of the owners",
    "SD-1.e": "training in secure coding",
    "SD-1.f": "training in secure and responsible AI",
}
# Models are trained, too: the title must say that people were.
_RECORD = re2.compile(
    r"(?i)\b((security|staff|team|awareness|secure coding|responsible ai|ai safety|ai security) (training|briefings?)"
    r"|security awareness|briefing (records?|log|register))\b"
)
_DATE = re2.compile(r"\b(20\d{2})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])\b")
FIX = "Brief the people concerned and record the day in docs/training.md, or attest it in keelmark.yaml."


def check(project: Project) -> Iterator[Finding]:
    """Answer once for each kind of briefing that is attested, and once for the records."""
    if not is_ai_system(project):
        yield CARD.not_applicable("no part of an AI system was found")
        return
    attested = list(_attested(project))
    recorded = list(_recorded(project))
    yield from attested
    yield from recorded
    if not attested and not recorded:
        yield CARD.unknown("no record of a briefing or training was found; only a person can say", fix=FIX)


def _attested(project: Project) -> Iterator[Finding]:
    declaration = project.declaration
    if declaration is None:
        return
    for subject in _SUBJECTS:
        entries = [
            (index, entry)
            for index, entry in enumerate(declaration.attestations)
            if entry.recommendation == subject
        ]
        if not entries:
            continue
        index, latest = max(entries, key=lambda pair: pair[1].expires)
        place = Location(path=project.declaration_path, line=declaration.line(f"attestations[{index}]"))
        if latest.is_current(project.today):
            yield CARD.passed(
                f"{_WHAT[subject]}: attested by {latest.by} on {latest.on.isoformat()}", at=place
            )
        else:
            yield CARD.failed(
                f"{_WHAT[subject]}: the attestation of {latest.on.isoformat()} no longer counts",
                at=place,
                fix=FIX,
                subject=subject,
            )


def _recorded(project: Project) -> Iterator[Finding]:
    records = [seen for seen in project.documents() if _RECORD.search(seen.fact.title)]
    if not records:
        return
    days = [(day, seen) for seen in records for day in _days(seen.fact) if day <= project.today]
    if not days:
        yield CARD.failed(
            "the record of training has no date", at=records[0].at(0), fix=FIX, subject="record"
        )
        return
    latest, seen = max(days, key=lambda pair: (pair[0], pair[1].file.path))
    if (project.today - latest).days > MAX_AGE_DAYS:
        yield CARD.failed(
            f"the last training on record was on {latest.isoformat()}",
            at=seen.at(0),
            fix=FIX,
            subject="record",
        )
    else:
        yield CARD.passed(f"the last training on record was on {latest.isoformat()}", at=seen.at(0))


def _days(document: Document) -> Iterator[date]:
    stated = [text for _, text in document.dates]
    for part in document.sections:
        stated.extend("-".join(found) for found in _DATE.findall(part.text))
    for text in stated:
        try:
            yield date.fromisoformat(text)
        except ValueError:
            continue

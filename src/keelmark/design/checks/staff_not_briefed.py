"""The briefing of the people who build and own the system is out of date.

## What it finds

Whether the people who own and build the system were briefed on threats to AI within twelve months. It is told by

- acknowledgements of `keelmark threats brief` in the transparency log, one for each role. One counts for a year, and until the
  threat model changes;
- attestations for SD-1.a, SD-1.e and SD-1.f in `keelmark.yaml`;
- a document about training or briefing with its date.

An expired attestation is a failure. So are an old document where not every role has acknowledged its briefing, and an expired
acknowledgement where neither a document nor an attestation for SD-1.a counts. Nothing at all is unknown, because only a person
can say.

## Why it matters

Those who accept a risk must know it. The threats of last year are not those of today.

## How to fix

Brief the owners, train the developers, and record it: have each role answer `keelmark threats brief ROLE`, write a line with the
day into `docs/training.md`, or attest it.

```console
$ keelmark threats brief risk-owner --by "Head of Product" --answers 2,1,3
```

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

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import re2

from keelmark.core.awareness import Acknowledged, Acknowledgement
from keelmark.core.facts import GapReason
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Outcome, Severity
from keelmark.design.awareness.briefing import digest_for
from keelmark.design.checks._threats import is_ai_system
from keelmark.design.threats.analyse import model_digest
from keelmark.design.threats.library.load import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
FIX = (
    "Brief the people concerned: `keelmark threats brief ROLE`. Or record the day in docs/training.md, or attest it in "
    "keelmark.yaml."
)
_LOG = Location(path=".keelmark/log")


def check(project: Project) -> Iterator[Finding]:
    """Answer once for each kind of briefing that is attested, once for the records, and for what was acknowledged."""
    if not is_ai_system(project):
        yield CARD.not_applicable("no part of an AI system was found")
        return
    acknowledged = project.extra("acknowledgements")  # noqa: S610 - a fact by name, no query
    log = acknowledged if isinstance(acknowledged, Acknowledged) else Acknowledged()
    by_role = _by_role(project, log)
    is_briefed = all(found is not None and found.is_current for found in by_role.values())
    attested = list(_attested(project))
    recorded = [found for found in _recorded(project) if not is_briefed or found.outcome is Outcome.PASS]
    yield from attested
    yield from recorded
    if is_briefed:
        yield _all_briefed(by_role)
    elif not _covers(attested, recorded):
        yield from _of_log(project, by_role, log)
        if not attested and not recorded and not any(by_role.values()) and not log.unreadable:
            yield CARD.unknown(
                "no record of a briefing or training was found; only a person can say", fix=FIX
            )


@dataclass(frozen=True, slots=True)
class _Newest:
    """What a role acknowledged last, and why that no longer counts."""

    given: Acknowledgement
    because: str = ""

    @property
    def is_current(self) -> bool:
        return not self.because


def _by_role(project: Project, log: Acknowledged) -> dict[Audience, _Newest | None]:
    # What was acknowledged after the day that is asked about was not there yet.
    given = [each for each in log.given if each.on <= project.today and each.right == each.asked]
    found: dict[Audience, _Newest | None] = dict.fromkeys(Audience)
    threat_model = model_digest(project, load()) if given else ""
    for each in sorted(given, key=lambda each: each.on):
        before = found[each.role]
        newest = _Newest(each, _no_longer(each, digest_for(each.role, threat_model), project))
        if newest.is_current or before is None or not before.is_current:
            found[each.role] = newest
    return found


def _no_longer(given: Acknowledgement, digest: str, project: Project) -> str:
    """Why an acknowledgement does not count today; "" when it does."""
    if given.counts_for(digest, today=project.today):
        return ""
    return "the threat model has changed since" if given.digest != digest else "that is more than a year ago"


def _covers(attested: list[Finding], recorded: list[Finding]) -> bool:
    """Whether something else says that people were briefed: entries of a log cannot be taken back."""
    passed = [*recorded, *(found for found in attested if found.subject == "SD-1.a")]
    return any(found.outcome is Outcome.PASS for found in passed)


def _all_briefed(by_role: Mapping[Audience, _Newest | None]) -> Finding:
    told = ", ".join(
        f"{role} ({found.given.by}, {found.given.on.isoformat()})" for role, found in by_role.items() if found
    )
    return CARD.passed(f"each role has acknowledged its briefing on this threat model: {told}", at=_LOG)


def _of_log(
    project: Project, by_role: Mapping[Audience, _Newest | None], log: Acknowledged
) -> Iterator[Finding]:
    if log.unreadable:
        yield CARD.unknown(
            f"the transparency log could not be read: {log.unreadable}",
            fix="Run `keelmark log verify`.",
            at=_LOG,
        )
        return
    if any(by_role.values()) and any(gap.reason is GapReason.OUT_OF_TIME for gap in project.gaps):
        yield CARD.unknown(
            "not every file was read in time, so that the threat model of today is not known", at=_LOG
        )
        return
    for role, found in by_role.items():
        if found is not None and not found.is_current:
            yield CARD.failed(
                f"the briefing of the {role} was acknowledged by {found.given.by} on {found.given.on.isoformat()}, and {found.because}",
                at=_LOG,
                fix=f"Read and answer it again: `keelmark threats brief {role}`.",
                subject=role.value,
            )
    silent = [role.value for role, found in by_role.items() if found is None]
    if silent and any(by_role.values()):
        yield CARD.unknown(
            f"nobody has acknowledged the briefing of the {' and of the '.join(silent)}",
            fix=f"Read and answer it: `keelmark threats brief {silent[0]}`.",
            at=_LOG,
        )


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
                f"{_WHAT[subject]}: attested by {latest.by} on {latest.on.isoformat()}",
                at=place,
                subject=subject,
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

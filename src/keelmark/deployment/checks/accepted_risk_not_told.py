"""A risk was accepted, and users are not told.

## What it finds

Waivers of keelmark.yaml that are in force and of which neither `user_notice.limitations` nor a text for users (the
notice, a model card, the README) speaks. A text speaks of a waiver when it names the rule, holds the reason, or has the
words of the rule's name in one section.

Threats that the threat model accepts are compared by `accepted-threats-not-as-told`.

## Why it matters

Who accepts a risk in silence passes it on. Users cannot guard themselves against what they do not know.

## How to fix

```yaml
waivers:
  - {rule: missing-backup, reason: The store is rebuilt from the tickets every night., owner: Lead, expires: 2027-03-31}
user_notice:
  path: docs/user-notice.md
  limitations:
    - "missing-backup: answers of the last day can be lost"
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.deployment.checks._models import USER_TEXTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.declaration import Waiver
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="accepted-risk-not-told",
    title="A risk was accepted, and users are not told",
    severity=Severity.MEDIUM,
    recommendations=("P-6", "DEP-4.e"),
    settles=("P-6",),
    tags=("en-304-223:5.2.4-1",),
    audience=Audience.RISK_OWNER,
)

_WORD = re2.compile(r"[a-z]{3,}")
# Words of rule names that say nothing on their own.
_EMPTY = {"and", "any", "for", "from", "has", "its", "missing", "not", "the", "with", "without"}
_STEM = 6


def check(project: Project) -> Iterator[Finding]:
    """Answer for each waiver in force."""
    declared = project.declaration
    if declared is None:
        yield CARD.unknown(
            "there is no keelmark.yaml, so nobody said which risks are accepted",
            fix="Write keelmark.yaml (keelmark init does); without waivers in it no risk is accepted.",
        )
        return
    current = [(i, entry) for i, entry in enumerate(declared.waivers) if entry.is_current(project.today)]
    if not current:
        yield CARD.passed(
            "no risk is accepted: no waiver is in force", at=Location(path=project.declaration_path)
        )
        return
    told = _told(project)
    silent = [(index, entry) for index, entry in current if not any(_speaks(text, entry) for text in told)]
    for index, entry in silent:
        yield CARD.failed(
            f"users are not told of what the waiver of {entry.rule} accepts",
            at=Location(
                path=project.declaration_path, line=declared.line(f"waivers[{index}]"), anchor=entry.rule
            ),
            fix=f'Add "{entry.rule}: what it means for users" to user_notice.limitations, and to the notice itself.',
            subject=f"{entry.rule} {entry.path}",
        )
    if not silent:
        yield CARD.passed(
            f"users are told of each of {len(current)} accepted risks",
            at=Location(path=project.declaration_path, line=declared.line("user_notice")),
        )


def _told(project: Project) -> tuple[str, ...]:
    """Everything that users are told, a limitation or a section at a time, in lower case."""
    notice = project.declaration.user_notice if project.declaration else None
    limitations = [text.lower() for text in notice.limitations] if notice else []
    named = notice.path if notice else ""
    sections = [
        f"{part.title}\n{part.text}".lower()
        for seen in project.documents()
        if seen.fact.kind in USER_TEXTS or seen.file.path == named
        for part in seen.fact.sections
    ]
    return (*limitations, *sections)


def _speaks(text: str, waiver: Waiver) -> bool:
    reason = waiver.reason.strip().rstrip(".").lower()
    if waiver.rule in text or (reason and reason in text):
        return True
    # Beginnings of words, so that `dependency` speaks of `dependencies`.
    wanted = {word[:_STEM] for word in _WORD.findall(waiver.rule) if word not in _EMPTY}
    return bool(wanted) and all(f" {stem}" in f" {' '.join(_WORD.findall(text))}" for stem in wanted)

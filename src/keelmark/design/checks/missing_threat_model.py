"""There is no threat model.

## What it finds

An AI system without a threat model: no document whose name or title shows one, with more than a few words and a table,
list or sections of threats.

## Why it matters

Every later decision (which input to trust, which tool to offer, what to test, what to watch) rests on what can go wrong.
Without the list each of them is a guess.

## How to fix

Write `docs/threat-model.md`: the parts of the system and what flows between them, who might attack and why, what can go
wrong at each part, and for each threat whether it is mitigated, accepted or does not apply, by whom and why. Declare the
parts in `components` of `keelmark.yaml`, so that they can be compared with what is found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._threats import is_ai_system
from keelmark.design.checks._topics import topic
from keelmark.engine.answers import answer_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="missing-threat-model",
    title="There is no threat model",
    severity=Severity.MEDIUM,
    recommendations=("SD-2.a",),
    tags=("cwe:1053", "en-304-223:5.1.3-1"),
    audience=Audience.SECURITY_ENGINEER,
    references=("Guidelines for secure AI system development: Model the threats to your system",),
)

MIN_WORDS = 80
THREATS = topic(name="threats", pattern=r"threat|attack|abuse|misuse|risk")


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the project."""
    if not is_ai_system(project):
        yield CARD.not_applicable("no part of an AI system was found")
        return
    yield from answer_document(
        CARD,
        project,
        DocumentKind.THREAT_MODEL,
        what="a threat model",
        write="Write docs/threat-model.md: parts, flows, attackers, threats, and what is done about each of them, by whom.",
        topics=(THREATS,),
        min_words=MIN_WORDS,
    )

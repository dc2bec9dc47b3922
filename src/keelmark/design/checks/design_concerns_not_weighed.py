"""The decision records leave out a concern that should weigh in.

## What it finds

Decision records about the AI system that, taken together, say nothing of one of eight concerns: function, experience of the
users, environment it runs in, performance, assurance, human oversight, ethics, law. A word such as "none, because ..." is an
answer. Where there is no record at all, the answer is unknown: that absence has a rule of its own.

## Why it matters

Security that breaks the function is switched off, and a function that ignores the law is taken off the market. Both are
decided early, mostly without noticing.

## How to fix

Add a section *Consequences* with a line for each of the eight to the record of the main choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._threats import is_ai_system
from keelmark.design.checks._topics import topic
from keelmark.engine.answers import MIN_WORDS, topics_missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="design-concerns-not-weighed",
    title="The decision records leave out a concern that should weigh in",
    severity=Severity.LOW,
    recommendations=("SD-3.c",),
    settles=("SD-3.c",),
    tags=("en-304-223:5.1.2-1",),
    audience=Audience.SECURITY_ENGINEER,
    references=("Guidelines for secure AI system development: Design your system for security",),
)

CONCERNS = (
    topic(name="function", pattern=r"function|feature|\btasks?\b|purpose|capabilit|\bneeds?\b|requirement"),
    topic(
        name="user experience",
        pattern=r"user experience|\bux\b|usab|\busers?\b|\bcustomers?\b|\bstaff\b|\bclerks?\b",
    ),
    topic(
        name="environment",
        pattern=r"environment|deploy|container|\bhost(ing)?\b|cloud|on[- ]prem|infrastructure|energy|\bservers?\b",
    ),
    topic(
        name="performance",
        pattern=r"performance|latency|throughput|accura|seconds|speed|\bfast|\bslow|\bin [0-9]+ m?s\b",
    ),
    topic(name="assurance", pattern=r"assurance|\btest|evaluat|audit|evidence|verif|benchmark|assess"),
    topic(name="oversight", pattern=r"oversight|human|\bpersons?\b|people|approv|review"),
    topic(name="ethics", pattern=r"ethic|\bfair|\bbias|\bharm|discriminat|dignity"),
    topic(
        name="law",
        pattern=r"legal|\blaws?\b|gdpr|ai act|regulat|licen[cs]|contract|privacy|complian|agreement",
    ),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for all records together."""
    if not is_ai_system(project):
        yield CARD.not_applicable("no part of an AI system was found")
        return
    records = [
        seen for seen in project.documents(DocumentKind.DECISION_RECORD) if seen.fact.words >= MIN_WORDS
    ]
    if not records:
        yield CARD.unknown(
            "there is no decision record that could say it", fix="Write the first in docs/decisions/."
        )
        return
    missing = topics_missing(records, CONCERNS)
    places = tuple(seen.at(0) for seen in records[:10])
    if missing:
        names = ", ".join(entry.name for entry in missing)
        yield CARD.failed(
            f"no decision record speaks of {names}",
            at=places,
            fix="Add a line for each of them to the consequences of the main decision.",
            subject=names,
        )
    else:
        yield CARD.passed("the decision records speak of all eight concerns", at=places)

"""Nobody is told which uses are prohibited.

## What it finds

A program with a language model whose texts for users name no prohibited use, and no `user_notice.prohibited_uses` in
`keelmark.yaml`.

## Why it matters

A use that is not prohibited is offered. The list also says what the guards must refuse and the tests must try.

## How to fix

Add a section *Prohibited uses* to the user notice, one line each, and a test that each of them is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._topics import topic
from keelmark.engine.answers import MIN_WORDS, about, counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="prohibited-uses-not-told",
    title="Nobody is told which uses are prohibited",
    severity=Severity.LOW,
    recommendations=("SD-3.w",),
    tags=("owasp-llm:LLM09", "en-304-223:5.2.4-1"),
    audience=Audience.RISK_OWNER,
    references=("Guidelines for secure AI system development: Design your system for security",),
)

_TEXTS = (
    DocumentKind.USER_NOTICE,
    DocumentKind.MODEL_CARD,
    DocumentKind.README,
    DocumentKind.SECURITY_POLICY,
)
TOPIC = topic(
    name="prohibited uses",
    pattern=(
        r"(prohibited|forbidden|unacceptable|disallowed|out[- ]of[- ]scope) (uses?|usage|purposes?)|acceptable use|misuse"
        r"|(must|may|shall|should) not be used (for|to|in|as)|do not use (it|this|the \w+) (for|to)|not (intended|permitted|allowed) for"
    ),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the texts that speak to users."""
    if "llm-application" not in project.inventory.traits:
        yield CARD.not_applicable("no use of a language model was found")
        return
    declaration = project.declaration
    uses = declaration.user_notice.prohibited_uses if declaration and declaration.user_notice else ()
    told = [seen for seen in about(project, TOPIC, *_TEXTS) if seen.fact.words >= MIN_WORDS]
    if told:
        yield CARD.passed(f"{told[0].file.path} says which uses are prohibited", at=told[0].at(0))
    elif uses and declaration is not None:
        place = Location(path=project.declaration_path, line=declaration.line("user_notice.prohibited_uses"))
        yield CARD.passed(f"{counted(len(uses), 'prohibited use')} declared", at=place)
    else:
        texts = project.documents(*_TEXTS)
        yield CARD.failed(
            "no text for users says which uses are prohibited"
            if texts
            else "there is no text that says which uses are prohibited",
            at=texts[0].at(0) if texts else (),
            fix="Add a section Prohibited uses to docs/user-notice.md, or declare `user_notice.prohibited_uses`.",
        )

"""The program calls whatever a provider puts behind a name.

## What it finds

A hosted model named by an id that the provider moves (`gpt-4o`, `claude-3-5-sonnet-latest`) where dated snapshots are
the provider's way to fix it. Providers without dated ids, and models that run on the own machine, are left alone.
Tests and examples are not looked at.

## Why it matters

What was evaluated is not what answers next month; a change of behaviour shows up in service first.

## How to fix

Name the snapshot (`gpt-4o-2024-08-06`), and evaluate again before moving to the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.development.checks._answers import Defect, fail_each, plural
from keelmark.development.checks._references import hosted_references

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="hosted-model-without-snapshot",
    title="The program calls whatever a provider puts behind a name",
    severity=Severity.LOW,
    recommendations=("DEV-2.h", "SD-4.c", "SD-4.i"),
    tags=("owasp-llm:LLM03", "en-304-223:5.2.3-3"),
    reads_single_files=True,
)

_DATED = re2.compile(
    r"(20[2-9][0-9]-?[01][0-9]-?[0-3][0-9]|@20[0-9]{6}|-(0[1-9]|1[0-2])[0-3][0-9]$|-00[1-9]$|-v[0-9]+:[0-9]+$)"
)
_FLOATS = re2.compile(
    r"(?i)^(?:openai[/:]|anthropic[/:]|mistral[/:]|google[/:]|gemini[/:]|models/)?"
    r"(?:gpt-3\.5-turbo(?:-16k)?|gpt-4(?:-32k|-turbo(?:-preview)?)?|gpt-4o(?:-mini)?|gpt-4\.1(?:-mini|-nano)?"
    r"|gpt-5(?:-mini|-nano|-pro)?|o[134](?:-mini|-pro)?|[a-z0-9.-]+-latest)$"
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for each hosted model of the product."""
    named = [seen for seen in hosted_references(project) if seen.is_product]
    fixed = [seen for seen in named if seen.fact.revision or _DATED.search(seen.fact.name)]
    loose = [seen for seen in named if seen not in fixed and _FLOATS.search(seen.fact.name)]
    first = {seen.fact.name: seen for seen in reversed(loose)}
    yield from fail_each(
        CARD,
        (
            Defect(
                message=f"{name} is a name that its provider moves from model to model",
                many="models are named by ids that move",
                at=seen.at(),
                fix="Name the dated snapshot, and evaluate again before moving to the next one.",
                subject=name,
            )
            for name, seen in sorted(first.items())
        ),
    )
    if loose:
        return
    if fixed:
        names = sorted({seen.fact.name for seen in fixed})
        yield CARD.passed(
            f"{plural(len(names), 'hosted model')} fixed by a snapshot: {', '.join(names[:5])}",
            at=tuple(seen.at() for seen in fixed[:10]),
        )
    elif named:
        yield CARD.not_applicable("the providers named in the code are not known to offer dated snapshots")
    else:
        yield CARD.not_applicable("no hosted model is named in the code")

"""The program calls a model that its provider has retired, or soon will.

## What it finds

A hosted model whose exact id stands in the packaged table of retirements: past its day as medium, within the next
ninety days as low. Ids that the table does not know, and models served by somebody other than their maker, are not
answered. Tests and examples are low.

## Why it matters

Calls fail from that day on, or are quietly answered by another model than the one that was evaluated.

## How to fix

Move to the replacement that the provider names, evaluate it with your own cases, and pin its snapshot.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.development.checks._answers import MAX_PLACES, plural
from keelmark.development.checks._references import hosted_references
from keelmark.development.supplychain import lifecycle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import ModelReference
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen
    from keelmark.development.supplychain.lifecycle import ModelRetirement

CARD = Card(
    id="retired-hosted-model",
    title="The program calls a model that its provider has retired, or soon will",
    severity=Severity.MEDIUM,
    recommendations=("DEV-1.f", "DEV-1.g", "SD-4.c"),
    tags=("owasp-llm:LLM03", "en-304-223:5.2.3-1"),
    reads_single_files=True,
)

NOTICE = timedelta(days=90)


def check(project: Project) -> Iterator[Finding]:
    """Answer for each hosted model that is named."""
    named = hosted_references(project)
    known = [(seen, lifecycle.model_retirement(seen.fact.provider, seen.fact.name)) for seen in named]
    groups: dict[tuple[ModelRetirement, Severity], list[Seen[ModelReference]]] = defaultdict(list)
    for seen, ending in known:
        if ending is None or ending.retired > project.today + NOTICE:
            continue
        is_open = ending.retired <= project.today and seen.is_product
        groups[ending, CARD.severity if is_open else Severity.LOW].append(seen)
    for (ending, severity), members in groups.items():
        verb = "was retired" if ending.retired <= project.today else "will be retired"
        instead = f"Move to {ending.replacement}" if ending.replacement else "Move to a model that is served"
        yield CARD.failed(
            f"{ending.name} {verb} by {ending.provider} on {ending.retired.isoformat()}",
            at=tuple(seen.at() for seen in members[:MAX_PLACES]),
            fix=f"{instead}, evaluate it with your own cases, and pin its snapshot.",
            subject=ending.name,
            severity=severity,
            evidence=[("source", ending.source)],
        )
    if groups:
        return
    if named:
        names = sorted({seen.fact.name for seen in named})
        until = lifecycle.load().as_of.isoformat()
        yield CARD.passed(
            f"{plural(len(names), 'hosted model')} without a known end within {NOTICE.days} days "
            f"(table of {until}): {', '.join(names[:5])}",
            at=tuple(seen.at() for seen in named[:10]),
        )
    else:
        yield CARD.not_applicable("no hosted model is named in the code")

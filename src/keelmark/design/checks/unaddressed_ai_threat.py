"""The threat model leaves out a threat that fits the system.

## What it finds

Threats that the parts of the system bring with them and of which the threat model says nothing: prompt injection for
programs with a language model, poisoning for training and retrieval, extraction and evasion for own models, excessive
agency for agents, leakage, exhaustion, and the supply chain. A threat may be named in words or by its id of MITRE ATLAS or
OWASP; saying that it does not apply, and why, is an answer too.

## Why it matters

These are the threats that the practice for other software does not bring up by itself.

## How to fix

Add each of them to the threat model with what is done about it: mitigated, accepted or not applicable, and why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._threats import answer_without_model, fitting, names_threat, threat_models

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="unaddressed-ai-threat",
    title="The threat model leaves out a threat that fits the system",
    severity=Severity.MEDIUM,
    recommendations=("SD-2.c",),
    tags=("en-304-223:5.1.3-1", "en-304-223:5.1.3-1.1"),
    audience=Audience.SECURITY_ENGINEER,
    references=("MITRE ATLAS", "OWASP Top 10 for LLM Applications 2025"),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the threats that fit."""
    models = threat_models(project)
    if not models:
        yield from answer_without_model(CARD, project)
        return
    threats = fitting(project)
    if not threats:
        yield CARD.not_applicable("no threat of the list fits what was found")
        return
    missing = [t for t in threats if not any(names_threat(seen.fact, t) for seen in models)]
    place = models[0].at(0)
    for threat in missing:
        because = ", ".join(sorted(threat.traits.intersection(project.inventory.traits)))
        yield CARD.failed(
            f"the threat model says nothing of {threat.topic.name}, which fits this system ({because})",
            at=place,
            fix=f"Add {threat.topic.name} to the threat model with what is done about it, or why it does not apply.",
            subject=threat.topic.name,
        )
    if not missing:
        names = ", ".join(threat.topic.name for threat in threats)
        yield CARD.passed(f"the threat model speaks of {names}", at=place)

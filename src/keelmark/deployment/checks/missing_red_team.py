"""Nobody attacked the system before its users do.

## What it finds

A project with a language model, an agent or a public model API without a record of attacks against it: no document
speaks of red teaming or of an attack campaign with its result.

## Why it matters

Benchmarks show what works. What an attacker can do shows only in attacks, and with automated attackers a single
verdict says little: success against attempts does.

## How to fix

Attack the release with a fixed set (injection, extraction of the prompt, misuse of tools, leaks) and write attempts,
successes and limits into `docs/evaluation-report.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.deployment.checks._models import has_model
from keelmark.engine.answers import Topic, about, says

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="missing-red-team",
    title="Nobody attacked the system before its users do",
    severity=Severity.MEDIUM,
    recommendations=("DEP-4.c", "DEP-4.a", "X7.b"),
    settles=("DEP-4.c",),
    tags=("en-304-223:5.2.5-2", "atlas:AML.M0035", "owasp-llm:LLM01"),
    audience=Audience.SECURITY_ENGINEER,
)

RED_TEAM = Topic(
    name="red teaming",
    pattern=r"red.?team|attack campaign|adversarial (test|evaluation)|penetration test|garak|pyrit",
)
RESULT = Topic(
    name="a result", pattern=r"[0-9]+ (attempts|attacks|probes|of|out of)|success[^\n]{0,40}[0-9]|[0-9.]+ ?%"
)


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    if not {"llm-application", "agent", "api"}.intersection(project.inventory.traits) or not has_model(
        project
    ):
        yield CARD.not_applicable("no model that outsiders can reach was found")
        return
    found = about(project, RED_TEAM)
    told = [seen for seen in found if says(seen.fact, RESULT)]
    if told:
        yield CARD.passed(f"attacks and their results are in {told[0].file.path}", at=told[0].at(0))
    elif found:
        yield CARD.failed(
            f"{found[0].file.path} speaks of red teaming and gives no result",
            at=found[0].at(0),
            fix="Add attempts, successes and the date of the campaign.",
        )
    else:
        yield CARD.failed(
            "no document records attacks against the system",
            fix="Run an attack campaign and write attempts, successes and limits into docs/evaluation-report.md.",
        )

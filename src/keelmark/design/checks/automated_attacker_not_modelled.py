"""The threat model knows no automated attacker.

## What it finds

A threat model without an attacker who uses AI or automation: thousands of attempts that adapt to the answers, at the
price of a few calls.

## Why it matters

A guard that stops 99 attempts of 100 stops a person. It does not stop a program that makes ten thousand.

## How to fix

Add an attacker with a budget (attempts, money, time) who is a program, and say what limits him.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._threats import answer_threat_model
from keelmark.design.checks._topics import topic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="automated-attacker-not-modelled",
    title="The threat model knows no automated attacker",
    severity=Severity.LOW,
    recommendations=("SD-2.g", "X7.b"),
    tags=("atlas:AML.T0102", "en-304-223:5.1.3-1"),
    audience=Audience.SECURITY_ENGINEER,
    references=("Guidelines for secure AI system development: Model the threats to your system",),
)

TOPICS = (
    topic(
        name="an automated attacker",
        pattern=r"automat\w*.{0,60}(attack|adversar|prob|attempt|scan|jailbreak|abuse)|(attack|adversar)\w*.{0,60}(automat|script|bot|ai[- ](enabled|driven|generated|assisted)|with (ai|llm))|ai[- ](enabled|driven|powered|generated|assisted) (attack|adversar|phish|exploit)|adaptive attack|attack budget|bots?\b",
    ),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the threat model."""
    yield from answer_threat_model(
        CARD,
        project,
        TOPICS,
        lacks="the threat model says nothing of",
        has="the threat model speaks of",
        fix="Add an attacker who is a program with a budget of attempts and money, and say what limits him.",
    )

"""The threat model knows no automated attacker.

## What it finds

A threat model without an attacker who uses AI or automation: thousands of attempts that adapt to the answers, at the
price of a few calls. One is known when `threat_model.attackers` declares an attacker as `automated`, or when the written threat
model speaks of one. Where attackers are declared and none of them is automated, and no text speaks of one, that is a failure.

## Why it matters

A guard that stops 99 attempts of 100 stops a person. It does not stop a program that makes ten thousand.

## How to fix

Add an attacker with a budget (attempts, money, time) who is a program, and say what limits him.

```yaml
threat_model:
  attackers:
    - {id: automated-customer, skill: practitioner, automated: true, budget: 500}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._threats import answer_threat_model, is_ai_system, threat_models
from keelmark.design.checks._topics import topic
from keelmark.engine.answers import topics_missing

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


_SHOWN = 5
FIX = "Add an attacker who is a program with a budget of attempts and money, and say what limits him."


def check(project: Project) -> Iterator[Finding]:
    """Answer once: for the declared attackers, or for the written threat model."""
    written = threat_models(project)
    declaration = project.declaration
    attackers = declaration.threat_model.attackers if declaration and declaration.threat_model else ()
    is_written = bool(written) and not topics_missing(written, TOPICS)
    if declaration is None or not attackers or is_written or not (written or is_ai_system(project)):
        yield from answer_threat_model(
            CARD,
            project,
            TOPICS,
            lacks="the threat model says nothing of",
            has="the threat model speaks of",
            fix=FIX,
        )
        return
    automated = [index for index, attacker in enumerate(attackers) if attacker.automated]
    if automated:
        names = ", ".join(f"`{attackers[index].id}`" for index in automated[:_SHOWN])
        places = (f"threat_model.attackers[{index}]" for index in automated[:_SHOWN])
        yield CARD.passed(
            f"attackers who are programs are declared: {names}",
            at=tuple(declaration.at(place, path=project.declaration_path) for place in places),
        )
    else:
        yield CARD.failed(
            "no declared attacker is automated, and no text of the threat model speaks of one",
            at=declaration.at("threat_model.attackers", path=project.declaration_path),
            fix="Declare an attacker with `automated: true` and a budget, and say what limits him.",
        )

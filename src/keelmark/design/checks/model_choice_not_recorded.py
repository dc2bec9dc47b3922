"""The choice of the model is not recorded.

## What it finds

A system with a model and no record that says why this one: its architecture, its configuration, its training data, its
algorithm and its hyperparameters. A decision record or a model card will do; for a hosted model "chosen by the provider,
not disclosed" is an answer, as long as it is written down.

## Why it matters

A larger model is not a safer one. Without the reasons nobody can say when another choice would be better.

## How to fix

Write `docs/decisions/model-choice.md` with a line for each of the five, the threats that weighed in, the simpler model it
was compared with, and the day on which the choice is looked at again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._topics import topic
from keelmark.engine.answers import MIN_WORDS, about, topics_missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="model-choice-not-recorded",
    title="The choice of the model is not recorded",
    severity=Severity.LOW,
    recommendations=("SD-4.a", "SD-4.b", "SD-4.c", "SD-4.e", "SD-4.f", "SD-4.g", "SD-4.h", "SD-3.e"),
    settles=("SD-4.a",),
    tags=("en-304-223:5.2.3-2",),
    audience=Audience.ML_ENGINEER,
    references=("Guidelines for secure AI system development: Consider security benefits and trade-offs",),
)

_MODELS = {"hosted-model", "hub-model", "model-file"}
CHOICE = topic(
    name="the choice of a model",
    pattern=r"\bmodel\b.{0,300}?\b(choice|chosen|chose|select\w*|decided|decision|picked|instead of|rather than|compared)\b"
    r"|\b(choice|chosen|chose|select\w*|decided|decision|picked)\b.{0,300}?\bmodel\b",
)
FIELDS = (
    topic(
        name="architecture",
        pattern=r"architecture|transformer|regression|forest|boost|network|decoder|encoder|layers",
    ),
    topic(
        name="configuration",
        pattern=r"configur|quanti[sz]|context (window|length)|precision|version|settings|revision",
    ),
    topic(name="training data", pattern=r"train\w*[- ](data|set|corpus|on)|dataset|trained on|data cut-?off"),
    topic(
        name="algorithm",
        pattern=r"algorithm|method|optimi[sz]er|fine[- ]?tun|gradient|least squares|trained (with|by)|rlhf|instruction[- ]tuned",
    ),
    topic(
        name="hyperparameters",
        pattern=r"hyper-?parameter|temperature|learning rate|top[_-]?[pk]|epochs|max[_ -]tokens|depth|estimators|seed",
    ),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the system."""
    if not _MODELS.intersection(project.inventory.traits):
        yield CARD.not_applicable("no model was found")
        return
    kinds = (DocumentKind.DECISION_RECORD, DocumentKind.MODEL_CARD)
    records = [seen for seen in about(project, CHOICE, *kinds) if seen.fact.words >= MIN_WORDS]
    fix = "Write docs/decisions/model-choice.md: architecture, configuration, training data, algorithm, hyperparameters, and why."
    if not records:
        yield CARD.failed("no decision record or model card says why this model was chosen", fix=fix)
        return
    missing = topics_missing(records, FIELDS)
    if missing:
        names = ", ".join(topic.name for topic in missing)
        yield CARD.failed(
            f"the record of the model's choice says nothing of {names}", at=records[0].at(0), fix=fix
        )
    else:
        yield CARD.passed(
            "a record says why the model was chosen, in all five respects",
            at=tuple(seen.at(0) for seen in records[:5]),
        )

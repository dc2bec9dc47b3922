"""What the threat model rules share: the threats that fit a system, and the texts that speak of threats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.facts import Document, DocumentKind
from keelmark.design.checks._topics import topic
from keelmark.engine.answers import AI_TRAITS, MIN_WORDS, Topic, is_ai_system, says, topics_missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keelmark.core.finding import Card, Finding
    from keelmark.core.project import Project, Seen

__all__ = [
    "Threat",
    "answer_threat_model",
    "answer_without_model",
    "fitting",
    "is_ai_system",
    "names_threat",
    "threat_models",
]


# Traits that show a part of an AI system; a program that only answers requests or keeps records is none.
@dataclass(frozen=True, slots=True, kw_only=True)
class Threat:
    """A threat to AI systems and the systems it fits.

    Attributes:
        topic: Name and the words that speak of it, ids of ATLAS and OWASP included.
        traits: It fits a system that has one of these.
    """

    topic: Topic
    traits: frozenset[str]


def _threat(name: str, pattern: str, *traits: str) -> Threat:
    return Threat(topic=topic(name=name, pattern=pattern), traits=frozenset(traits))


_THREATS = (
    _threat(
        "prompt injection",
        r"prompt[- ]injection|jailbreak|injected (instruction|prompt)|llm01|asi01|aml\.t0051|aml\.t0054",
        "agent", "llm-application",
    ),
    _threat(
        "poisoning",
        r"poison|llm04|asi06|aml\.t0020|aml\.t0059|aml\.t0070|aml\.t0018|backdoor",
        "memory", "retrieval", "training",
    ),
    _threat(
        "extraction or inversion of the model",
        r"(model|weights?).{0,40}(extract|theft|steal|stolen|exfiltrat)|(extract|theft|steal)\w*.{0,40}(model|weights?)"
        r"|inversion|invert|membership inference|aml\.t0024|aml\.t0048\.004",
        "model-file",
    ),
    _threat("evasion", r"evasion|evad|adversarial (example|input|data|perturb)|aml\.t0015|aml\.t0043", "model-file"),
    _threat(
        "supply chain",
        r"supply[- ]chain|(malicious|tampered|compromised|backdoored|poisoned) (model|package|dependenc|weight|provider|supplier)"
        r"|llm03|asi04|aml\.t0010|aml\.t0109",
        *AI_TRAITS,
    ),
    _threat(
        "excessive agency and misuse of tools",
        r"excessive agency|tool (misuse|abuse)|(misus|abus)\w* (of )?(the |its |a )?tools?|unintended action|confused deputy"
        r"|llm06|asi02|aml\.t0053|aml\.t0086",
        "agent", "mcp",
    ),
    _threat(
        "leakage of data",
        r"leak|disclos|exfiltrat|llm02|llm07|aml\.t0057|aml\.t0056|aml\.t0025",
        "agent", "llm-application", "retrieval", "training",
    ),
    _threat(
        "exhaustion of service or budget",
        r"denial[- ]of[- ](service|wallet|ai)|exhaust|unbounded consumption|cost (harvest|attack|explosion)|runaway|flood"
        r"|llm10|aml\.t0029|aml\.t0034|(?:^|\W)d?dos(?:\W|$)",
        "api",
    ),
)  # fmt: skip


def fitting(project: Project) -> tuple[Threat, ...]:
    """The threats that fit the system as it was found."""
    traits = set(project.inventory.traits)
    return tuple(threat for threat in _THREATS if traits & threat.traits)


def names_threat(document: Document, threat: Threat) -> bool:
    """Whether a text speaks of the threat."""
    return says(document, threat.topic)


def threat_models(project: Project) -> tuple[Seen[Document], ...]:
    """Threat models that are more than a heading."""
    return tuple(
        seen for seen in project.documents(DocumentKind.THREAT_MODEL) if seen.fact.words >= MIN_WORDS
    )


def answer_without_model(card: Card, project: Project) -> Iterator[Finding]:
    """The answer of rules about the threat model when there is none: that absence has a rule of its own."""
    if not is_ai_system(project):
        yield card.not_applicable("no part of an AI system was found")
    elif not threat_models(project):
        yield card.unknown("there is no threat model that could say it", fix="Write docs/threat-model.md.")


def answer_threat_model(
    card: Card, project: Project, topics: Sequence[Topic], *, lacks: str, has: str, fix: str
) -> Iterator[Finding]:
    """Answer once: the threat model speaks of every topic.

    Args:
        card: Of the rule that asks.
        project: The facts.
        topics: What the threat model must speak of.
        lacks: Beginning of the message when topics are missing; their names follow.
        has: Beginning of the message when none is; their names follow.
        fix: What to write.
    """
    models = threat_models(project)
    if not models:
        yield from answer_without_model(card, project)
        return
    missing = topics_missing(models, topics)
    names = ", ".join(topic.name for topic in missing or topics)
    if missing:
        yield card.failed(f"{lacks} {names}", at=models[0].at(0), fix=fix)
    else:
        yield card.passed(f"{has} {names}", at=models[0].at(0))

"""Answers that many rules give in the same way: about documents that should be there and what they should say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keelmark.core.facts import Document, DocumentKind
    from keelmark.core.finding import Card, Finding
    from keelmark.core.project import Project, Seen

__all__ = [
    "AI_TRAITS",
    "Topic",
    "about",
    "answer_document",
    "counted",
    "is_ai_system",
    "says",
    "topics_missing",
]

# What makes a system one of AI; an interface or a dataset alone does not.
AI_TRAITS = frozenset(
    {
        "agent", "hosted-model", "hub-model", "llm-application", "mcp", "media-generation", "memory", "model-file",
        "retrieval", "training",
    }
)  # fmt: skip

# A heading with a sentence or two below it is a promise, not a document.
MIN_WORDS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """Something a document should speak of.

    Attributes:
        name: In words, for the message.
        pattern: RE2 pattern over the lower-case text, linear in its length.
    """

    name: str
    pattern: str


def is_ai_system(project: Project) -> bool:
    """Whether any part of an AI system was seen."""
    return bool(AI_TRAITS.intersection(project.inventory.traits))


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 route`, `2 routes`, `1,000 routes`."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def says(document: Document, topic: Topic) -> bool:
    """Whether a document speaks of a topic, in a heading or in its text."""
    expression = re2.compile(topic.pattern)
    if document.title and expression.search(document.title.lower()):
        return True
    return any(expression.search(f"{part.title}\n{part.text}".lower()) for part in document.sections)


def about(project: Project, topic: Topic, *kinds: DocumentKind) -> tuple[Seen[Document], ...]:
    """Documents of these kinds (all when none is named) that speak of a topic."""
    return tuple(seen for seen in project.documents(*kinds) if says(seen.fact, topic))


def topics_missing(documents: Sequence[Seen[Document]], topics: Sequence[Topic]) -> tuple[Topic, ...]:
    """Topics that none of these documents speaks of."""
    return tuple(topic for topic in topics if not any(says(seen.fact, topic) for seen in documents))


def answer_document(
    card: Card,
    project: Project,
    *kinds: DocumentKind,
    what: str,
    write: str,
    topics: Sequence[Topic] = (),
    min_words: int = MIN_WORDS,
) -> Iterator[Finding]:
    """Answer once: a document of one of these kinds is there, says enough, and speaks of every topic.

    Args:
        card: Of the rule that asks.
        project: The facts.
        kinds: Kinds of document that will do.
        what: The document in words, with its article: "an incident plan".
        write: What to write where, as a full sentence.
        topics: What it must speak of.
        min_words: Fewer words than that are a promise, not a document.
    """
    found = project.documents(*kinds)
    real = [seen for seen in found if seen.fact.words >= min_words]
    if not found:
        yield card.failed(f"no {what.split(' ', 1)[1]} was found in the folder", fix=write)
    elif not real:
        words = max(seen.fact.words for seen in found)
        yield card.failed(f"{what} is there but has only {words} words", at=found[0].at(0), fix=write)
    elif missing := topics_missing(real, topics):
        names = ", ".join(topic.name for topic in missing)
        yield card.failed(f"{what} is there but says nothing of {names}", at=real[0].at(0), fix=write)
    else:
        spoken = ", ".join(topic.name for topic in topics)
        said = f" and speaks of {spoken}" if spoken else ""
        yield card.passed(f"{what} is there{said}", at=tuple(seen.at(0) for seen in real[:5]))

"""What the release rules share: whether there is a model at all, and which documents speak to users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.location import Location
from keelmark.engine.answers import MIN_WORDS, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Card, Finding
    from keelmark.core.project import Project
    from keelmark.engine.answers import Topic

__all__ = ["USER_TEXTS", "answer_user_text", "has_model"]

USER_TEXTS = (
    DocumentKind.USER_NOTICE,
    DocumentKind.PRIVACY_NOTICE,
    DocumentKind.MODEL_CARD,
    DocumentKind.README,
)

_MODEL_TRAITS = {"model-file", "hosted-model", "hub-model", "llm-application"}


def has_model(project: Project) -> bool:
    """Whether the system has a model of its own or calls one."""
    return bool(_MODEL_TRAITS.intersection(project.inventory.traits))


def answer_user_text(
    card: Card, project: Project, topic: Topic, *, fix: str, is_declared: bool = False
) -> Iterator[Finding]:
    """Answer once: a text for users speaks of a topic, or the user notice of the declaration does.

    Args:
        card: Of the rule that asks.
        project: The facts.
        topic: What users should be told.
        fix: What to write where.
        is_declared: Whether the declaration says it.
    """
    told = [seen for seen in about(project, topic, *USER_TEXTS) if seen.fact.words >= MIN_WORDS]
    texts = project.documents(*USER_TEXTS)
    if told:
        yield card.passed(f"{told[0].file.path} speaks of {topic.name}", at=told[0].at(0))
    elif is_declared and project.declaration is not None:
        place = Location(path=project.declaration_path, line=project.declaration.line("user_notice"))
        yield card.passed(f"the user notice of {project.declaration_path} speaks of {topic.name}", at=place)
    elif texts:
        yield card.failed(f"no text for users speaks of {topic.name}", at=texts[0].at(0), fix=fix)
    else:
        yield card.failed("there is no text for users", fix=fix)

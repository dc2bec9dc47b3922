"""What the release rules share: whether there is a model at all, and which documents speak to users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.location import Location

if TYPE_CHECKING:
    from keelmark.core.project import Project

__all__ = ["USER_TEXTS", "declaration_place", "has_model"]

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


def declaration_place(project: Project) -> Location:
    """Where the user notice stands in the declaration."""
    line = project.declaration.line("user_notice") if project.declaration else 0
    return Location(path=project.declaration_path, line=line)

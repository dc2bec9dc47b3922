"""What rules about the declaration share: where a value stands, and which words are no answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.location import Location

if TYPE_CHECKING:
    from keelmark.core.finding import Card, Finding
    from keelmark.core.project import Project

__all__ = ["is_blank", "place", "undeclared"]

_NO_ANSWER = {"", "-", "?", "??", "???", "n/a", "na", "nobody", "none", "tba", "tbd", "to be decided", "to be defined", "todo", "unknown", "xxx"}  # fmt: skip


def is_blank(text: str) -> bool:
    """Whether a declared text says nothing: empty, or a word that stands for an answer to come."""
    return text.strip().strip("<>[]().").lower() in _NO_ANSWER


def place(project: Project, dotted: str) -> Location:
    """Where a value of the declaration stands, its parent when the value itself does not."""
    line = project.declaration.line(dotted) if project.declaration else 0
    if not line and project.declaration and "." in dotted:
        line = project.declaration.line(dotted.rpartition(".")[0])
    return Location(path=project.declaration_path, line=line, anchor=dotted)


def undeclared(card: Card, what: str, key: str) -> Finding:
    """The answer when there is no declaration at all: unknown, because only a person can say it."""
    return card.unknown(
        f"there is no keelmark.yaml, so nobody said {what}",
        fix=f"Write keelmark.yaml (keelmark init does) and fill in `{key}`.",
    )

"""What a newer edition of the threat library changes, and what that means for one system."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Change", "LibraryChange", "LibraryDifference", "ReviewTask"]


class Change(StrEnum):
    """What happened to an entry."""

    NEW = "new"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryChange:
    """One entry that differs.

    Attributes:
        kind: `technique`, `mitigation` or `threat`.
        id: Of the entry.
        name: Its name in the newer edition, or in the older one when it is gone.
        fields: What differs, in words, each with old and new where that is short.
    """

    kind: str
    change: Change
    id: str
    name: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewTask:
    """Something a person should look at again.

    Attributes:
        subject: What to look at: id of a threat, recommendation or technique.
        text: What to do.
        because: Which change asks for it, and why it concerns this system.
        entries: Ids of the entries that differ.
    """

    subject: str
    text: str
    because: str
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryDifference:
    """Two editions of the library side by side.

    Attributes:
        old: (source, version, date) of each source.
        new: The same of the newer edition.
        applying: Ids of changed entries that concern this system, with the reason.
        tasks: What to look at again, most pressing first.
    """

    old: tuple[tuple[str, str, str], ...]
    new: tuple[tuple[str, str, str], ...]
    changes: tuple[LibraryChange, ...]
    applying: tuple[tuple[str, str], ...] = ()
    tasks: tuple[ReviewTask, ...] = ()

"""Classes of data as they are found in datasets, in the words in which people declare them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.location import Location

if TYPE_CHECKING:
    from keelmark.core.project import Project

__all__ = ["FoundClass", "classes_found"]

# Words in the kind of a finding, the class it belongs to, and the declared names that cover it.
_CLASSES: tuple[tuple[tuple[str, ...], str, frozenset[str]], ...] = (
    (
        ("card", "iban", "account", "payment", "bank"),
        "payment",
        frozenset({"payment", "financial", "payment data"}),
    ),
    (
        ("health", "medical", "diagnos", "patient"),
        "health",
        frozenset({"health", "medical", "special category"}),
    ),
    (("biometric", "face", "fingerprint"), "biometric", frozenset({"biometric", "special category"})),
)
_PERSONAL = frozenset({"personal", "personal data", "pii"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundClass:
    """A class of data found in a dataset.

    Attributes:
        name: Class, as one would declare it.
        accepted: Declared names that cover it, in lower case.
        words: What was found, for the message.
        at: First place.
    """

    name: str
    accepted: frozenset[str]
    words: str
    at: Location


def classes_found(project: Project) -> tuple[FoundClass, ...]:
    """Classes of personal data in the datasets of the product, each once with its first place."""
    found: dict[str, FoundClass] = {}
    for file, reading in project.readings:
        if reading.dataset is None or file.role.value != "product":
            continue
        for entry in reading.dataset.personal:
            name, accepted = _class_of(entry.kind.lower())
            place = Location(path=file.path, line=entry.line, anchor=entry.kind)
            words = f"{entry.count} values of kind {entry.kind}"
            found.setdefault(name, FoundClass(name=name, accepted=accepted, words=words, at=place))
    return tuple(found.values())


def _class_of(kind: str) -> tuple[str, frozenset[str]]:
    for words, name, accepted in _CLASSES:
        if any(word in kind for word in words):
            return name, accepted
    return "personal", _PERSONAL

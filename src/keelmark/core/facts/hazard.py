"""What an artefact would do, or make its readers believe, when it is loaded; stated without judgement of how bad it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Hazard", "Technique"]


class Technique(StrEnum):
    """Ways in which an artefact reaches further than its numbers. A closed list: each has a page and a severity."""

    # Callables that a stream of opcodes asks for
    DANGEROUS_CALLABLE = "dangerous-callable"
    UNKNOWN_CALLABLE = "unknown-callable"
    COMPUTED_CALLABLE = "computed-callable"
    DANGEROUS_ARGUMENT = "dangerous-argument"
    CLASS_CHANGED = "class-changed"
    # Code and classes that a configuration or package carries or names
    SERIALISED_CODE = "serialised-code"
    DANGEROUS_CLASS = "dangerous-class"
    UNKNOWN_CLASS = "unknown-class"
    CUSTOM_CLASS = "custom-class"
    DANGEROUS_SOURCE = "dangerous-source"
    EMBEDDED_SOURCE = "embedded-source"
    REMOTE_CODE = "remote-code"
    # Operators of graphs
    FILE_OPERATOR = "file-operator"
    PYTHON_OPERATOR = "python-operator"
    CUSTOM_OPERATOR = "custom-operator"
    NATIVE_LIBRARY = "native-library"
    # Templates
    TEMPLATE_REACHES_OBJECTS = "template-reaches-objects"
    TEMPLATE_OUTSIDE_SET = "template-outside-set"
    # Places outside of the artefact
    OUTSIDE_PATH = "outside-path"
    OUTSIDE_LINK = "outside-link"
    EXTERNAL_ENTITY = "external-entity"
    OUTSIDE_ADDRESS = "outside-address"
    # Containers and headers that readers see differently
    DUPLICATE_MEMBER = "duplicate-member"
    READERS_DISAGREE = "readers-disagree"
    HIDDEN_DATA = "hidden-data"
    POLYGLOT = "polyglot"
    DISGUISED_FORMAT = "disguised-format"
    CONTRADICTORY_HEADER = "contradictory-header"
    BOMB = "bomb"
    # Freight
    EMBEDDED_EXECUTABLE = "embedded-executable"
    EMBEDDED_SECRET = "embedded-secret"  # noqa: S105 - the name of a technique
    ACTIVE_CONTENT = "active-content"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """One thing that loading, unpacking or showing an artefact would do.

    Attributes:
        technique: Which way it is.
        detail: One sentence about this artefact; foreign text may be inside.
        subject: The exact name it is about (callable, operator, class, path), part of the fingerprint.
        member: Path inside of the file, parts of nested archives joined by `!`; "" for the file itself.
        offset: Place of the first byte in that member, where there is one.
        code: What would be run, as short pseudo-code with arguments; "" when nothing is called.
    """

    technique: Technique
    detail: str
    subject: str = ""
    member: str = ""
    offset: int | None = None
    code: str = ""

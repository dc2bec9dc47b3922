"""In-toto statements: which artefacts, by digest, and what is said about them.

Source of the form: in-toto Attestation Framework, Statement v1. A statement proves nothing by itself; it becomes the
payload of a DSSE envelope (`trust.dsse`) that somebody signs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from keelmark.errors import ParseError
from keelmark.trust import canonical_json

__all__ = [
    "PAYLOAD_TYPE",
    "STATEMENT_TYPE",
    "Statement",
    "StatementBounds",
    "Subject",
    "encode",
    "is_hex",
    "parse",
]

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"

_HEX = "0123456789abcdef"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementBounds:
    """Bounds of a statement.

    Attributes:
        max_bytes: Bytes of its JSON.
        max_subjects: Subjects.
        max_name: Characters of a subject's name.
    """

    max_bytes: int = 96 * 1024**2
    max_subjects: int = 500_000
    max_name: int = 8_192


_BOUNDS = StatementBounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One artefact that a statement speaks of.

    Attributes:
        name: Its name; it need not be unique.
        digest: Hexadecimal digests in lower case by algorithm, such as `sha256`.
    """

    name: str
    digest: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What is said about subjects, under a predicate type that says how to read it."""

    predicate_type: str
    subjects: tuple[Subject, ...]
    predicate: Mapping[str, Any] = field(default_factory=dict)


def encode(statement: Statement) -> bytes:
    """The statement as canonical JSON: the same statement is always the same bytes.

    Raises:
        UsageError: The predicate holds what has no canonical spelling.
    """
    return canonical_json.encode(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": each.name, "digest": dict(each.digest)} for each in statement.subjects],
            "predicateType": statement.predicate_type,
            "predicate": statement.predicate,
        }
    )


def parse(data: bytes) -> Statement:
    """Read a statement in any spelling of JSON, but with no key twice.

    Raises:
        ParseError: It is none.
    """
    tree = canonical_json.parse(data, what="statement", max_bytes=_BOUNDS.max_bytes)
    if tree.get("_type") != STATEMENT_TYPE:
        raise ParseError(
            f"statement is of type `{str(tree.get('_type'))[:200]}`", hint=f"expected {STATEMENT_TYPE}"
        )
    subjects, predicate, kind = tree.get("subject"), tree.get("predicate", {}), tree.get("predicateType")
    if not isinstance(subjects, list) or not isinstance(predicate, dict) or not isinstance(kind, str):
        raise ParseError("statement lacks its subjects, its predicate or the type of its predicate")
    if not 0 < len(subjects) <= _BOUNDS.max_subjects:
        raise ParseError(f"statement has {len(subjects)} subjects, not 1 to {_BOUNDS.max_subjects}")
    return Statement(predicate_type=kind, subjects=tuple(map(_subject, subjects)), predicate=predicate)


def is_hex(text: object, digits: int | None = None) -> bool:
    """Whether this is hexadecimal in lower case: of so many digits, or of any even number of them."""
    if not isinstance(text, str) or not text or len(text) % 2:
        return False
    return (digits is None or len(text) == digits) and not text.strip(_HEX)


def _subject(value: object) -> Subject:
    name = value.get("name", "") if isinstance(value, dict) else None
    digest = value.get("digest") if isinstance(value, dict) else None
    if not isinstance(name, str) or len(name) > _BOUNDS.max_name:
        raise ParseError("a subject of the statement has no name that can be used")
    if not isinstance(digest, dict) or not digest or not all(map(is_hex, digest.values())):
        raise ParseError(f"subject `{name[:200]}` has no digest in hexadecimal form")
    return Subject(name=name, digest=digest)

"""What is signed of a dossier, as an in-toto statement about the release: one spelling, nothing unknown in it.

The kind of predicate claims no domain: `urn:keelmark:predicate:dossier:v1`. Its subject is the release as a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from keelmark.core.dossier import DossierStatement
from keelmark.deployment.release.subjects import is_sha256
from keelmark.errors import ParseError, UsageError
from keelmark.trust import statement
from keelmark.trust.statement import Statement, Subject, is_hex

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["DOSSIER_TYPE", "form_of", "parse_statement", "payload_of"]

DOSSIER_TYPE = "urn:keelmark:predicate:dossier:v1"

_FAMILY = "urn:keelmark:predicate:dossier:"
_SHA256_DIGITS = 64


def payload_of(stated: DossierStatement) -> bytes:
    """The payload of the envelope.

    Raises:
        UsageError: It holds text that is no Unicode.
    """
    subject = Subject(name=f"{stated.release}.dsse.json", digest={"sha256": stated.release_digest})
    predicate: Mapping[str, Any] = msgspec.to_builtins(stated)
    return statement.encode(Statement(predicate_type=DOSSIER_TYPE, subjects=(subject,), predicate=predicate))


def form_of(payload: bytes) -> str:
    """The type of predicate of a payload that speaks of a dossier, in this version or another; "" for anything else."""
    try:
        found = statement.parse(payload).predicate_type
    except ParseError:
        return ""
    return found if found.startswith(_FAMILY) else ""


def parse_statement(payload: bytes) -> DossierStatement:
    """Read what was signed, strictly: there is one spelling of each.

    Raises:
        ParseError: It is none.
    """
    found = statement.parse(payload)
    if found.predicate_type != DOSSIER_TYPE:
        raise ParseError(f"statement is `{found.predicate_type[:200]}`, not `{DOSSIER_TYPE}`")
    try:
        stated = msgspec.convert(found.predicate, type=DossierStatement)
        is_spelled = payload_of(stated) == payload
    except (msgspec.ValidationError, ValueError, RecursionError, UsageError) as error:
        raise ParseError(f"statement does not fit `{DOSSIER_TYPE}`: {str(error)[:200]}") from error
    digests = (stated.root, *stated.parts.values())
    if not is_spelled or not all(map(is_sha256, found.subjects)):
        raise ParseError("statement is spelled otherwise than Keelmark spells it")
    if not all(is_hex(each, _SHA256_DIGITS) for each in digests) or stated.made.tzinfo is None:
        raise ParseError("statement has a digest or a time that is none")
    return stated

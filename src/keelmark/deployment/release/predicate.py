"""A release as an in-toto statement and back: one spelling, nothing unknown in it, an id that its content gives.

The kinds of predicate claim no domain: `urn:keelmark:predicate:release:v1` and `...:revocation:v1`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING, TypeVar

import msgspec

from keelmark.core.release import Release, Revocation
from keelmark.deployment.release.subjects import is_sha256
from keelmark.errors import ParseError, UsageError
from keelmark.trust import statement
from keelmark.trust.statement import Statement, Subject, is_hex

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = [
    "RELEASE_TYPE",
    "REVOCATION_TYPE",
    "StatedRelease",
    "StatedRevocation",
    "parse_release",
    "parse_revocation",
    "payload_of",
    "revocation_payload",
    "same_person",
    "signers_needed",
    "with_id",
]

RELEASE_TYPE = "urn:keelmark:predicate:release:v1"
REVOCATION_TYPE = "urn:keelmark:predicate:revocation:v1"

_ID_DIGITS = 16
_SHA256_DIGITS = 64
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedRelease:
    """A release with its subjects, and the digest of the statement that holds them.

    Attributes:
        digest: SHA-256 of the payload: the same whether one or both have signed.
    """

    release: Release
    subjects: tuple[Subject, ...]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedRevocation:
    """A revocation, and the digest of the release that it speaks of."""

    revocation: Revocation
    digest: str


def signers_needed(*, critical: bool | None) -> int:
    """How many people must sign. Where nobody said whether the system is critical, it counts as critical."""
    return 1 if critical is False else 2


def same_person(first: str, second: str) -> bool:
    """Whether two names are one, whatever their case and spaces."""
    return "".join(first.split()).casefold() == "".join(second.split()).casefold()


def with_id(release: Release, subjects: tuple[Subject, ...]) -> Release:
    """The release with the id that its content gives."""
    return replace(release, id=_id_of(release, subjects))


def payload_of(release: Release, subjects: tuple[Subject, ...]) -> bytes:
    """The payload of the envelope.

    Raises:
        UsageError: It holds text that is no Unicode.
    """
    predicate = dict(_tree(release))
    if release.reinstates is None:
        # Releases were signed before this could be stated: those that do not state it are spelled as ever.
        del predicate["reinstates"]
    return statement.encode(Statement(predicate_type=RELEASE_TYPE, subjects=subjects, predicate=predicate))


def parse_release(payload: bytes) -> StatedRelease:
    """Read a release strictly: there is one spelling of each.

    Raises:
        ParseError: It is none, or was changed.
    """
    stated = statement.parse(payload)
    release = _read(stated, Release, RELEASE_TYPE)
    try:
        if payload_of(release, stated.subjects) != payload:
            raise ParseError("release is spelled otherwise than Keelmark spells it")
        _check(release, stated.subjects)
    except UsageError as error:  # text that is no Unicode, which nobody can have signed here
        raise ParseError(f"release cannot be spelled: {error.message}") from error
    return StatedRelease(
        release=release, subjects=stated.subjects, digest=hashlib.sha256(payload).hexdigest()
    )


def revocation_payload(revocation: Revocation, *, digest: str) -> bytes:
    """The payload of a revocation, about the release with this digest."""
    subject = Subject(name=revocation.release, digest={"sha256": digest})
    return statement.encode(
        Statement(predicate_type=REVOCATION_TYPE, subjects=(subject,), predicate=_tree(revocation))
    )


def parse_revocation(payload: bytes) -> StatedRevocation:
    """Read a revocation strictly.

    Raises:
        ParseError: It is none, or was changed.
    """
    stated = statement.parse(payload)
    revocation = _read(stated, Revocation, REVOCATION_TYPE)
    subject = stated.subjects[0]
    try:
        again = revocation_payload(revocation, digest=subject.digest.get("sha256", ""))
    except UsageError as error:
        raise ParseError(f"revocation cannot be spelled: {error.message}") from error
    if not is_sha256(subject) or again != payload:
        raise ParseError("revocation is spelled otherwise than Keelmark spells it")
    return StatedRevocation(revocation=revocation, digest=subject.digest["sha256"])


def _id_of(release: Release, subjects: tuple[Subject, ...]) -> str:
    content = hashlib.sha256(payload_of(replace(release, id=""), subjects)).hexdigest()
    return f"{release.created.astimezone(UTC):%Y%m%dT%H%M%SZ}-{content[:_ID_DIGITS]}"


def _check(release: Release, subjects: tuple[Subject, ...]) -> None:
    files = release.contents.files
    if not 0 < files <= len(subjects) or not all(map(is_sha256, subjects)):
        raise ParseError("release does not say which of its subjects are files")
    paths = [each.name for each in subjects[:files]]
    if paths != sorted(set(paths)) or not set(release.contents.links) <= set(paths):
        raise ParseError("files of the release do not stand in their order, each once")
    moments = (release.created, release.not_before, release.expires, release.evidence.assessed)
    if any(each.tzinfo is None for each in moments):
        raise ParseError("release has a time without a zone")
    if not release.not_before < release.expires:
        raise ParseError("release ends before it begins")
    if not release.signers:
        raise ParseError("release names nobody who signs it")
    if release.reinstates is not None and not is_hex(release.reinstates.digest, _SHA256_DIGITS):
        raise ParseError("release does not say which one it reinstates")
    if release.id != _id_of(release, subjects):
        raise ParseError("id of the release is not the one that its content gives")


def _read(stated: Statement, kind: type[_T], wanted: str) -> _T:
    if stated.predicate_type != wanted:
        raise ParseError(f"statement is `{stated.predicate_type[:200]}`, not `{wanted}`")
    try:
        return msgspec.convert(stated.predicate, type=kind)
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        raise ParseError(f"statement does not fit `{wanted}`: {str(error)[:200]}") from error


def _tree(value: object) -> Mapping[str, Any]:
    found: Mapping[str, Any] = msgspec.to_builtins(value)
    return found

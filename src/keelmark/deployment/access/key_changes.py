"""Making, replacing and revoking keys. Pure: each change gives a new document.

1. Every key expires; no key lives longer than `max_days`.
2. A key that replaces another has its owner, team, tenant and scopes; the old one ends when the overlap is over, never later
   than it would have.
3. A revoked or expired key is not replaced, and a revocation is never taken back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from keelmark.core.secret import Secret
from keelmark.deployment.access.key_table import KeyDocument
from keelmark.deployment.access.keys import KeyRecord, digest_of, new_key, pepper_id
from keelmark.deployment.access.scopes import check_scopes
from keelmark.errors import UsageError

__all__ = ["Bounds", "KeyRequest", "Made", "add_key", "revoke_key", "rotate_key"]

_MAX_WORDS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of the life of keys.

    Attributes:
        max_days: From making a key to its end.
        max_overlap: How long a key goes on beside the one that replaces it.
        max_keys: In one file.
    """

    max_days: int = 366
    max_overlap: timedelta = timedelta(days=30)
    max_keys: int = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest:
    """A key that is asked for; the attributes are those of its record.

    Attributes:
        days: How long it lives.
    """

    name: str
    owner: str
    team: str = ""
    tenant: str = ""
    scopes: tuple[str, ...] = ()
    days: int = 90
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A key that was made.

    Attributes:
        document: All keys, the new one included.
        record: What is kept of it.
        key: The key itself, to be shown once.
        ended: The key that it replaces, with its new end.
    """

    document: KeyDocument
    record: KeyRecord
    key: Secret
    ended: KeyRecord | None = None


def add_key(
    document: KeyDocument,
    request: KeyRequest,
    *,
    pepper: Secret,
    now: datetime,
    bounds: Bounds | None = None,
) -> Made:
    """Make a key.

    Raises:
        UsageError: What is asked for cannot be, or the pepper is another than that of the other keys.
        ConfigurationError: A scope is none.
    """
    limits = bounds or Bounds()
    _check_document(document, pepper, limits)
    _check_request(request, limits)
    if not request.scopes:
        raise UsageError(
            "a key without scopes allows nothing", hint="name what it is for: --scope infer:MODEL"
        )
    key_id, key = new_key()
    record = KeyRecord(
        id=key_id,
        digest=digest_of(key.reveal().decode(), pepper),
        name=request.name,
        owner=request.owner,
        team=request.team,
        tenant=request.tenant,
        scopes=check_scopes(request.scopes),
        created=now,
        not_before=request.not_before or now,
        expires=now + timedelta(days=request.days),
    )
    if record.not_before >= record.expires:
        raise UsageError("the key would end before it begins", hint="let it begin earlier, or live longer")
    return Made(document=replace(document, records=(*document.records, record)), record=record, key=key)


def rotate_key(  # noqa: PLR0913 - each is said by the caller
    document: KeyDocument,
    key_id: str,
    *,
    overlap: timedelta,
    pepper: Secret,
    now: datetime,
    days: int = 90,
    bounds: Bounds | None = None,
) -> Made:
    """Make a key that replaces another; the other goes on for the overlap.

    Raises:
        UsageError: There is no such key, it is no longer in force, or the overlap is too long.
    """
    limits = bounds or Bounds()
    old = _found(document, key_id)
    if old.revoked is not None or old.expires <= now:
        word = "revoked" if old.revoked is not None else "expired"
        raise UsageError(f"key `{key_id}` is {word}", hint="make a new one: keelmark access key add")
    if not timedelta() <= overlap <= limits.max_overlap:
        raise UsageError(f"the overlap is not between 0 and {limits.max_overlap.days} days")
    made = add_key(
        document,
        KeyRequest(
            name=old.name,
            owner=old.owner,
            team=old.team,
            tenant=old.tenant,
            scopes=tuple(old.scopes),
            days=days,
        ),
        pepper=pepper,
        now=now,
        bounds=limits,
    )
    end = min(old.expires, now + overlap)
    ended = replace(old, expires=end, not_before=min(old.not_before, end))
    record = replace(made.record, replaces=key_id)
    swapped = {ended.id: ended, record.id: record}
    records = tuple(swapped.get(each.id, each) for each in made.document.records)
    return Made(document=replace(document, records=records), record=record, key=made.key, ended=ended)


def revoke_key(document: KeyDocument, key_id: str, *, reason: str, now: datetime) -> KeyDocument:
    """Revoke a key. One that is revoked stays revoked as of the first time.

    Raises:
        UsageError: There is no such key, or no reason.
    """
    old = _found(document, key_id)
    _check_words("reason", reason)
    if not reason.strip():
        raise UsageError("a revocation needs a reason", hint='--reason "leaked in a log"')
    if old.revoked is not None:
        return document
    gone = replace(old, revoked=now, reason=reason)
    return replace(document, records=tuple(gone if each is old else each for each in document.records))


def _found(document: KeyDocument, key_id: str) -> KeyRecord:
    for record in document.records:
        if record.id == key_id:
            return record
    raise UsageError("there is no key with this id", hint="keelmark access key list")


def _check_document(document: KeyDocument, pepper: Secret, limits: Bounds) -> None:
    if document.pepper != pepper_id(pepper):
        raise UsageError(
            "the keys in this file were made with another pepper",
            hint="give the pepper that belongs to this file, or name another file",
        )
    if len(document.records) >= limits.max_keys:
        raise UsageError(f"the file holds {limits.max_keys} keys already", hint="name another file")


def _check_request(request: KeyRequest, limits: Bounds) -> None:
    for what in ("name", "owner", "team", "tenant"):
        _check_words(what, getattr(request, what))
    if not request.name.strip() or not request.owner.strip():
        raise UsageError("a key needs a name and an owner", hint="--name and --owner")
    if not 1 <= request.days <= limits.max_days:
        raise UsageError(f"a key lives between 1 and {limits.max_days} days", hint="--valid-for 90")


def _check_words(what: str, words: str) -> None:
    if len(words) > _MAX_WORDS or not words.isprintable():
        raise UsageError(f"the {what} is too long, or has characters that do not print")

"""The key file: strictly read, written so that two versions can be compared line by line. Pure: bytes in, bytes out.

1. An unknown field, a key that stands twice in an object, an id that stands twice: the whole file is refused.
2. parse(render(x)) is x.
3. No error shows a digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import msgspec
import re2

from keelmark.deployment.access.keys import KeyRecord
from keelmark.deployment.access.scopes import check_scopes
from keelmark.errors import ConfigurationError, LimitExceededError, ParseError
from keelmark.formats.strict_json import parse as parse_json

__all__ = ["Bounds", "KeyDocument", "parse_keys", "render_keys"]

_FORMAT = "keelmark-api-keys/1"
_HINT = "restore it from a copy, or change it with keelmark access key alone"
_ID = re2.compile(r"[0-9a-z]{12}")

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Words = Annotated[str, msgspec.Meta(max_length=200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of the key file.

    Attributes:
        max_bytes: Of the file.
        max_keys: In it, expired and revoked ones included.
    """

    max_bytes: int = 32 * 1024**2
    max_keys: int = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDocument:
    """What the key file holds.

    Attributes:
        pepper: Which pepper its digests were made with.
        records: The keys, in the order in which they were made.
    """

    pepper: str
    records: tuple[KeyRecord, ...] = ()


class _Row(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    id: str
    digest: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    name: _Words
    owner: _Words
    team: _Words = ""
    tenant: _Words = ""
    scopes: list[str] = []
    created: _Moment
    not_before: _Moment
    expires: _Moment
    revoked: _Moment | None = None
    reason: _Words = ""
    replaces: str = ""


class _File(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    format: str
    pepper: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
    keys: list[_Row]


def parse_keys(content: bytes, *, path: str = "", bounds: Bounds | None = None) -> KeyDocument:
    """Read a key file.

    Raises:
        ConfigurationError: It is not exactly what a key file is.
    """
    limits = bounds or Bounds()
    try:
        return _parsed(content, limits)
    except (ParseError, LimitExceededError, ConfigurationError) as error:
        raise ConfigurationError(f"no key file: {error.message}", hint=_HINT, path=path or None) from error
    except msgspec.ValidationError as error:
        # Its words name the place and the type, never the value.
        raise ConfigurationError(
            f"no key file: {_lower(str(error))}", hint=_HINT, path=path or None
        ) from error


def _parsed(content: bytes, limits: Bounds) -> KeyDocument:
    found = parse_json(content, max_bytes=limits.max_bytes)
    if found.duplicates:
        raise ParseError(f"`{found.duplicates[0]}` stands twice")
    file = msgspec.convert(found.value, _File)
    if file.format != _FORMAT:
        raise ParseError(f"its format is `{file.format}`, not `{_FORMAT}`")
    if len(file.keys) > limits.max_keys:
        raise LimitExceededError(f"more than {limits.max_keys} keys")
    records = tuple(map(_record, file.keys))
    _check_ids(records)
    return KeyDocument(pepper=file.pepper, records=records)


def render_keys(document: KeyDocument) -> bytes:
    """The bytes of a key file."""
    rows = [
        _Row(
            id=record.id,
            digest=record.digest.hex(),
            name=record.name,
            owner=record.owner,
            team=record.team,
            tenant=record.tenant,
            scopes=sorted(record.scopes),
            created=record.created,
            not_before=record.not_before,
            expires=record.expires,
            revoked=record.revoked,
            reason=record.reason,
            replaces=record.replaces,
        )
        for record in document.records
    ]
    file = _File(format=_FORMAT, pepper=document.pepper, keys=rows)
    return msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n"


def _record(row: _Row) -> KeyRecord:
    if not _ID.fullmatch(row.id) or (row.replaces and not _ID.fullmatch(row.replaces)):
        raise ParseError("an id is not 12 letters and digits")
    if not row.name.strip() or not row.owner.strip():
        raise ParseError(f"key `{row.id}` has no name or no owner")
    if not row.created <= row.expires or not row.not_before <= row.expires:
        raise ParseError(f"key `{row.id}` ends before it begins")
    return KeyRecord(
        id=row.id,
        digest=bytes.fromhex(row.digest),
        name=row.name,
        owner=row.owner,
        team=row.team,
        tenant=row.tenant,
        scopes=check_scopes(row.scopes),
        created=row.created,
        not_before=row.not_before,
        expires=row.expires,
        revoked=row.revoked,
        reason=row.reason,
        replaces=row.replaces,
    )


def _check_ids(records: tuple[KeyRecord, ...]) -> None:
    seen: set[str] = set()
    for record in records:
        if record.id in seen:
            raise ParseError(f"key `{record.id}` stands twice")
        seen.add(record.id)


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]

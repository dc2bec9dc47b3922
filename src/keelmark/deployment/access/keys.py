"""API keys: how they look, what is kept of them, and whether one is right.

A key is `km_<id>.<secret>`. The id is 12 letters and digits that may be shown; the secret is 256 random bits in base 62,
followed by six characters of checksum over all before them, so that scanners of leaked credentials can tell a key.
What is kept is HMAC-SHA256 over the whole key under a pepper that lies elsewhere: who reads the key file can use none of
its keys, and cannot try guesses either.

1. Text that has not exactly this form, checksum included, is never a key; no text makes parsing fail.
2. Comparisons take the same time wherever they differ; an unknown id costs what a wrong secret costs.
3. A key counts from `not_before` until `expires`, and never once it is revoked. Every key expires.
4. Neither the key nor its digest shows when a record is printed.
"""

from __future__ import annotations

import hmac
import secrets
import zlib
from dataclasses import dataclass, field
from datetime import datetime

from keelmark.core.principal import Principal, Proof
from keelmark.core.secret import Secret
from keelmark.errors import ConfigurationError

__all__ = [
    "KEY_LENGTH",
    "KEY_PREFIX",
    "PEPPER_BYTES",
    "KeyRecord",
    "KeyTable",
    "digest_of",
    "id_of",
    "new_key",
    "parse_pepper",
    "pepper_id",
]

KEY_PREFIX = "km_"
"""How every key begins."""

PEPPER_BYTES = 32
"""Length of the pepper."""

_ID_LENGTH = 12
_SECRET_LENGTH = 43  # 62 ** 43 is more than 2 ** 256
_SUM_LENGTH = 6
_DOT = len(KEY_PREFIX) + _ID_LENGTH
KEY_LENGTH = _DOT + 1 + _SECRET_LENGTH + _SUM_LENGTH
"""Length of every key."""

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
# What the secret of an unknown id is compared with; nothing has this digest but by chance of 2 ** -256.
_NOBODY = secrets.token_bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """What is kept of one key.

    Attributes:
        id: The part of the key that may be shown.
        digest: HMAC-SHA256 of the key under the pepper.
        name: What it is for.
        owner: Who answers for it.
        team: Whom limits and policies count it with.
        tenant: Whose data it may meet.
        scopes: What it allows at most.
        created: When it was made.
        not_before: When it begins to count.
        expires: When it ends.
        revoked: When it was revoked; None while it is not.
        reason: Why it was revoked.
        replaces: Id of the key that it replaces.
    """

    id: str
    digest: bytes = field(repr=False)
    name: str
    owner: str
    team: str = ""
    tenant: str = ""
    scopes: frozenset[str] = frozenset()
    created: datetime
    not_before: datetime
    expires: datetime
    revoked: datetime | None = None
    reason: str = ""
    replaces: str = ""

    def counts(self, now: datetime) -> bool:
        """Whether it is in force."""
        return self.revoked is None and self.not_before <= now < self.expires

    def principal(self) -> Principal:
        """Who calls with it."""
        return Principal(
            id=self.id,
            proof=Proof.API_KEY,
            team=self.team,
            tenant=self.tenant,
            scopes=self.scopes,
            attributes=(("name", self.name), ("owner", self.owner)),
        )


class KeyTable:
    """All keys at one moment, by id."""

    __slots__ = ("_records",)

    def __init__(self, records: tuple[KeyRecord, ...] = ()) -> None:
        self._records = {record.id: record for record in records}

    def __contains__(self, key_id: object) -> bool:
        return key_id in self._records

    def __len__(self) -> int:
        return len(self._records)

    def match(self, text: str, *, pepper: Secret, now: datetime) -> KeyRecord | None:
        """The record of a key that is right and in force."""
        key_id = id_of(text)
        if key_id is None:
            return None
        record = self._records.get(key_id)
        expected = _NOBODY if record is None else record.digest
        # INVARIANT: everything else is looked at after the comparison, so that nothing tells which part was wrong.
        is_right = hmac.compare_digest(digest_of(text, pepper), expected)
        return record if is_right and record is not None and record.counts(now) else None


def id_of(text: str) -> str | None:
    """The id in a text that has the form of a key, checksum included."""
    if (
        len(text) != KEY_LENGTH
        or not text.isascii()
        or text[_DOT] != "."
        or text[: len(KEY_PREFIX)] != KEY_PREFIX
    ):
        return None
    key_id = text[len(KEY_PREFIX) : _DOT]
    if not key_id.isalnum() or (not key_id.islower() and not key_id.isdecimal()):
        return None
    body = text[len(KEY_PREFIX) : -_SUM_LENGTH]
    if not text[_DOT + 1 :].isalnum() or _checksum(body) != text[-_SUM_LENGTH:]:
        return None
    return key_id


def new_key() -> tuple[str, Secret]:
    """A new key: its id, and the whole of it."""
    key_id = "".join(secrets.choice(_BASE36) for _ in range(_ID_LENGTH))
    body = f"{key_id}.{_base62(secrets.randbits(256), _SECRET_LENGTH)}"
    return key_id, Secret(f"{KEY_PREFIX}{body}{_checksum(body)}".encode())


def digest_of(text: str, pepper: Secret) -> bytes:
    """What is kept of a key."""
    return hmac.digest(pepper.reveal(), text.encode(), "sha256")


def pepper_id(pepper: Secret) -> str:
    """Tells one pepper from another, and nothing else about it."""
    return hmac.digest(pepper.reveal(), b"keelmark: which pepper is this?", "sha256")[:8].hex()


def parse_pepper(content: bytes) -> Secret:
    """A pepper from a file or variable: 32 bytes as they are, or 64 hexadecimal digits.

    Raises:
        ConfigurationError: It is neither.
    """
    if len(content) == PEPPER_BYTES:
        return Secret(content)
    try:
        found = bytes.fromhex(content.decode("ascii").strip())
    except ValueError:
        found = b""
    if len(found) != PEPPER_BYTES:
        raise ConfigurationError(
            "the pepper is neither 32 bytes nor 64 hexadecimal digits",
            hint="make one: head -c 32 /dev/urandom > pepper && chmod 600 pepper",
        )
    return Secret(found)


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _SUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits: list[str] = []
    while number:
        number, rest = divmod(number, 62)
        digits.append(_BASE62[rest])
    return "".join(reversed(digits)).rjust(length, "0")

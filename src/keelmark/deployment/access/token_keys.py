"""The keys that sign tokens: a JSON Web Key Set, read strictly, fetched through a port, kept for a time.

1. A set of more than `max_bytes` or `max_keys`, with two keys of one name, or with a private key in it is refused as a whole.
2. Keys of kinds that are not used (shared secrets above all) are passed over; RSA keys count between 2048 and 8192 bits.
3. A key is used with the algorithms of its kind alone, and with the one that it names, if it names one.
4. The set is fetched again when it is older than `refresh_s`; for a key it does not know, at most every `unknown_s`.
5. A fetch that fails, or gives what is refused, leaves the keys as they are, until they are older than `max_age_s`: then there
   are none.
6. One fetch runs at a time, and goes on when who asked for it goes away.
"""

from __future__ import annotations

import asyncio
import binascii
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from joserfc.errors import JoseError
from joserfc.jwk import import_key

from keelmark.errors import KeelmarkError, ParseError
from keelmark.formats.strict_json import parse as parse_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

__all__ = ["ALGORITHMS", "Bounds", "Fetch", "TokenKey", "TokenKeys", "decode_base64url", "parse_key_set"]

ALGORITHMS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "RS256": ("RSA", ""),
        "PS256": ("RSA", ""),
        "ES256": ("EC", "P-256"),
        "ES384": ("EC", "P-384"),
        "EdDSA": ("OKP", "Ed25519"),
        "Ed25519": ("OKP", "Ed25519"),  # the name that RFC 9864 gives to the same
    }
)
"""Algorithms that may be allowed, with the kind of key and the curve that each needs. None of them shares a secret."""

_MIN_RSA_BITS = 2048
_MAX_RSA_BITS = 8192
_MAX_EXPONENT_BITS = 64
_MAX_KID = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of the key set.

    Attributes:
        max_bytes: Of the set.
        max_keys: In it.
        refresh_s: Age at which it is fetched again.
        unknown_s: Least time between fetches for keys it does not know, and after fetches that failed.
        max_age_s: Age at which it no longer counts.
        fetch_s: How long a fetch may take.
    """

    max_bytes: int = 256 * 1024
    max_keys: int = 32
    refresh_s: float = 300.0
    unknown_s: float = 60.0
    max_age_s: float = 3_600.0
    fetch_s: float = 5.0


class Fetch(Protocol):
    """Brings the key set from where it lies."""

    def __call__(self) -> Awaitable[bytes]:
        """The set, whole."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """A public key.

    Attributes:
        key: As the library holds it.
        algorithms: What it may be used with.
    """

    key: Any
    algorithms: frozenset[str]


def parse_key_set(data: bytes, bounds: Bounds | None = None) -> dict[str, TokenKey]:
    """The keys of a set that can be used, by name; "" is the name of one without.

    Raises:
        ParseError: It is no key set, or one that must not be used.
        LimitExceededError: It is too long.
    """
    limits = bounds or Bounds()
    document = parse_json(data, max_bytes=limits.max_bytes)
    rows = document.value.get("keys") if isinstance(document.value, dict) else None
    if document.duplicates or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ParseError("no JSON Web Key Set")
    if len(rows) > limits.max_keys:
        raise ParseError(f"a key set of more than {limits.max_keys} keys")
    found: dict[str, TokenKey] = {}
    for row in rows:
        if row.get("kty") != "oct" and "d" in row:
            raise ParseError("a key set with a private key in it")
        key = _key(row)
        if key is None:
            continue
        name = row.get("kid", "")
        if not isinstance(name, str) or len(name) > _MAX_KID:
            raise ParseError("a key set with a key whose name is no text, or too long")
        if name in found:
            raise ParseError("a key set with two keys of one name")
        found[name] = key
    return found


class TokenKeys:
    """The key set, now.

    Args:
        fetch: Brings it.
        changed: Called when the keys are others than before.
    """

    __slots__ = (
        "_bounds",
        "_changed",
        "_content",
        "_fetch",
        "_keys",
        "_succeeded_ns",
        "_task",
        "_tried_ns",
        "fault",
    )

    def __init__(
        self, fetch: Fetch, *, bounds: Bounds | None = None, changed: Callable[[], None] | None = None
    ) -> None:
        self._fetch = fetch
        self._bounds = bounds or Bounds()
        self._changed = changed
        self._keys: dict[str, TokenKey] = {}
        self._content = b""
        self._succeeded_ns: int | None = None
        self._tried_ns: int | None = None
        self._task: asyncio.Task[None] | None = None
        self.fault = "the key set was not fetched yet"

    def find(self, name: str | None, now_ns: int) -> TokenKey | None:
        """The key of a name; without a name, the only key."""
        if self._age(self._succeeded_ns, now_ns) >= self._bounds.max_age_s:
            return None
        if name is not None:
            return self._keys.get(name)
        return next(iter(self._keys.values())) if len(self._keys) == 1 else None

    def is_due(self, now_ns: int) -> bool:
        """Whether the set is old enough to be fetched again."""
        return self._age(self._succeeded_ns, now_ns) >= self._bounds.refresh_s and self.may_fetch(now_ns)

    def may_fetch(self, now_ns: int) -> bool:
        """Whether enough time went by since it was last tried."""
        return self._age(self._tried_ns, now_ns) >= self._bounds.unknown_s

    @property
    def is_fetching(self) -> bool:
        """Whether a fetch is under way."""
        return self._task is not None and not self._task.done()

    def start(self, now_ns: int) -> asyncio.Task[None]:
        """Begin to fetch the set, or join the fetch that is under way."""
        if self._task is None or self._task.done():
            self._tried_ns = now_ns
            self._task = asyncio.get_running_loop().create_task(self._refresh(now_ns))
        return self._task

    async def refresh(self, now_ns: int) -> None:
        """Fetch the set and wait for it; `fault` says whether that worked."""
        await asyncio.shield(self.start(now_ns))

    async def _refresh(self, now_ns: int) -> None:
        try:
            async with asyncio.timeout(self._bounds.fetch_s):
                content = bytes(await self._fetch())
            keys = parse_key_set(content, self._bounds)
        except Exception as error:  # noqa: BLE001 - whatever the port raises: the old keys stay until they are too old
            words = error.message if isinstance(error, KeelmarkError) else type(error).__name__
            self.fault = f"the key set could not be fetched: {words}"
            return
        self.fault = "" if keys else "the key set has no key that can be used"
        self._succeeded_ns = now_ns
        if content != self._content:
            self._content, self._keys = content, keys
            if self._changed is not None:
                self._changed()

    @staticmethod
    def _age(since_ns: int | None, now_ns: int) -> float:
        return float("inf") if since_ns is None else (now_ns - since_ns) / 1e9


def decode_base64url(text: str) -> bytes | None:
    """The bytes of base64url without padding, in its one right form; None for anything else."""
    if not text.isascii() or len(text) % 4 == 1:
        return None
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    # What the decoder passes over (foreign characters, bits that count for nothing) would give one token many texts.
    again = binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL)
    return data if again == text.encode() else None


_TO_URL = bytes.maketrans(b"+/", b"-_")


def _key(row: dict[str, Any]) -> TokenKey | None:
    kind, curve = row.get("kty"), row.get("crv", "")
    algorithms = {
        name for name, needed in ALGORITHMS.items() if needed == (kind, "" if kind == "RSA" else curve)
    }
    if row.get("alg") is not None:
        algorithms &= {row["alg"]} if isinstance(row["alg"], str) else set()
    operations = row.get("key_ops")
    for_signatures = row.get("use", "sig") == "sig" and (
        operations is None or (isinstance(operations, list) and "verify" in operations)
    )
    if not algorithms or not for_signatures or (kind == "RSA" and not _is_sound_rsa(row)):
        return None
    # Only what makes the key: names, certificates and addresses in the set mean nothing here.
    parts = {name: row[name] for name in ("kty", "crv", "x", "y", "n", "e") if isinstance(row.get(name), str)}
    try:
        key = import_key(parts)
        key.get_op_key("verify")
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return TokenKey(key=key, algorithms=frozenset(algorithms))


def _is_sound_rsa(row: dict[str, Any]) -> bool:
    modulus, exponent = (
        decode_base64url(row[name]) if isinstance(row.get(name), str) else None for name in ("n", "e")
    )
    if not modulus or not exponent:
        return False
    bits = int.from_bytes(modulus).bit_length()
    power = int.from_bytes(exponent)
    is_sound = power.bit_length() <= _MAX_EXPONENT_BITS and power % 2 == 1 and power >= 3
    return _MIN_RSA_BITS <= bits <= _MAX_RSA_BITS and is_sound

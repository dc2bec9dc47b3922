"""The keys as the gateway uses them: looked up in memory, read again when their file changes, revoked at once.

1. A key that was right stays right for as long as it is in force, its file is the same, and it was not revoked here.
2. Whether the file changed is looked at before a key is, at most every `poll_s`; a revocation in the file counts within that.
3. A key that is revoked here (`revoke_now`) is refused from the next request on, whatever the file says later.
4. A file that cannot be read, or not as a whole, closes: no key is right until it can be read again. `fault` says why.
5. Only keys that were right are remembered, under the SHA-256 of the whole of them, and never more than the bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from keelmark.deployment.access.key_table import parse_keys
from keelmark.deployment.access.keys import KEY_LENGTH, KeyTable, pepper_id
from keelmark.deployment.access.recent import Recent
from keelmark.errors import KeelmarkError

if TYPE_CHECKING:
    from collections.abc import Hashable
    from datetime import datetime

    from keelmark.core.principal import Principal
    from keelmark.core.secret import Secret
    from keelmark.deployment.access.keys import KeyRecord

__all__ = ["KeyRing", "KeySource", "Settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Bounds of the ring.

    Attributes:
        poll_s: How often the file is looked at, at most.
        max_remembered: Keys that are known to be right.
    """

    poll_s: float = 0.5
    max_remembered: int = 8_192


class KeySource(Protocol):
    """Where the keys lie."""

    def fingerprint(self) -> Hashable:
        """Something cheap that differs when the content does.

        Raises:
            OSError: It cannot be looked at.
        """
        ...

    def read(self) -> bytes:
        """The whole content.

        Raises:
            OSError: It cannot be read.
            KeelmarkError: It must not be used as it lies.
        """
        ...


class KeyRing:
    """All keys, now.

    Args:
        source: Where they lie.
        pepper: What their digests were made with.
    """

    __slots__ = (
        "_fingerprint",
        "_next_ns",
        "_pepper",
        "_poll_ns",
        "_remembered",
        "_revoked",
        "_source",
        "_table",
        "fault",
    )

    def __init__(self, source: KeySource, pepper: Secret, settings: Settings | None = None) -> None:
        chosen = settings or Settings()
        self._source = source
        self._pepper = pepper
        self._poll_ns = int(chosen.poll_s * 1e9)
        self._remembered: Recent[bytes, tuple[KeyRecord, Principal]] = Recent(chosen.max_remembered)
        self._table = KeyTable()
        self._revoked: set[str] = set()
        self._fingerprint: Hashable = None
        self._next_ns: int | None = None
        self.fault = ""
        self._load()

    def __len__(self) -> int:
        return len(self._table)

    def verify(self, text: str, *, now: datetime, now_ns: int) -> Principal | None:
        """Who calls with a key; None when it is not right, for whatever reason.

        Args:
            text: The key as it was given.
            now: The time of day.
            now_ns: The monotonic clock.
        """
        if self._next_ns is None or now_ns >= self._next_ns:
            self._next_ns = now_ns + self._poll_ns
            self.poll()
        if len(text) != KEY_LENGTH or not text.isascii():
            return None
        digest = sha256(text.encode()).digest()
        found = self._remembered.get(digest)
        if found is not None:
            return found[1] if found[0].counts(now) else None
        record = self._table.match(text, pepper=self._pepper, now=now)
        if record is None or record.id in self._revoked:
            return None
        principal = record.principal()
        self._remembered.put(digest, (record, principal))
        return principal

    def poll(self) -> None:
        """Look whether the file changed, and read it again if it did."""
        try:
            changed = self._source.fingerprint() != self._fingerprint
        except OSError as error:
            self._close(error)
            return
        if changed:
            self._load()

    def revoke_now(self, key_id: str) -> bool:
        """Refuse a key from now on; whether there is such a key."""
        if key_id not in self._table:
            return False
        self._revoked.add(key_id)
        self._remembered.clear()
        return True

    def close(self) -> None:
        """Watch the keys no more."""
        close = getattr(self._source, "close", None)
        if close is not None:
            close()

    def _load(self) -> None:
        try:
            # Before the content: a change while it is read is seen the next time.
            fingerprint = self._source.fingerprint()
            document = parse_keys(self._source.read())
        except (OSError, KeelmarkError) as error:
            self._close(error)
            return
        if document.pepper != pepper_id(self._pepper):
            self._close(KeelmarkError("the keys were made with another pepper"))
            return
        self._table = KeyTable(document.records)
        self._fingerprint = fingerprint
        self._remembered.clear()
        self.fault = ""

    def _close(self, error: Exception) -> None:
        self._table = KeyTable()
        self._fingerprint = None  # read again at the next look, whether it changed or not
        self._remembered.clear()
        words = error.message if isinstance(error, KeelmarkError) else str(error)
        self.fault = f"the key file cannot be used, so that no key is right: {words}"

"""Remembers what was read from files, so that an unchanged file is not read twice.

The cache lies outside the assessed folder: a folder must not be able to bring its own answers. It is only ever a
shortcut; a damaged or foreign cache is forgotten and made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from typing import TYPE_CHECKING

import msgspec

from keelmark.core.facts.whole import FileFacts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from keelmark.formats.source import Reader

__all__ = ["SqliteFactCache", "readers_version"]

MAX_ENTRIES = 400_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS identity (identity TEXT PRIMARY KEY, digest TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (key BLOB PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID;
"""


def readers_version(readers: Iterable[Reader], *, keelmark: str) -> str:
    """One word for the present readers: facts read by others are not recalled."""
    names = sorted(f"{reader.name}:{reader.version}" for reader in readers)
    return hashlib.sha256("\n".join([keelmark, *names]).encode()).hexdigest()[:16]


class SqliteFactCache:
    """A fact cache in one SQLite file with mode 0600.

    Args:
        file: The database.
        version: From `readers_version`.
    """

    def __init__(self, file: Path, *, version: str) -> None:
        self._version = version
        self._identities: list[tuple[str, str]] = []
        self._facts: list[tuple[bytes, bytes]] = []
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(FileFacts)
        self._connection = _opened(file)

    def digest_of(self, identity: str) -> str | None:
        """The content digest that a file of this identity had."""
        row = self._one("SELECT digest FROM identity WHERE identity = ?", identity)
        return str(row) if row is not None else None

    def recall(self, path: str, digest: str) -> FileFacts | None:
        """What was read from a file of this path and content by the present readers."""
        document = self._one("SELECT document FROM facts WHERE key = ?", self._key(path, digest))
        if not isinstance(document, bytes):
            return None
        try:
            facts = self._decoder.decode(document)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None  # Damaged; the file is read again.
        return facts if (facts.path, facts.digest) == (path, digest) else None

    def remember(self, identity: str, facts: FileFacts) -> None:
        """Remember what was read; written when the cache is closed or many are pending."""
        try:
            document = self._encoder.encode(facts)
        except (msgspec.MsgspecError, OverflowError, UnicodeEncodeError):
            return  # Not worth failing for: the file is read again next time.
        self._identities.append((identity, facts.digest))
        self._facts.append((self._key(facts.path, facts.digest), document))
        if len(self._facts) >= 2_000:
            self._flush()

    def close(self) -> None:
        """Write what is pending and release the file."""
        self._flush()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _key(self, path: str, digest: str) -> bytes:
        return hashlib.sha256(f"{self._version}\0{digest}\0{path}".encode("utf-8", "surrogatepass")).digest()

    def _one(self, query: str, key: object) -> object:
        if self._connection is None:
            return None
        try:
            row = self._connection.execute(query, (key,)).fetchone()
        except sqlite3.Error:
            return None
        return row[0] if row else None

    def _flush(self) -> None:
        if self._connection is None or not self._facts:
            return
        with contextlib.suppress(sqlite3.Error), self._connection:
            (count,) = self._connection.execute("SELECT count(*) FROM facts").fetchone()
            if count > MAX_ENTRIES:
                self._connection.execute("DELETE FROM facts")
                self._connection.execute("DELETE FROM identity")
            self._connection.executemany("INSERT OR REPLACE INTO identity VALUES (?, ?)", self._identities)
            self._connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", self._facts)
        self._identities.clear()
        self._facts.clear()


def _opened(file: Path) -> sqlite3.Connection | None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not file.exists():
            os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
        if file.stat().st_uid != os.getuid():
            return None  # Somebody else's cache could bring somebody else's answers.
    except OSError:
        return None
    for attempt in range(2):
        try:
            connection = sqlite3.connect(file, timeout=5)
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = OFF")
            connection.executescript(_SCHEMA)
        except sqlite3.Error:
            if attempt:
                return None
            with contextlib.suppress(OSError):
                file.unlink()
        else:
            return connection
    return None

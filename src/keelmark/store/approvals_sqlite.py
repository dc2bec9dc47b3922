"""Approvals of one machine, in a SQLite file that all of its workers share. It keeps the promises of `core/approvals`.

Taking is one statement that removes the row and says whether there was one, so that no two takers get the same; it is on
the disk before it is told. The folder of the file must be its owner's alone: whoever can write there can approve.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from typing import TYPE_CHECKING

import msgspec

from keelmark.core.approvals import Approval, ApprovalBounds, approval_key, caller_key
from keelmark.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

__all__ = ["SqliteApprovals"]

_TIMEOUT_S, _POLL_S = 2.0, 0.02
_VERSION = 1
_SCHEMA = (
    """CREATE TABLE waiting (
    place INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL UNIQUE,
    caller TEXT NOT NULL,
    begins REAL NOT NULL,
    ends REAL NOT NULL,
    document BLOB NOT NULL
) STRICT""",
    "CREATE TABLE granted (key TEXT PRIMARY KEY, begins REAL NOT NULL, ends REAL NOT NULL) STRICT, WITHOUT ROWID",
)
_DECODER = msgspec.json.Decoder(Approval)


class SqliteApprovals:
    """An `ApprovalStore` in one file, opened when it is first needed.

    Args:
        file: Made when it is not there; its folder must be there.
        bounds: How much is kept, and how long.
        now: Seconds since 1970.
        ready: Called before the file is opened; raises when its folder must not be used.
    """

    __slots__ = ("_bounds", "_connection", "_file", "_lock", "_now", "_ready", "_seen")

    def __init__(
        self,
        file: Path,
        *,
        bounds: ApprovalBounds | None = None,
        now: Callable[[], float] = time.time,
        ready: Callable[[], object] = lambda: None,
    ) -> None:
        self._file, self._bounds, self._now, self._ready = file, bounds or ApprovalBounds(), now, ready
        self._connection: sqlite3.Connection | None = None
        self._seen: tuple[int, int] | None = None
        self._lock = threading.Lock()

    def put(self, asked: Approval) -> bool:
        """Let something wait for a person; see `ApprovalStore`."""
        document = msgspec.json.encode(asked)
        if len(document) > self._bounds.max_bytes:
            raise StoreError("what waits for an approval is too long to be kept")
        key, caller = approval_key(asked.principal, asked.digest), caller_key(asked.principal)
        with self._opened() as connection:
            # Who asks again and again for the same writes nothing.
            row = connection.execute("SELECT ends FROM waiting WHERE key = ?", (key,)).fetchone()
            if row is not None and self._now() < row[0]:
                return False
            with _transaction(connection):
                now = self._now()
                connection.execute("DELETE FROM waiting WHERE NOT (begins <= ?1 AND ?1 < ends)", (now,))
                kept = connection.execute(
                    "INSERT OR IGNORE INTO waiting (id, key, caller, begins, ends, document) VALUES (?, ?, ?, ?, ?, ?)",
                    (asked.id, key, caller, now, now + self._bounds.waits_s, document),
                ).rowcount
                connection.execute(
                    "DELETE FROM waiting WHERE place IN"
                    " (SELECT place FROM waiting WHERE caller = ? ORDER BY place DESC LIMIT -1 OFFSET ?)",
                    (caller, self._bounds.max_of_each),
                )
                connection.execute(
                    "DELETE FROM waiting WHERE place IN"
                    " (SELECT place FROM waiting ORDER BY place DESC LIMIT -1 OFFSET ?)",
                    (self._bounds.max_waiting,),
                )
            return kept == 1

    def waiting(self) -> Sequence[Approval]:
        """What was not decided yet, oldest first; see `ApprovalStore`."""
        with self._opened() as connection:
            rows = connection.execute(
                "SELECT document FROM waiting WHERE begins <= ?1 AND ?1 < ends ORDER BY place LIMIT ?2",
                (self._now(), self._bounds.max_waiting),
            ).fetchall()
            return [_DECODER.decode(document) for (document,) in rows]

    def decide(self, id: str, *, is_allowed: bool) -> bool:  # noqa: A002 - as the control plane calls it
        """Decide once; see `ApprovalStore`."""
        with self._opened() as connection, _transaction(connection):
            now = self._now()
            row = connection.execute(
                "DELETE FROM waiting WHERE id = ? RETURNING key, begins, ends", (id,)
            ).fetchone()
            if row is None or not row[1] <= now < row[2]:
                return False
            if is_allowed:
                connection.execute("DELETE FROM granted WHERE NOT (begins <= ?1 AND ?1 < ends)", (now,))
                connection.execute(
                    "INSERT OR REPLACE INTO granted VALUES (?, ?, ?)",
                    (row[0], now, now + self._bounds.valid_s),
                )
                connection.execute(
                    "DELETE FROM granted WHERE key IN (SELECT key FROM granted ORDER BY ends DESC LIMIT -1 OFFSET ?)",
                    (self._bounds.max_granted,),
                )
            return True

    def take(self, principal: str, digest: str) -> bool:
        """Use up an approval; see `ApprovalStore`."""
        key = (approval_key(principal, digest),)
        with self._opened() as connection:
            # To look needs no lock: who asks without an approval keeps nobody from writing.
            if connection.execute("SELECT 1 FROM granted WHERE key = ?", key).fetchone() is None:
                return False
            row = connection.execute(
                "DELETE FROM granted WHERE key = ? RETURNING begins, ends", key
            ).fetchone()
            # A clock that was set back makes nothing last longer.
            return row is not None and row[0] <= self._now() < row[1]

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._let_go()

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """The open file; whatever fails inside of the block lets go of it, so that the next one opens what is there then."""
        with self._lock:
            try:
                if self._connection is not None and self._seen != self._looked_at():
                    self._let_go()
                if self._connection is None:
                    self._open()
                assert self._connection is not None
                yield self._connection
            except (OSError, sqlite3.Error, msgspec.MsgspecError, RecursionError) as error:
                self._let_go()
                raise StoreError(
                    f"approvals cannot be read: {error}",
                    path=str(self._file),
                    hint="none counts until they can; remove the file to begin anew",
                ) from error
            except StoreError:
                self._let_go()
                raise

    def _looked_at(self) -> tuple[int, int] | None:
        """What tells one file at that place from another."""
        try:
            found = os.lstat(self._file)
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _open(self) -> None:
        self._ready()
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(self._file, flags, 0o600))
        self._seen = self._looked_at()
        connection = self._connection = sqlite3.connect(
            self._file, timeout=_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA secure_delete = ON")
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")
        if connection.execute("PRAGMA user_version").fetchone() == (0,):
            with _transaction(connection):
                if connection.execute("PRAGMA user_version").fetchone() == (0,):
                    for statement in _SCHEMA:
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version = {_VERSION}")
        found = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")}
        if connection.execute("PRAGMA user_version").fetchone() != (_VERSION,) or found != set(_SCHEMA):
            raise StoreError(
                f"`{self._file.name}` holds no approvals of this Keelmark",
                path=str(self._file),
                hint="none counts until it does; remove the file to begin anew",
            )

    def _let_go(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Change the form of the journal. SQLite does not wait for others there, whatever the timeout says."""
    until = time.monotonic() + _TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(_POLL_S)
        else:
            return

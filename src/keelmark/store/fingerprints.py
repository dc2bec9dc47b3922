"""The fingerprint register on the disk: small SQLite files, one after the other, each written by one worker alone.

1. A file holds what one worker made in one day, or less; when it is over, another begins.
2. Files older than the time to keep go, whole; so do the oldest when all of a worker take more than their bound. That is the
   only way anything goes: a text is never taken out by itself.
3. What was kept is on the disk when the system is healthy; a loss of power may cost the last seconds, never the file.
4. A file that cannot be read, or that was written under another key, is never written to and never taken for an empty one.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING

from keelmark.errors import StoreError
from keelmark.store.fingerprint_files import (
    SCHEMA,
    SCHEMA_VERSION,
    TIMEOUT_S,
    RegisterBounds,
    day_of,
    fault_of,
    files_of,
    make_place,
    parts_of,
    seconds_of,
    transaction,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from keelmark.core.clock import Clock
    from keelmark.core.fingerprint import MadeText
    from keelmark.store.fingerprint_files import RegisterForm

__all__ = ["SqliteFingerprints"]

_MOST_FILES = 999
_ADD_MISSED = (
    "INSERT INTO missed VALUES (?, ?, ?)"
    " ON CONFLICT (reason) DO UPDATE SET texts = texts + excluded.texts, last = excluded.last"
)


class SqliteFingerprints:
    """The register of one worker, to write. It belongs to the thread that made it.

    Args:
        folder: Of this worker; made when it is not there.
        form: What its marks are.
        clock: Says which day it is.
        bounds: Bounds of it.

    Raises:
        StoreError: It cannot be opened.
    """

    __slots__ = ("_bounds", "_clock", "_connection", "_day", "_file", "_folder", "_form")

    def __init__(
        self, folder: Path, *, form: RegisterForm, clock: Clock, bounds: RegisterBounds | None = None
    ) -> None:
        self._folder, self._form, self._clock = folder, form, clock
        self._bounds = bounds or RegisterBounds()
        self._connection: sqlite3.Connection | None = None
        self._file, self._day = folder, ""
        self._open()

    def keep(self, texts: Sequence[MadeText]) -> None:
        """Keep some texts.

        Raises:
            StoreError: They could not be kept.
        """
        try:
            connection = self._current()
            with transaction(connection):
                for text in texts:
                    row = (
                        text.request,
                        seconds_of(text.time),
                        text.part,
                        text.model,
                        text.release,
                        text.words,
                        text.top,
                    )
                    found = connection.execute("INSERT INTO text VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", row)
                    number = found.lastrowid
                    connection.executemany(
                        "INSERT OR IGNORE INTO mark VALUES (?, ?)", [(mark, number) for mark in text.marks]
                    )
        except (OSError, OverflowError, ValueError, sqlite3.Error) as error:
            self._let_go()
            raise StoreError(f"fingerprints cannot be kept: {error}") from error

    def miss(self, reason: str, texts: int, *, now: datetime) -> None:
        """Keep that some texts were not registered.

        Raises:
            StoreError: Not even that could be kept.
        """
        try:
            connection = self._current()
            with transaction(connection):
                connection.execute(_ADD_MISSED, (reason, texts, seconds_of(now)))
        except (OSError, OverflowError, ValueError, sqlite3.Error) as error:
            self._let_go()
            raise StoreError(f"fingerprints cannot be kept: {error}") from error

    def close(self) -> None:
        """Release the file."""
        self._let_go()

    def _current(self) -> sqlite3.Connection:
        """The file of today that has room."""
        if self._connection is None or self._day != day_of(self._clock.now()) or self._is_full():
            self._let_go()
            self._open()
        assert self._connection is not None
        return self._connection

    def _is_full(self) -> bool:
        assert self._connection is not None
        (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        (size,) = self._connection.execute("PRAGMA page_size").fetchone()
        return bool(pages * size >= self._bounds.file_bytes)

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _open(self) -> None:
        now = self._clock.now()
        self._day = day_of(now)
        try:
            make_place(self._folder)
            self._tidy(now)
            numbers = [number for day, number, _ in files_of(self._folder) if day == self._day]
            number = max(numbers, default=1)
            for each in range(number, _MOST_FILES + 1):
                if self._opened(self._folder / f"{self._day}-{each:03d}.db") and not self._is_full():
                    return
                self._let_go()
        except (OSError, sqlite3.Error) as error:
            self._let_go()
            raise StoreError(
                f"the fingerprint register cannot be opened: {error}", path=str(self._folder)
            ) from error
        raise StoreError("the fingerprint register has no more files for today", path=str(self._folder))

    def _opened(self, file: Path) -> bool:
        """Open a file, made when it is not there; False when it is not one of ours, or of another key."""
        with contextlib.suppress(FileExistsError):
            os.close(
                os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            )
        if file.is_symlink():
            return False
        connection = self._connection = sqlite3.connect(file, timeout=TIMEOUT_S, isolation_level=None)
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            if connection.execute("PRAGMA user_version").fetchone() == (0,):
                with transaction(connection):
                    for statement in SCHEMA:
                        connection.execute(statement)
                    connection.execute("INSERT INTO about VALUES (?, ?)", (self._form.key, self._form.gram))
                    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            return False
        return fault_of(connection, self._form) == ""

    def _tidy(self, now: datetime) -> None:
        """Take away what is older than it may be, and the oldest while all is larger than it may be."""
        oldest = day_of(now - timedelta(days=self._bounds.keep_days))
        files = files_of(self._folder)
        sizes = {
            file: sum(each.stat().st_size for each in parts_of(file) if each.exists()) for _, _, file in files
        }
        # The next file may become as large as it may.
        total = sum(sizes.values()) + self._bounds.file_bytes
        for day, _, file in files[:-1] if files and files[-1][0] == self._day else files:
            if day >= oldest and total <= self._bounds.max_bytes:
                break
            total -= sizes[file]
            for each in parts_of(file):
                each.unlink(missing_ok=True)

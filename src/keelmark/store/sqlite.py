"""Evidence in one SQLite file. Runs are added, never changed.

A store may come with a folder that somebody else wrote, so it is opened with a schema that is not trusted, and what is
in it is read as data: an unreadable run is an error that names it, never an empty history.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from keelmark.core.assessment import Assessment
from keelmark.core.outcome import Outcome
from keelmark.core.ports import RunSummary
from keelmark.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

__all__ = ["SqliteEvidence"]

_SCHEMA_VERSION = 1
_TIMEOUT_S, _POLL_S = 10.0, 0.02
_SCHEMA = """
CREATE TABLE run (
    id TEXT PRIMARY KEY,
    started TEXT NOT NULL,
    system TEXT NOT NULL,
    verdict TEXT NOT NULL,
    failures INTEGER NOT NULL,
    tree_digest TEXT NOT NULL,
    document BLOB NOT NULL
) STRICT;
CREATE TRIGGER run_is_append_only BEFORE UPDATE ON run BEGIN SELECT RAISE(ABORT, 'runs are never changed'); END;
CREATE TRIGGER run_is_never_removed BEFORE DELETE ON run BEGIN SELECT RAISE(ABORT, 'runs are never removed'); END;
"""


class SqliteEvidence:
    """Evidence store in one file, durable before `keep` returns.

    Args:
        file: The database; made with its folder when it is not there.

    Raises:
        StoreError: It cannot be opened, or was written by a newer Keelmark.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            _make_place(file)
            self._connection = sqlite3.connect(file, timeout=_TIMEOUT_S, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise
        except (OSError, sqlite3.Error) as error:
            hint = "check that the folder can be written, or run with --no-write"
            raise StoreError(f"evidence store `{file.name}` cannot be opened: {error}", hint=hint) from error

    def _prepare(self) -> None:
        self._connection.execute("PRAGMA trusted_schema = OFF")
        self._connection.execute("PRAGMA cell_size_check = ON")
        self._write_ahead()
        self._connection.execute("PRAGMA synchronous = FULL")
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                (version,) = self._connection.execute("PRAGMA user_version").fetchone()
                if version == 0:
                    for statement in _statements(_SCHEMA):
                        self._connection.execute(statement)
                    self._connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
                    version = _SCHEMA_VERSION
                self._connection.execute("COMMIT")
        if version != _SCHEMA_VERSION:
            raise StoreError(
                f"evidence store `{self._file.name}` has version {version}, this Keelmark knows {_SCHEMA_VERSION}",
                hint="use the Keelmark that wrote it, or move the file away",
            )
        self._check_schema()

    def _write_ahead(self) -> None:
        """Change the form of the journal. SQLite does not wait for others there, whatever the timeout says."""
        until = time.monotonic() + _TIMEOUT_S
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                    raise
                time.sleep(_POLL_S)
            else:
                return

    def _check_schema(self) -> None:
        # A trigger or view that came with the folder would act on each run: remove it, or fill the disk.
        wanted = {statement.strip().rstrip(";") for statement in _statements(_SCHEMA)}
        query = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL LIMIT ?"
        found = [sql for (sql,) in self._connection.execute(query, (len(wanted) + 1,))]
        if len(found) != len(wanted) or set(found) != wanted:
            raise StoreError(
                f"evidence store `{self._file.name}` is not as Keelmark makes it; it was changed from outside",
                hint="move the file away, or run with --no-write",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def keep(self, assessment: Assessment) -> None:
        """Keep one assessment, durably, before returning.

        Raises:
            StoreError: It could not be kept, or its id is taken.
        """
        failures = sum(finding.outcome is Outcome.FAIL for finding in assessment.findings)
        row = (
            assessment.id,
            assessment.started.isoformat(),
            _storable(assessment.system),
            assessment.decision.verdict.value,
            failures,
            assessment.tree_digest,
            _document(assessment),
        )
        try:
            self._connection.execute("INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            raise StoreError(f"run `{assessment.id}` could not be kept: {error}") from error

    def runs(self, *, limit: int = 50) -> Sequence[RunSummary]:
        """The newest runs, newest first.

        Raises:
            StoreError: The store is damaged.
        """
        columns = "id, started, system, verdict, failures, tree_digest"
        query = f"SELECT {columns} FROM run ORDER BY started DESC, rowid DESC LIMIT ?"  # noqa: S608 - constant
        try:
            with closing(self._connection.execute(query, (limit,))) as rows:
                return tuple(
                    RunSummary(
                        id=identifier,
                        started=datetime.fromisoformat(started),
                        system=system,
                        verdict=verdict,
                        failures=failures,
                        tree_digest=tree,
                    )
                    for identifier, started, system, verdict, failures, tree in rows
                )
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise StoreError(f"evidence store `{self._file.name}` is damaged: {error}") from error

    def load(self, run: str) -> Assessment:
        """One run by its id, an unambiguous prefix of it, or `latest`.

        Raises:
            StoreError: There is no such run, more than one, or it is damaged.
        """
        if run == "latest":
            query, key = "SELECT id, document FROM run ORDER BY started DESC, rowid DESC LIMIT 1", ()
        else:
            query = "SELECT id, document FROM run WHERE substr(id, 1, length(?1)) = ?1 ORDER BY id LIMIT 2"
            key = (_storable(run),)  # type: ignore[assignment]
        try:
            rows = self._connection.execute(query, key).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"evidence store `{self._file.name}` is damaged: {error}") from error
        if not rows or not run:
            raise StoreError(
                f"there is no run `{run}`", hint="keelmark diff without arguments lists the runs"
            )
        if len(rows) > 1 and rows[0][0] != run:
            raise StoreError(f"`{run}` fits more than one run", hint="write more of the id")
        try:
            return msgspec.json.decode(rows[0][1], type=Assessment)
        except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
            hint = "it was written by another version, or the store was changed from outside"
            raise StoreError(f"run `{rows[0][0]}` cannot be read: {error}", hint=hint) from error


def _make_place(file: Path) -> None:
    # The folder may be somebody else's: a link laid in it must not make us write elsewhere.
    folder = file.parent
    if folder.is_symlink() or file.is_symlink():
        raise OSError(f"`{folder.name if folder.is_symlink() else file.name}` is a link")
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        ignore = os.open(folder / ".gitignore", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
        with os.fdopen(ignore, "w", encoding="utf-8") as stream:
            stream.write("*\n")


def _document(assessment: Assessment) -> bytes:
    try:
        return msgspec.json.encode(assessment)
    except UnicodeEncodeError:  # Foreign text may hold lone surrogates, which no charset has.
        return msgspec.json.encode(_cleaned(msgspec.to_builtins(assessment)))


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, dict):
        return {_storable(key): _cleaned(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(entry) for entry in value]
    return value


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _statements(script: str) -> list[str]:
    parts: list[str] = []
    pending = ""
    for line in script.strip().splitlines():
        pending += f"{line}\n"
        if sqlite3.complete_statement(pending):
            parts.append(pending)
            pending = ""
    return parts

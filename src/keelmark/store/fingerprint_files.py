"""The files of the fingerprint register: their names, their form, and what they have in common."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "SCHEMA",
    "SCHEMA_VERSION",
    "TIMEOUT_S",
    "RegisterBounds",
    "RegisterForm",
    "day_of",
    "fault_of",
    "files_of",
    "folders_of",
    "make_place",
    "moment_of",
    "parts_of",
    "seconds_of",
    "transaction",
]

SCHEMA_VERSION: Final = 1
"""Of the files."""
TIMEOUT_S: Final = 10.0
"""How long another is waited for who writes the same file."""
_NAME = re.compile(r"(\d{8})-(\d{3})\.db")
SCHEMA: Final = (
    "CREATE TABLE about (key TEXT NOT NULL, gram INTEGER NOT NULL) STRICT",
    (
        "CREATE TABLE text (id INTEGER PRIMARY KEY, request TEXT NOT NULL, time INTEGER NOT NULL, part INTEGER NOT NULL,"
        " model TEXT NOT NULL, release TEXT NOT NULL, words INTEGER NOT NULL, top INTEGER NOT NULL) STRICT"
    ),
    "CREATE TABLE mark (value INTEGER NOT NULL, text INTEGER NOT NULL, PRIMARY KEY (value, text)) STRICT, WITHOUT ROWID",
    "CREATE TABLE missed (reason TEXT PRIMARY KEY, texts INTEGER NOT NULL, last INTEGER NOT NULL) STRICT",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterForm:
    """What marks of one register have in common; others cannot be compared with them.

    Attributes:
        key: Tells the key from others, and nothing else about it.
        gram: Words in a run that has one mark.
    """

    key: str
    gram: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterBounds:
    """Bounds of the register of one worker.

    Attributes:
        keep_days: Days for which a text is kept, at least; its file goes when all of it is older.
        max_bytes: Of all files of a worker; SQLite keeps up to 4 MiB more beside the one that is written.
        max_found: Texts that are told for one question, of each file.
    """

    keep_days: int = 90
    max_bytes: int = 1024**3
    max_found: int = 200

    @property
    def file_bytes(self) -> int:
        """A file that is larger is followed by another."""
        return max(self.max_bytes // 8, 64 * 1024)


def fault_of(connection: sqlite3.Connection, form: RegisterForm) -> str:
    """Why a file cannot be used; "" when it can."""
    if connection.execute("PRAGMA user_version").fetchone() != (SCHEMA_VERSION,):
        return "another version of Keelmark wrote it"
    # A trigger or view that came with the folder would act when it is used.
    wanted = {*SCHEMA}
    schema = [
        sql for (sql,) in connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL LIMIT 9")
    ]
    if len(schema) != len(wanted) or set(schema) != wanted:
        return "it is not as Keelmark makes it"
    if connection.execute("SELECT key, gram FROM about").fetchall() != [(form.key, form.gram)]:
        return "it was written under another key"
    return ""


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def files_of(folder: Path) -> list[tuple[str, int, Path]]:
    """Files of one worker, the oldest first."""
    named = [(match, file) for file in folder.iterdir() if (match := _NAME.fullmatch(file.name))]
    return sorted((match[1], int(match[2]), file) for match, file in named)


def folders_of(folder: Path) -> list[Path]:
    """Folders of the workers."""
    try:
        return sorted(each for each in folder.iterdir() if each.is_dir() and not each.is_symlink())
    except OSError:
        return []


def parts_of(file: Path) -> tuple[Path, ...]:
    """A file, and what SQLite keeps beside it."""
    return file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")


def make_place(folder: Path) -> None:
    """Make the folder of a worker, for its owner alone.

    Raises:
        OSError: Something else lies there.
    """
    # The folder may be somebody else's: a link laid in it must not make us write elsewhere.
    for each in (folder.parent, folder):
        if each.is_symlink():
            raise OSError(f"`{each.name}` is a link")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(folder.parent / ".gitignore", flags, 0o666), "w", encoding="utf-8") as stream:
            stream.write("*\n")


def day_of(moment: datetime) -> str:
    """The day of a moment, as files are named by it."""
    return moment.strftime("%Y%m%d")


def seconds_of(moment: datetime) -> int:
    """A moment as it is kept."""
    return int(moment.timestamp())


def moment_of(seconds: int) -> datetime:
    """What was kept as a moment."""
    return datetime.fromtimestamp(seconds, tz=UTC)

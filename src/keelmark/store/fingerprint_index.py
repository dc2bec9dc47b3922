"""Finds texts in the fingerprint registers of all workers. Nothing is written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from keelmark.core.fingerprint import Coverage, Found, MadeText, Missed
from keelmark.store.fingerprint_files import (
    TIMEOUT_S,
    RegisterBounds,
    fault_of,
    files_of,
    folders_of,
    moment_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from keelmark.store.fingerprint_files import RegisterForm

__all__ = ["SqliteIndex"]

T = TypeVar("T")

_ASKED = "CREATE TEMP TABLE IF NOT EXISTS asked (value INTEGER PRIMARY KEY)"
# CROSS JOIN: each mark that is asked for is looked up; to go through all that are kept would take a thousand times longer.
_MOST = (
    "SELECT text, count(*) AS many FROM asked CROSS JOIN mark USING (value)"
    " GROUP BY text ORDER BY many DESC, text LIMIT ?"
)
_SHARED = "SELECT value FROM asked CROSS JOIN mark USING (value) WHERE text = ?"


class SqliteIndex:
    """The registers of all workers, to ask.

    Args:
        folder: The folder with one folder for each worker.
        form: What its marks are.
        bounds: Bounds of it.
    """

    __slots__ = ("_bounds", "_folder", "_form", "_unread")

    def __init__(self, folder: Path, *, form: RegisterForm, bounds: RegisterBounds | None = None) -> None:
        self._folder, self._form = folder, form
        self._bounds = bounds or RegisterBounds()
        self._unread: dict[str, str] = {}

    def find(self, marks: Collection[int]) -> list[Found]:
        """Texts that have some of the marks, those with most of them first, up to a bound for each file."""
        limit = self._bounds.max_found
        found = [
            Found(text=text, worker=worker)
            for worker, texts in self._each(lambda connection: _with_marks(connection, marks, limit))
            for text in texts
        ]
        return sorted(found, key=lambda each: (-len(each.text.marks), each.text.time, each.text.part))

    @property
    def coverage(self) -> Coverage:
        """What the register can speak of."""
        texts, times, missed = 0, list[datetime](), dict[str, Missed]()
        for _, part in self._each(_coverage):
            texts += part.texts
            times += [each for each in (part.first, part.last) if each is not None]
            for each in part.missed:
                before = missed.get(each.reason, each)
                count = each.texts + (before.texts if each.reason in missed else 0)
                missed[each.reason] = Missed(
                    reason=each.reason, texts=count, last=max(before.last, each.last)
                )
        return Coverage(
            texts=texts,
            first=min(times, default=None),
            last=max(times, default=None),
            missed=tuple(missed[reason] for reason in sorted(missed)),
            unread=tuple(f"{name}: {why}" for name, why in sorted(self._unread.items())),
        )

    def _each(self, read: Callable[[sqlite3.Connection], T]) -> Iterator[tuple[str, T]]:
        """What is read from each file, with its worker, the newest first; what cannot be read is remembered."""
        for worker in folders_of(self._folder):
            for _, _, file in reversed(files_of(worker)):
                try:
                    with closing(_opened_to_read(file)) as connection:
                        if connection.execute("PRAGMA page_count").fetchone() == (0,):
                            continue
                        why = fault_of(connection, self._form)
                        if not why:
                            yield worker.name, read(connection)
                            continue
                except (OSError, OverflowError, ValueError, TypeError, sqlite3.Error) as error:
                    why = f"cannot be read: {error}"
                self._unread[f"{worker.name}/{file.name}"] = why


def _opened_to_read(file: Path) -> sqlite3.Connection:
    if file.is_symlink():
        raise OSError("it is a link")
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=TIMEOUT_S)


def _coverage(connection: sqlite3.Connection) -> Coverage:
    count, first, last = connection.execute("SELECT count(*), min(time), max(time) FROM text").fetchone()
    missed = connection.execute("SELECT reason, texts, last FROM missed").fetchall()
    return Coverage(
        texts=count,
        first=moment_of(first) if count else None,
        last=moment_of(last) if count else None,
        missed=tuple(Missed(reason=reason, texts=texts, last=moment_of(at)) for reason, texts, at in missed),
    )


def _with_marks(connection: sqlite3.Connection, marks: Collection[int], limit: int) -> list[MadeText]:
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(_ASKED)
    connection.execute("DELETE FROM asked")
    connection.executemany("INSERT OR IGNORE INTO asked VALUES (?)", [(mark,) for mark in marks])
    columns = "request, time, part, model, release, words, top"
    found = []
    for number, _ in connection.execute(_MOST, (limit,)).fetchall():
        row = connection.execute(f"SELECT {columns} FROM text WHERE id = ?", (number,)).fetchone()  # noqa: S608 - constant
        held = connection.execute(_SHARED, (number,))
        request, time, part, model, release, words, top = row
        found.append(
            MadeText(
                request=str(request), time=moment_of(time), part=part, model=str(model), release=str(release),
                words=words, marks=tuple(value for (value,) in held), top=top,
            )
        )  # fmt: skip
    return found

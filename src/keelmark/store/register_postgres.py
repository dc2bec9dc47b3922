"""A register in PostgreSQL: one small document, looked at over a connection that stays open."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psycopg

from keelmark.core.register import MAX_REGISTER_BYTES
from keelmark.errors import LimitExceededError, StoreError
from keelmark.store.documents_postgres import DocumentBounds, PostgresDocument

if TYPE_CHECKING:
    from keelmark.core.secret import Secret

__all__ = ["PostgresRegister"]

_BOUNDS = DocumentBounds(max_bytes=MAX_REGISTER_BYTES, statement_timeout_ms=2_000)
_EVERY = -1


class PostgresRegister:
    """A `Register` in one database.

    Args:
        url: Connection string, `postgresql://...`.
        name: Of the document.

    Raises:
        ConfigurationError: The connection string is none.
    """

    __slots__ = ("_connection", "_document")

    def __init__(self, url: Secret, *, name: str) -> None:
        self._document = PostgresDocument(url, name, bounds=_BOUNDS)
        self._connection: psycopg.Connection | None = None

    def look(self) -> bytes | None:
        """What is there; see `Register`."""
        try:
            if self._connection is None:
                self._connection = self._document.connect()
            return self._document.looked(self._connection, _EVERY)[1]
        except (psycopg.Error, LimitExceededError) as error:
            self.close()
            # The words of the client may name address and user: only the kind of the error is told.
            raise StoreError(f"{self._document.path}: {type(error).__name__}") from None

    def swap(self, seen: bytes | None, new: bytes) -> bool:
        """Put something else there; see `Register`."""
        with self._document.locked():
            if self._document.look(_EVERY)[1] != seen:
                return False
            self._document.write(new)
        return True

    def close(self) -> None:
        """Release the connection."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

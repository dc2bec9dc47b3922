"""Documents in PostgreSQL: what several machines read and change together, such as the API keys of a gateway.

A document is a name, a number that rises with each change, and its content. It is used as a file is (`store/api_keys`).

1. A change happens inside of `locked` or not at all: what was read there is what was changed, and nobody else changed it
   meanwhile, on whichever machine.
2. `Watched` never asks the server while a request waits: a thread of its own looks `poll_s` apart, and what it saw last
   counts. A change counts on each machine as soon as its thread has looked.
3. When the server cannot be asked, what was seen last counts for `stale_s`; from then on nothing does, until it can.
4. No address, name or password of the server is in any message.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from keelmark.errors import ConfigurationError, LimitExceededError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

    from keelmark.core.secret import Secret

__all__ = ["DocumentBounds", "PostgresDocument", "Watched"]

_TABLE = """
create table if not exists keelmark_document (
    name text primary key, version bigint not null, content bytea not null, changed timestamptz not null default now()
)
"""
_WRITE = """
insert into keelmark_document (name, version, content) values (%s, 1, %s)
on conflict (name) do update set version = keelmark_document.version + 1, content = excluded.content, changed = now()
"""
_LOOK = "select version, case when version <> %s then content end, length(content) from keelmark_document where name = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentBounds:
    """How a document is read.

    Attributes:
        max_bytes: Of the content.
        connect_timeout_s: Until a connection stands.
        statement_timeout_ms: For one question, waiting for locks included.
        poll_s: Between two looks of a watch.
        stale_s: How long what a watch saw last counts when it sees nothing more.
    """

    max_bytes: int = 32 * 1024**2
    connect_timeout_s: int = 3
    statement_timeout_ms: int = 5_000
    poll_s: float = 0.25
    stale_s: float = 30.0


class PostgresDocument:
    """One document.

    Args:
        url: Connection string, `postgresql://...`.
        name: Of the document.
        bounds: How it is read.

    Raises:
        ConfigurationError: The connection string is none.
    """

    __slots__ = ("_bounds", "_inside", "_name", "_url", "path")

    def __init__(self, url: Secret, name: str, *, bounds: DocumentBounds | None = None) -> None:
        self._url, self._name, self._bounds = url, name, bounds or DocumentBounds()
        self._inside: psycopg.Connection | None = None
        self.path = f"`{name}` in PostgreSQL"
        """What it is called in messages."""
        try:
            psycopg.conninfo.conninfo_to_dict(_text(url))
        except (psycopg.Error, UnicodeDecodeError):
            raise ConfigurationError(
                "the address of the database is none", hint="postgresql://USER:PASSWORD@HOST:5432/DATABASE"
            ) from None

    @property
    def exists(self) -> bool:
        """Whether there is one.

        Raises:
            StoreError: The server cannot be asked.
        """
        return self.look(0)[0] > 0

    def look(self, known: int) -> tuple[int, bytes | None]:
        """The number of the document, 0 when there is none, and the content unless the number is the known one.

        Raises:
            StoreError: The server cannot be asked.
            LimitExceededError: It is too long.
        """
        with self._connected() as connection:
            return self.looked(connection, known)

    def looked(self, connection: psycopg.Connection, known: int) -> tuple[int, bytes | None]:
        """The same by a connection that there is.

        Raises:
            LimitExceededError: It is too long.
            psycopg.Error: The server cannot be asked.
        """
        try:
            row = connection.execute(_LOOK, (known, self._name)).fetchone()
        except psycopg.errors.UndefinedTable:
            return 0, None
        if row is None:
            return 0, None
        if row[2] > self._bounds.max_bytes:
            raise LimitExceededError(f"is longer than {self._bounds.max_bytes} bytes", path=self.path)
        return row[0], row[1]

    def fingerprint(self) -> int:
        """Differs when the document was changed.

        Raises:
            StoreError: The server cannot be asked.
        """
        return self.look(-1)[0]

    def read(self) -> bytes:
        """The content.

        Raises:
            StoreError: There is none, or the server cannot be asked.
        """
        content = self.look(0)[1]
        if content is None:
            raise StoreError("is not there", path=self.path)
        return content

    def write(self, content: bytes) -> None:
        """Replace the content; inside of `locked`.

        Raises:
            StoreError: It cannot be written.
        """
        assert self._inside is not None, "documents are changed inside of `locked`"
        with _told("cannot be written", self.path):
            self._inside.execute(_WRITE, (self._name, content))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes the document meanwhile; what is written is there when the block ends well.

        Raises:
            StoreError: It cannot be locked, or what was written cannot be kept.
        """
        with self._connected() as connection:
            with _told("cannot be locked", self.path):
                connection.execute("select pg_advisory_xact_lock(%s)", (_number_of(self._name),))
                connection.execute(_TABLE)
            self._inside = connection
            try:
                yield
                with _told("cannot be written", self.path):
                    connection.commit()
            finally:
                self._inside = None

    def connect(self) -> psycopg.Connection:
        """A connection of one's own, each question a transaction.

        Raises:
            psycopg.Error: There is none.
        """
        return psycopg.connect(
            _text(self._url),
            connect_timeout=self._bounds.connect_timeout_s,
            options=f"-c statement_timeout={self._bounds.statement_timeout_ms}",
            application_name="keelmark",
            autocommit=True,
        )

    @contextlib.contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        """A connection in one transaction; the one of `locked` inside of it."""
        if self._inside is not None:
            with _told("cannot be read", self.path):
                yield self._inside
            return
        with _told("cannot be reached", self.path):
            connection = self.connect()
        try:
            with _told("cannot be read", self.path):
                connection.autocommit = False
                yield connection
        finally:
            connection.close()


class Watched:
    """A document as a thread last saw it; it can be read beside requests.

    Args:
        document: Which one.
        bounds: How it is looked at.
        now: Seconds that never go back.
    """

    __slots__ = (
        "_bounds",
        "_content",
        "_document",
        "_now",
        "_seen",
        "_stopped",
        "_thread",
        "_version",
        "fault",
    )

    def __init__(
        self,
        document: PostgresDocument,
        *,
        bounds: DocumentBounds | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._document, self._bounds, self._now = document, bounds or DocumentBounds(), now
        self._content: bytes | None = None
        self._version = 0
        self._seen = now() - self._bounds.stale_s
        self._stopped = threading.Event()
        self.fault = ""
        """Why the last look failed; "" when it did not."""
        self._thread = threading.Thread(target=self._watch, name="keelmark-document", daemon=True)

    def start(self) -> Self:
        """Look once, then again and again in a thread.

        Raises:
            StoreError: The server cannot be asked.
        """
        self._version, self._content = self._document.look(0)
        self._seen = self._now()
        self._thread.start()
        return self

    def close(self) -> None:
        """Look no more; the thread ends after the look that it is at."""
        self._stopped.set()

    def fingerprint(self) -> int:
        """Differs when the document was changed.

        Raises:
            OSError: It was not seen for too long.
        """
        if self._now() - self._seen >= self._bounds.stale_s:
            raise ConnectionError(
                f"{self._document.path} was not seen for too long: {self.fault or 'no answer'}"
            )
        return self._version

    def read(self) -> bytes:
        """The content that was seen last.

        Raises:
            StoreError: There is none.
        """
        if self._content is None:
            raise StoreError("is not there", path=self._document.path)
        return self._content

    def _watch(self) -> None:
        while not self._stopped.is_set():
            try:
                with self._document.connect() as connection:
                    self._look_on(connection)
            except (psycopg.Error, LimitExceededError) as error:
                self.fault = type(error).__name__
                self._stopped.wait(self._bounds.poll_s)

    def _look_on(self, connection: psycopg.Connection) -> None:
        while not self._stopped.wait(self._bounds.poll_s):
            begun = self._now()
            version, content = self._document.looked(connection, self._version)
            if version != self._version:
                # The content first: whoever sees the new number reads what belongs to it.
                self._content = content
                self._version = version
            # What was answered may be as old as the question.
            self._seen, self.fault = begun, ""


@contextlib.contextmanager
def _told(what: str, path: str) -> Iterator[None]:
    """Failures of the server in words of ours: its own may hold addresses and names."""
    try:
        yield
    except psycopg.Error as error:
        reason = error.sqlstate or type(error).__name__
        raise StoreError(
            f"{what} ({reason})", path=path, hint="is the database there, and may this user use it?"
        ) from None


def _number_of(name: str) -> int:
    """The number of the lock of a document."""
    digest = hashlib.sha256(f"keelmark:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _text(url: Secret) -> str:
    return url.reveal().decode("utf-8")

"""The way back to one caller: a whole answer in one write, or one in parts that waits for who reads slowly."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["GoneError", "Reply"]

_LINES = {
    status.value: b"HTTP/1.1 %d %s\r\n" % (status.value, status.phrase.encode()) for status in HTTPStatus
}
_CHUNKED, _CLOSE, _KEEP = (
    b"transfer-encoding: chunked\r\n",
    b"connection: close\r\n",
    b"connection: keep-alive\r\n",
)
_LAST = b"0\r\n\r\n"


class GoneError(ConnectionError):
    """The caller went away before the answer was whole."""


class Line(Protocol):
    """The connection as answers see it."""

    is_lost: bool
    taken: asyncio.Future[None] | None

    @property
    def date(self) -> bytes:
        """The header that tells the time."""
        ...

    def write(self, data: bytes) -> None:
        """Send bytes."""
        ...

    def abort(self) -> None:
        """Break off."""
        ...

    def answered(self, *, keeps: bool) -> None:
        """The answer is whole; whether the connection stays for another one."""
        ...


class Reply:
    """The answer to one request; it is given once.

    Attributes:
        is_begun: Whether a status was sent, so that no other one can be.
        is_done: Whether the answer is whole.
    """

    __slots__ = ("_connection", "_is_chunked", "_is_head", "_keeps", "_version", "is_begun", "is_done")

    def __init__(self, connection: Line, *, version: str, keeps: bool, is_head: bool) -> None:
        self._connection, self._version, self._keeps, self._is_head = connection, version, keeps, is_head
        self._is_chunked = False
        self.is_begun = self.is_done = False

    @property
    def is_gone(self) -> bool:
        """Whether nobody is there to read it."""
        return self._connection.is_lost

    def close_after(self) -> None:
        """End the connection with this answer."""
        self._keeps = False

    def send(self, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """The whole answer."""
        parts = [self._head(status, headers), b"content-length: %d\r\n\r\n" % len(body)]
        if not self._is_head:
            parts.append(body)
        self._connection.write(b"".join(parts))
        self._end()

    def begin(self, status: int, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """The head of an answer that comes in parts. HTTP/1.0 knows no parts: there the end of the connection ends it."""
        self._is_chunked = self._version != "1.0"
        if not self._is_chunked:
            self._keeps = False
        head = self._head(status, headers)
        self._connection.write(head + (_CHUNKED if self._is_chunked else b"") + b"\r\n")

    async def write(self, part: bytes) -> None:
        """The next part; returns when the caller takes what was written before.

        Raises:
            GoneError: The caller went away, or takes nothing for too long.
        """
        connection = self._connection
        if connection.is_lost:
            raise GoneError
        if part and not self._is_head:
            connection.write(b"%x\r\n%b\r\n" % (len(part), part) if self._is_chunked else part)
        if connection.taken is not None:
            await connection.taken
            if connection.is_lost:
                raise GoneError

    def finish(self) -> None:
        """End an answer that came in parts."""
        if self._is_chunked and not self._is_head:
            self._connection.write(_LAST)
        self._end()

    def abort(self) -> None:
        """Break the connection off, so that what was sent cannot be taken for a whole answer."""
        self.is_done = True
        self._connection.abort()

    def _head(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        if self.is_begun:
            raise RuntimeError("an answer was begun before")
        self.is_begun = True
        lines = [_LINES[status], self._connection.date]
        lines.extend([b"%b: %b\r\n" % pair for pair in headers])
        if not self._keeps:
            lines.append(_CLOSE)
        elif self._version == "1.0":
            lines.append(_KEEP)
        return b"".join(lines)

    def _end(self) -> None:
        self.is_done = True
        self._connection.answered(keeps=self._keeps)


def taken() -> asyncio.Future[None]:
    """Something to wait for until a caller takes what was written."""
    return asyncio.get_running_loop().create_future()

"""Reads numbers, bytes and text from a view, in order, and notices where it breaks off."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Literal

from keelmark.errors import LimitExceededError, ParseError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BreaksOffError", "Cursor", "contains", "find", "find_all"]

_CHUNK_BYTES = 1024 * 1024
_SIGNED = {1: "b", 2: "h", 4: "i", 8: "q"}
_FLOAT = {4: "f", 8: "d"}


class BreaksOffError(ParseError):
    """The bytes end before what they announce."""


class Cursor:
    """A place in a view that moves forward as it is read; it never passes the end.

    Args:
        data: What is read.
        position: Where to start.
        order: Byte order of numbers.
    """

    __slots__ = ("_mark", "data", "order", "position")

    def __init__(
        self, data: memoryview, *, position: int = 0, order: Literal["little", "big"] = "little"
    ) -> None:
        self.data = data
        self.position = position
        self.order = order
        self._mark = "<" if order == "little" else ">"

    @property
    def left(self) -> int:
        """Bytes up to the end."""
        return len(self.data) - self.position

    def skip(self, count: int) -> None:
        """Move forward without reading.

        Raises:
            BreaksOffError: Fewer bytes are left.
        """
        if count < 0 or count > self.left:
            raise BreaksOffError(f"breaks off at byte {len(self.data)}: {count} bytes announced")
        self.position += count

    def seek(self, position: int) -> None:
        """Go to an absolute place.

        Raises:
            BreaksOffError: The place lies outside.
        """
        if not 0 <= position <= len(self.data):
            raise BreaksOffError(f"points to byte {position}, outside of {len(self.data)} bytes")
        self.position = position

    def take(self, count: int) -> memoryview:
        """The next bytes, as a view.

        Raises:
            BreaksOffError: Fewer bytes are left.
        """
        start = self.position
        self.skip(count)
        return self.data[start : self.position]

    def unsigned(self, width: int) -> int:
        """The next unsigned number of `width` bytes."""
        return int.from_bytes(self.take(width), self.order)

    def signed(self, width: int) -> int:
        """The next signed number of `width` bytes."""
        return int(struct.unpack(self._mark + _SIGNED[width], self.take(width))[0])

    def real(self, width: int) -> float:
        """The next IEEE number of 4 or 8 bytes."""
        return float(struct.unpack(self._mark + _FLOAT[width], self.take(width))[0])

    def text(self, count: int, *, max_bytes: int) -> str:
        """The next bytes as UTF-8; broken characters are replaced.

        Raises:
            LimitExceededError: Longer than `max_bytes`.
        """
        if count > max_bytes:
            raise LimitExceededError(f"text of {count} bytes is longer than {max_bytes}")
        return bytes(self.take(count)).decode("utf-8", "replace")


def find(data: memoryview, pattern: bytes, *, start: int = 0, stop: int | None = None) -> int:
    """Place of the first `pattern` between `start` and `stop`, or -1; never copies more than a chunk."""
    end = len(data) if stop is None else min(stop, len(data))
    position = start
    while position < end:
        upper = min(position + _CHUNK_BYTES + len(pattern) - 1, end)
        found = bytes(data[position:upper]).find(pattern)
        if found >= 0:
            return position + found
        position += _CHUNK_BYTES
    return -1


def find_all(data: memoryview, pattern: bytes, *, limit: int, stop: int | None = None) -> Iterator[int]:
    """Places of `pattern` in order, at most `limit`."""
    position = find(data, pattern, stop=stop)
    while position >= 0 and limit > 0:
        yield position
        limit -= 1
        position = find(data, pattern, start=position + len(pattern), stop=stop)


def contains(data: memoryview, pattern: bytes, *, stop: int | None = None) -> bool:
    """Whether `pattern` stands in the view, up to `stop`."""
    return find(data, pattern, stop=stop) >= 0

"""The three encodings of R's serialised objects, read item by item: big endian, native, and text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.cursor import BreaksOffError, Cursor

if TYPE_CHECKING:
    from keelmark.formats.source import Source

__all__ = ["RStream", "is_serialised", "open_stream"]

_NA = -(2**31)
_LINE_BYTES = 1024
_TEXT_BYTES = 4096
_MAX_LINES = 20_000_000
_VERSIONS = frozenset({2, 3})
_WORKSPACES = (b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n", b"RDB2\n", b"RDB3\n")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "v": "\v", "b": "\b", "f": "\f", "a": "\a", "\\": "\\", "?": "?",
            "'": "'", '"': '"'}  # fmt: skip


class RStream(Protocol):
    """Reads the parts that every object is made of."""

    def integer(self) -> int:
        """The next whole number; NA is the smallest."""
        ...

    def text(self) -> str:
        """The next string without its flags; what is longer than is kept is cut."""
        ...

    def skip(self, count: int, kind: Literal["integer", "real", "complex", "raw"]) -> None:
        """Step over numbers."""
        ...

    @property
    def left(self) -> int:
        """Bytes that were not read."""
        ...


def is_serialised(source: Source) -> bool:
    """Whether a file starts as R writes one."""
    head = source.head[:16]
    if head.startswith(_WORKSPACES):
        head = head[5:]
    if head.startswith(b"X\n"):
        return int.from_bytes(head[2:6], "big") in _VERSIONS
    if head.startswith(b"B\n"):
        return int.from_bytes(head[2:6], "little") in _VERSIONS
    return head.startswith((b"A\n2\n", b"A\n3\n"))


def open_stream(source: Source) -> tuple[RStream, bool]:
    """The stream behind the marks, and whether it is a workspace of named objects."""
    data = source.data
    is_workspace = source.head.startswith(_WORKSPACES)
    start = 5 if is_workspace else 0
    mark = bytes(data[start : start + 1])
    if mark == b"A":
        return _Text(data, start + 2), is_workspace
    return _Binary(data, start + 2, "little" if mark == b"B" else "big"), is_workspace


class _Binary:
    """Numbers of fixed width."""

    def __init__(self, data: memoryview, position: int, order: Literal["little", "big"]) -> None:
        self._cursor = Cursor(data, position=position, order=order)

    @property
    def left(self) -> int:
        return self._cursor.left

    def integer(self) -> int:
        return self._cursor.signed(4)

    def text(self) -> str:
        length = self._cursor.signed(4)
        if length < 0:
            return ""
        kept = bytes(self._cursor.take(min(length, _TEXT_BYTES)))
        self._cursor.skip(length - len(kept))
        return kept.decode("utf-8", "replace")

    def skip(self, count: int, kind: Literal["integer", "real", "complex", "raw"]) -> None:
        self._cursor.skip(count * {"integer": 4, "real": 8, "complex": 16, "raw": 1}[kind])


class _Text:
    """One value a line."""

    def __init__(self, data: memoryview, position: int) -> None:
        self._data = data
        self._at = position
        self._lines = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def _line(self) -> bytes:
        self._lines += 1
        if self._lines > _MAX_LINES:
            raise LimitExceededError("object has more lines than are read")
        part = bytes(self._data[self._at : self._at + _LINE_BYTES])
        end = part.find(b"\n")
        if end < 0:
            if self._at >= len(self._data):
                raise BreaksOffError("breaks off inside of an object")
            if len(part) == _LINE_BYTES:
                raise ParseError("line is longer than any value")
            end = len(part)
        self._at = min(self._at + end + 1, len(self._data))
        return part[:end]

    def integer(self) -> int:
        line = self._line().strip()
        if line == b"NA":
            return _NA
        if not line.removeprefix(b"-").isdigit() or len(line) > 11:
            raise ParseError("no number where one has to stand")
        return int(line)

    def text(self) -> str:
        length = self.integer()
        if length < 0:
            return ""
        # Every byte of the text is written as itself or as an escape of at most four.
        raw = bytes(self._data[self._at : self._at + 4 * length + 1])
        end = raw.find(b"\n")
        if end < 0:
            end = len(raw)
        self._at = min(self._at + end + 1, len(self._data))
        return _unescape(raw[:end].decode("utf-8", "replace")[:_TEXT_BYTES])

    def skip(self, count: int, kind: Literal["integer", "real", "complex", "raw"]) -> None:
        if count > self.left:
            raise BreaksOffError(f"announces {count} values where {self.left} bytes are left")
        for _ in range(count * (2 if kind == "complex" else 1)):
            self._line()


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    kept: list[str] = []
    at = 0
    while at < len(text):
        if text[at] != "\\" or at + 1 >= len(text):
            kept.append(text[at])
            at += 1
            continue
        digits = text[at + 1 : at + 4]
        if len(digits) == 3 and all(digit in "01234567" for digit in digits):
            kept.append(chr(int(digits, 8)))
            at += 4
        else:
            kept.append(_ESCAPES.get(text[at + 1], text[at + 1]))
            at += 2
    return "".join(kept)

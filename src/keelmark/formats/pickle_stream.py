"""Walks the opcodes of a pickle, one typed operation after the other; nothing is built, nothing is imported."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import re2

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.cursor import BreaksOffError, find
from keelmark.formats.pickle_opcodes import OPCODES, Form
from keelmark.formats.pickle_values import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Argument", "Bounds", "Operation", "PickleStream"]

_NEAR_BYTES = 128

Argument = str | int | float | Span | tuple[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a walk.

    Attributes:
        max_operations: Operations read in one file.
        max_line_bytes: Longest argument that ends with a line feed.
        max_text_bytes: Longest text that is decoded; longer ones stay opaque, since no module is named so.
    """

    max_operations: int = 10_000_000
    max_line_bytes: int = 16 * 1024**2
    max_text_bytes: int = 4096


class Operation(NamedTuple):
    """One opcode with its argument: raw bytes as their span, texts that are too long to name anything as None."""

    name: str
    position: int
    argument: Argument


class PickleStream:
    """A pickle that is walked from `position` on.

    Whoever walks may move `position` between two operations: joblib keeps raw array bytes between them.

    Args:
        data: The bytes, which may go on after the pickle.
        position: Where the pickle starts.
        bounds: Bounds of the walk.
    """

    def __init__(self, data: memoryview, *, position: int = 0, bounds: Bounds | None = None) -> None:
        self.data = data
        self.position = position
        self.bounds = bounds or Bounds()
        self.operations = 0

    def walk(self) -> Iterator[Operation]:
        """Yield operations up to and with STOP.

        Raises:
            ParseError: A byte is no opcode, an argument is malformed, or the stream breaks off.
            LimitExceededError: A bound was reached.
        """
        data, size = self.data, len(self.data)
        while True:
            start = self.position
            if start >= size:
                raise BreaksOffError(f"pickle breaks off at byte {start} without STOP")
            entry = _TABLE.get(data[start])
            if entry is None:
                raise ParseError(f"byte {data[start]:#04x} at {start} is no pickle opcode")
            self.operations += 1
            if self.operations > self.bounds.max_operations:
                raise LimitExceededError(f"pickle has more than {self.bounds.max_operations} operations")
            name, reader = entry
            self.position = start + 1
            argument = reader(self) if reader else None
            yield Operation(name, start, argument)
            if name == "STOP":
                return

    def skip(self, count: int) -> None:
        """Step over raw bytes.

        Raises:
            BreaksOffError: Fewer are left.
        """
        if count < 0 or count > len(self.data) - self.position:
            raise BreaksOffError(f"{count} bytes announced at byte {self.position} are not there")
        self.position += count

    def take(self, count: int) -> memoryview:
        """The next raw bytes, as a view."""
        start = self.position
        self.skip(count)
        return self.data[start : self.position]

    def line(self) -> bytes:
        """The bytes up to the line feed, which is stepped over."""
        # Nearly every line is short, and a stream of protocol 0 has millions of them.
        near = bytes(self.data[self.position : self.position + min(_NEAR_BYTES, self.bounds.max_line_bytes)])
        length = near.find(b"\n")
        if length >= 0:
            self.position += length + 1
            return near[:length]
        stop = min(len(self.data), self.position + self.bounds.max_line_bytes)
        end = find(self.data, b"\n", start=self.position, stop=stop)
        if end < 0:
            if stop < len(self.data):
                raise LimitExceededError(f"line is longer than {self.bounds.max_line_bytes} bytes")
            raise BreaksOffError(f"line at byte {self.position} breaks off")
        line = bytes(self.data[self.position : end])
        self.position = end + 1
        return line


def _unsigned(width: int) -> Callable[[PickleStream], int]:
    def read(stream: PickleStream) -> int:
        return int.from_bytes(stream.take(width), "little")

    return read


def _signed4(stream: PickleStream) -> int:
    return int.from_bytes(stream.take(4), "little", signed=True)


def _real(stream: PickleStream) -> float:
    return float(struct.unpack(">d", stream.take(8))[0])


def _text(width: int, encoding: str) -> Callable[[PickleStream], str | None]:
    def read(stream: PickleStream) -> str | None:
        view = stream.take(int.from_bytes(stream.take(width), "little"))
        if len(view) > stream.bounds.max_text_bytes:
            return None
        return bytes(view).decode(encoding, "surrogatepass" if encoding == "utf-8" else "strict")

    def guarded(stream: PickleStream) -> str | None:
        try:
            return read(stream)
        except UnicodeDecodeError as error:
            raise ParseError("text is not UTF-8") from error

    return guarded


def _raw(width: int) -> Callable[[PickleStream], Span]:
    def read(stream: PickleStream) -> Span:
        length = int.from_bytes(stream.take(width), "little")
        start = stream.position
        stream.skip(length)
        return Span(start, stream.position)

    return read


_MAX_DIGITS = 4000  # the interpreter converts no longer ones
_NUMBER = re2.compile(rb"[ \t]*([+-]?[0-9]+)[lL]?[ \t\r]*")


def _number(stream: PickleStream) -> int | None:
    line = stream.line()
    if len(line) > _MAX_DIGITS:
        return None
    if line.isdigit():
        return int(line)
    match = _NUMBER.fullmatch(line)
    if match is None:
        raise ParseError("number is no decimal number")
    return int(match.group(1))


def _line(stream: PickleStream) -> str | None:
    line = stream.line()
    return None if len(line) > stream.bounds.max_text_bytes else line.decode("utf-8", "replace")


_ESCAPES = {
    "\\": "\\",
    "'": "'",
    '"': '"',
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
}
_OCTAL = "01234567"


def _unescape(text: str) -> str:
    """Resolve the escapes of a bytes literal, as the loader does, so that no name hides behind one."""
    parts: list[str] = []
    index = 0
    while index < len(text):
        character = text[index]
        following = text[index + 1 : index + 2]
        if character != "\\" or not following:
            parts.append(character)
            index += 1
        elif following == "x" and _is_hex(text[index + 2 : index + 4]):
            parts.append(chr(int(text[index + 2 : index + 4], 16)))
            index += 4
        elif following in _OCTAL:
            end = index + 2
            while end < min(index + 4, len(text)) and text[end] in _OCTAL:
                end += 1
            parts.append(chr(int(text[index + 1 : end], 8) & 0xFF))
            index = end
        else:
            parts.append(_ESCAPES.get(following, "\\" + following))
            index += 2
    return "".join(parts)


def _is_hex(text: str) -> bool:
    return len(text) == 2 and all(character in "0123456789abcdefABCDEF" for character in text)


def _quoted(stream: PickleStream) -> str | None:
    line = stream.line().strip()
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in {b"'", b'"'}:
        raise ParseError("string is not quoted")
    return None if len(line) > stream.bounds.max_text_bytes else _unescape(line[1:-1].decode("latin-1"))


def _unicode(stream: PickleStream) -> str | None:
    line = stream.line()
    if len(line) > stream.bounds.max_text_bytes:
        return None
    try:
        return line.decode("raw-unicode-escape")
    except UnicodeDecodeError as error:
        raise ParseError("text has a broken escape") from error


def _pair(stream: PickleStream) -> tuple[str, str]:
    return _line(stream) or "", _line(stream) or ""


def _long(width: int) -> Callable[[PickleStream], int | None]:
    def read(stream: PickleStream) -> int | None:
        view = stream.take(int.from_bytes(stream.take(width), "little"))
        return None if len(view) > 64 else int.from_bytes(view, "little", signed=True)

    return read


_READERS: dict[Form, Callable[[PickleStream], Argument]] = {
    Form.U1: _unsigned(1),
    Form.U2: _unsigned(2),
    Form.U4: _unsigned(4),
    Form.U8: _unsigned(8),
    Form.I4: _signed4,
    Form.F8: _real,
    Form.LINE: _line,
    Form.NUMBER: _number,
    Form.QUOTED: _quoted,
    Form.UNICODE: _unicode,
    Form.PAIR: _pair,
    Form.TEXT1: _text(1, "utf-8"),
    Form.TEXT4: _text(4, "utf-8"),
    Form.TEXT8: _text(8, "utf-8"),
    Form.BYTES1: _raw(1),
    Form.BYTES4: _raw(4),
    Form.BYTES8: _raw(8),
    Form.LATIN1: _text(1, "latin-1"),
    Form.LATIN4: _text(4, "latin-1"),
    Form.LONG1: _long(1),
    Form.LONG4: _long(4),
}

_TABLE: dict[int, tuple[str, Callable[[PickleStream], Argument] | None]] = {
    code: (name, _READERS.get(form)) for code, (name, form) in OPCODES.items()
}

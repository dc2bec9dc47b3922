"""Walks the opcodes of a pickle, one typed operation after the other; nothing is built, nothing is imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.cursor import BreaksOffError, find
from keelmark.formats.models.pickle.opcodes import OPCODES, Form
from keelmark.formats.models.pickle.values import NUMBER, Opaque, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["ARGUMENTS", "Argument", "Bounds", "Operation", "PickleStream"]

_NEAR_BYTES = 128

Argument = str | int | bytes | Span | Opaque | tuple[str | None, str | None] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a walk.

    Attributes:
        max_operations: Operations read in one pickle.
        max_text_bytes: Longest text and bytes that are taken out of the file; of longer ones the place is kept.
    """

    max_operations: int = 10_000_000
    max_text_bytes: int = 4096


class Operation(NamedTuple):
    """One opcode with its argument; what is too long to be taken out of the file is given as its span."""

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
        while True:
            start = self.position
            code = self.next_code()
            reader = ARGUMENTS[code]
            yield Operation(OPCODES[code][0], start, reader(self) if reader else None)
            if code == _STOP:
                return

    def next_code(self) -> int:
        """Step over the next opcode byte.

        Raises:
            ParseError: It is none.
            BreaksOffError: Nothing is left.
            LimitExceededError: The bound on operations was reached.
        """
        start = self.position
        if start >= len(self.data):
            raise BreaksOffError(f"pickle breaks off at byte {start} without STOP")
        code = self.data[start]
        if code not in OPCODES:
            raise ParseError(f"byte {code:#04x} at {start} is no pickle opcode")
        self.operations += 1
        if self.operations > self.bounds.max_operations:
            raise LimitExceededError(f"pickle has more than {self.bounds.max_operations} operations")
        self.position = start + 1
        return code

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

    def line(self) -> Span:
        """Place of the bytes up to the line feed, which is stepped over.

        Raises:
            BreaksOffError: There is no line feed.
        """
        start = self.position
        # Nearly every line is short, and a stream of protocol 0 has millions of them.
        length = bytes(self.data[start : start + _NEAR_BYTES]).find(b"\n")
        end = start + length if length >= 0 else find(self.data, b"\n", start=start + _NEAR_BYTES)
        if end < 0:
            raise BreaksOffError(f"line at byte {start} breaks off")
        self.position = end + 1
        return Span(start, end)

    def short_line(self) -> bytes | None:
        """The next line; None when it is too long to be of interest."""
        span = self.line()
        if span.end - span.start > self.bounds.max_text_bytes:
            return None
        return bytes(self.data[span.start : span.end])


_STOP = ord(".")


def _unsigned(width: int) -> Callable[[PickleStream], int]:
    def read(stream: PickleStream) -> int:
        start = stream.position
        stream.skip(width)
        return int.from_bytes(stream.data[start : start + width], "little")

    return read


def _byte(stream: PickleStream) -> int:
    start = stream.position
    stream.skip(1)
    return stream.data[start]


def _signed4(stream: PickleStream) -> int:
    return int.from_bytes(stream.take(4), "little", signed=True)


def _real(stream: PickleStream) -> Opaque:
    stream.skip(8)
    return NUMBER


def _length(stream: PickleStream, width: int, *, is_signed: bool) -> int:
    start = stream.position
    if width == 1 and start < len(stream.data):
        stream.position = start + 1
        return stream.data[start]
    length = int.from_bytes(stream.take(width), "little", signed=is_signed)
    if length < 0:
        raise ParseError(f"argument at byte {stream.position} has a negative length")
    return length


def _text(width: int, encoding: str, *, is_signed: bool = False) -> Callable[[PickleStream], Argument]:
    errors = "surrogatepass" if encoding == "utf-8" else "strict"

    def read(stream: PickleStream) -> Argument:
        length = _length(stream, width, is_signed=is_signed)
        start = stream.position
        stream.skip(length)
        if length > stream.bounds.max_text_bytes:
            return Span(start, stream.position, is_text=True)
        try:
            return str(stream.data[start : stream.position], encoding, errors)
        except UnicodeDecodeError as error:
            raise ParseError("text is not UTF-8") from error

    return read


def _raw(width: int) -> Callable[[PickleStream], Argument]:
    def read(stream: PickleStream) -> Argument:
        length = _length(stream, width, is_signed=False)
        start = stream.position
        stream.skip(length)
        if length > stream.bounds.max_text_bytes:
            return Span(start, stream.position)
        return bytes(stream.data[start : stream.position])

    return read


_MAX_DIGITS = 4000  # the interpreter converts no longer ones
# How the C library reads a number of any base: 010 is eight.
_OCTAL = bytes_pattern(rb"[ \t\r\f\v]*([+-]?)0([0-7]+)")


def _integer(line: bytes, *, base: int) -> int | Opaque:
    """A number as the interpreter reads it: spaces around, underscores inside, nothing behind a zero byte."""
    text = line.partition(b"\0")[0]
    if len(text) > _MAX_DIGITS:
        return NUMBER
    try:
        return int(text, base)
    except ValueError as error:
        raise ParseError("number is no number") from error


def _int(stream: PickleStream) -> Argument:
    line = stream.short_line()
    if line is None:
        return NUMBER
    if line.isdigit() and line[0] != 0x30:
        return int(line) if len(line) <= _MAX_DIGITS else NUMBER
    if line.startswith(b"\0"):
        return 0  # the C library finds no digit and no fault
    octal = _OCTAL.fullmatch(line.partition(b"\0")[0])
    sign, digits = octal.groups() if octal else (b"", b"")
    value = int(sign + digits, 8) if octal else _integer(line, base=0)
    return bool(value) if len(line) == 2 and value in {0, 1} else value


def _long_line(stream: PickleStream) -> Argument:
    line = stream.short_line()
    return NUMBER if line is None else _integer(line.removesuffix(b"L"), base=0)


def _place(stream: PickleStream) -> Argument:
    line = stream.short_line()
    return NUMBER if line is None else _integer(line, base=10)


def _float(stream: PickleStream) -> Argument:
    line = stream.short_line()
    try:
        float((line or b"0").partition(b"\0")[0])
    except ValueError as error:
        raise ParseError("number is no number") from error
    return NUMBER


def _line(stream: PickleStream) -> str | None:
    line = stream.short_line()
    return None if line is None else line.decode("utf-8", "replace")


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
_OCTAL_DIGITS = "01234567"


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
        elif following in _OCTAL_DIGITS:
            end = index + 2
            while end < min(index + 4, len(text)) and text[end] in _OCTAL_DIGITS:
                end += 1
            parts.append(chr(int(text[index + 1 : end], 8) & 0xFF))
            index = end
        else:
            parts.append(_ESCAPES.get(following, "\\" + following))
            index += 2
    return "".join(parts)


def _is_hex(text: str) -> bool:
    return len(text) == 2 and all(character in "0123456789abcdefABCDEF" for character in text)


def _quoted(stream: PickleStream) -> Argument:
    span = stream.line()
    first, last = stream.data[span.start], stream.data[span.end - 1]
    if span.end - span.start < 2 or first != last or first not in b"'\"":
        raise ParseError("string is not quoted")
    inner = Span(span.start + 1, span.end - 1, is_text=True)
    if inner.end - inner.start > stream.bounds.max_text_bytes:
        return inner
    return _unescape(str(stream.data[inner.start : inner.end], "latin-1"))


def _unicode(stream: PickleStream) -> Argument:
    span = stream.line()
    if span.end - span.start > stream.bounds.max_text_bytes:
        return Span(span.start, span.end, is_text=True)
    try:
        return bytes(stream.data[span.start : span.end]).decode("raw-unicode-escape")
    except UnicodeDecodeError as error:
        raise ParseError("text has a broken escape") from error


def _pair(stream: PickleStream) -> tuple[str | None, str | None]:
    return _name(stream), _name(stream)


def _name(stream: PickleStream) -> str | None:
    try:
        return _line(stream)
    except BreaksOffError:
        # Loaders take a last line without its last character, whatever that is, and import before they notice.
        left = stream.take(len(stream.data) - stream.position)[:-1]
        return None if len(left) > stream.bounds.max_text_bytes else bytes(left).decode("utf-8", "replace")


def _long(width: int) -> Callable[[PickleStream], Argument]:
    def read(stream: PickleStream) -> Argument:
        view = stream.take(_length(stream, width, is_signed=width == 4))
        return NUMBER if len(view) > 64 else int.from_bytes(view, "little", signed=True)

    return read


_FORMS: dict[Form, Callable[[PickleStream], Argument]] = {
    Form.U1: _byte,
    Form.U2: _unsigned(2),
    Form.U4: _unsigned(4),
    Form.U8: _unsigned(8),
    Form.I4: _signed4,
    Form.F8: _real,
    Form.FLOAT: _float,
    Form.LINE: _line,
    Form.INT: _int,
    Form.LONG: _long_line,
    Form.NUMBER: _place,
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
    Form.LATIN4: _text(4, "latin-1", is_signed=True),
    Form.LONG1: _long(1),
    Form.LONG4: _long(4),
}

ARGUMENTS: dict[int, Callable[[PickleStream], Argument] | None] = {
    code: _FORMS.get(form) for code, (_, form) in OPCODES.items()
}
"""Opcode byte to what reads its argument."""

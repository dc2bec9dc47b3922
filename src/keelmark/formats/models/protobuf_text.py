"""Protobuf as text, turned into the wire format as far as a table knows its fields; everything else is left out.

So that one walk judges both forms. The table is a tree of names; nothing is looked up in a schema of the text itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.cursor import BreaksOffError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import re2

__all__ = ["Bounds", "Known", "to_wire"]

_TOKEN = bytes_pattern(
    rb"""(?s)(?:[\s,;]|\#[^\n]*)*(?:\z|([{<])|([}>])|(\[)|(\])|(:)|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|([^\s,;:{}<>\[\]"'\#]+))"""
)
_OPEN, _CLOSE, _LIST, _END, _COLON, _QUOTED, _WORD = range(1, 8)
_ESCAPE = bytes_pattern(rb"""\\(?:([0-7]{1,3})|[xX]([0-9A-Fa-f]{1,2})|(.))""")
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


class Known(NamedTuple):
    """A field that is kept: its number, and the fields of its message (none for text, numbers for words)."""

    number: int
    fields: Mapping[str, Known] | None = None
    words: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one text.

    Attributes:
        max_tokens: Words, marks and texts.
        max_depth: Messages inside of messages.
    """

    max_tokens: int = 2_000_000
    max_depth: int = 100


def to_wire(text: bytes, fields: Mapping[str, Known], *, bounds: Bounds | None = None) -> bytes:
    """The known fields of a message in the wire format.

    Raises:
        ParseError: No protobuf text.
        BreaksOffError: A message has no end.
        LimitExceededError: Longer or deeper than is read.
    """
    return _Parser(text, bounds or Bounds()).message(fields)


class _Parser:
    def __init__(self, text: bytes, bounds: Bounds) -> None:
        self._tokens = _TOKEN.finditer(text)
        self._bounds = bounds
        self._place, self._length = 0, len(text)
        self._left = bounds.max_tokens
        self._kind, self._token = 0, b""
        self._step()

    def message(self, fields: Mapping[str, Known] | None, depth: int = 0) -> bytes:
        """Fields up to the end of the message; nothing is kept when none is known."""
        if depth > self._bounds.max_depth:
            raise LimitExceededError("messages are nested deeper than is read")
        out: list[bytes] = []
        while self._kind in {_WORD, _LIST}:
            name = self._name()
            known = fields.get(name) if fields is not None else None
            if self._kind == _COLON:
                self._step()
            out.extend(self._values(known, depth))
        if self._kind == _CLOSE and depth:
            return b"".join(out)
        if self._kind or depth:
            raise (ParseError("no text of a message") if self._kind else BreaksOffError("message breaks off"))
        return b"".join(out)

    def _name(self) -> str:
        """The name of a field; that of an extension stands in brackets and is none that is known."""
        name = self._token.decode("latin-1")
        if self._kind == _LIST:
            while self._kind and self._kind != _END:
                self._step()
            name = ""
        self._step()
        return name

    def _values(self, known: Known | None, depth: int) -> list[bytes]:
        if self._kind != _LIST:
            return [self._value(known, depth)]
        found = []
        self._step()
        while self._kind != _END:
            found.append(self._value(known, depth))
        self._step()
        return found

    def _value(self, known: Known | None, depth: int) -> bytes:
        if self._kind == _OPEN:
            self._step()
            content = self.message(known.fields if known is not None else None, depth + 1)
            self._step()
            return _field(known, content) if known is not None else b""
        if self._kind == _QUOTED:
            parts = []
            while self._kind == _QUOTED:
                parts.append(_unescaped(self._token) if known is not None else b"")
                self._step()
            return _field(known, b"".join(parts)) if known is not None else b""
        if self._kind != _WORD:
            raise BreaksOffError("message breaks off") if not self._kind else ParseError("a value is missing")
        word = self._token.decode("latin-1")
        self._step()
        if known is None or known.words is None or word not in known.words:
            return b""
        return _varint(known.number << 3) + _varint(known.words[word])

    def _step(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise LimitExceededError("text has more words than are read")
        match = next(self._tokens, None)
        if match is None or match.start() != self._place:
            if self._place == self._length:
                self._kind, self._token = 0, b""
                return
            raise ParseError("no text of a message")
        self._place = match.end()
        self._kind = match.lastindex or 0
        self._token = match.group(self._kind) if self._kind else b""


def _field(known: Known, content: bytes) -> bytes:
    return _varint(known.number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _unescaped(quoted: bytes) -> bytes:
    raw = quoted[1:-1]
    if b"\\" not in raw:
        return raw

    def letter(match: re2.Match[bytes]) -> bytes:
        octal, hexadecimal, other = match.group(1), match.group(2), match.group(3)
        if octal or hexadecimal:
            return bytes([(int(octal, 8) if octal else int(hexadecimal, 16)) & 0xFF])
        return _LETTERS.get(bytes(other), bytes(other))

    return bytes(_ESCAPE.sub(letter, raw))

"""Sparse files of tar archives: which pieces stand in the archive, and the content with its holes filled in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.archives.spool import gather

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from keelmark.formats.archives.container import Budget

__all__ = ["Sparse", "from_blocks", "from_content", "from_pairs"]

_BLOCK = 512
_MAX_PIECES = 100_000
_CHUNK = 256 * 1024
_ENTRY = 24
_IN_HEADER, _IN_BLOCK = (386, 4, 482), (0, 21, 504)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparse:
    """A file with holes.

    Attributes:
        size: Bytes with the holes.
        pieces: Offset in the file and length of each piece, in the order in which they stand in the archive.
        start: First byte of the first piece in the archive.
    """

    size: int
    pieces: tuple[tuple[int, int], ...]
    start: int

    def parts(self, data: memoryview) -> Iterator[bytes]:
        """The content from its start, holes as zeros.

        Raises:
            ParseError: Pieces overlap or lie outside.
        """
        written, place = 0, self.start
        for offset, length in self.pieces:
            if offset < written or offset + length > self.size:
                raise ParseError("map of a sparse file in the tar archive is damaged")
            yield from _zeros(offset - written)
            for position in range(place, place + length, _CHUNK):
                yield bytes(data[position : min(position + _CHUNK, place + length)])
            place, written = place + length, offset + length
        yield from _zeros(self.size - written)

    def first(self, data: memoryview, count: int) -> bytes:
        """The first bytes."""
        out = b""
        for part in self.parts(data):
            out += part
            if len(out) >= count:
                break
        return out[:count]

    def whole(self, data: memoryview, budget: Budget) -> memoryview:
        """All bytes.

        Raises:
            ParseError: The map is damaged.
            LimitExceededError: More than may be unpacked.
        """
        return gather(self._metered(data, budget))

    def _metered(self, data: memoryview, budget: Budget) -> Iterator[bytes]:
        for part in self.parts(data):
            budget.spend(len(part))
            yield part


def from_blocks(data: memoryview, at: int) -> Sparse:
    """The map of old GNU archives, which stands in the header and in blocks behind it.

    Raises:
        ParseError: A number is none.
        LimitExceededError: More pieces than are read.
    """
    block = bytes(data[at : at + _BLOCK])
    size = _octal(block[483:495])
    pieces: list[tuple[int, int]] = []
    position, layout = at, _IN_HEADER
    while True:
        first, count, flag = layout
        fields = (block[index : index + _ENTRY] for index in range(first, first + count * _ENTRY, _ENTRY))
        pieces.extend((_octal(each[:12]), _octal(each[12:])) for each in fields if each[:12].strip(b" \0"))
        position, layout = position + _BLOCK, _IN_BLOCK
        if len(pieces) > _MAX_PIECES:
            raise LimitExceededError("a sparse file of the tar archive has more pieces than are read")
        if flag >= len(block) or not block[flag]:
            return Sparse(size=size, pieces=tuple(pieces), start=position)
        block = bytes(data[position : position + _BLOCK])


def from_pairs(pax: Mapping[str, str], start: int) -> Sparse:
    """The map of version 0.1, which stands in the extension."""
    numbers = [int(part) for part in pax.get("GNU.sparse.map", "").split(",") if part.isdecimal()]
    size = pax.get("GNU.sparse.size", "")
    return _made(size, numbers, start)


def from_content(data: memoryview, pax: Mapping[str, str], start: int) -> Sparse:
    """The map of version 1.0, which stands in lines before the pieces.

    Raises:
        ParseError: It is damaged.
    """
    lines: list[bytes] = []
    position, rest, wanted = start, b"", 1
    while len(lines) < wanted:
        block = bytes(data[position : position + _BLOCK])
        if not block or wanted > 2 * _MAX_PIECES + 1:
            raise ParseError("map of a sparse file in the tar archive is damaged")
        position += _BLOCK
        *whole, rest = (rest + block).split(b"\n")
        lines.extend(whole)
        if lines and not lines[0].isdigit():
            raise ParseError("map of a sparse file in the tar archive is damaged")
        wanted = 1 + 2 * int(lines[0][:9]) if lines else 1
    numbers = [int(line[:19]) for line in lines[1:wanted] if line.isdigit()]
    return _made(pax.get("GNU.sparse.realsize", ""), numbers, position)


def _made(size: str, numbers: list[int], start: int) -> Sparse:
    pieces = tuple(zip(numbers[::2], numbers[1::2], strict=False))
    end = max((offset + length for offset, length in pieces), default=0)
    return Sparse(size=int(size[:19]) if size.isdecimal() else end, pieces=pieces, start=start)


def _octal(field: bytes) -> int:
    digits = field.strip(b" \0")
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    if digits.strip(b"01234567"):
        raise ParseError("map of a sparse file in the tar archive is damaged")
    return int(digits or b"0", 8)


def _zeros(count: int) -> Iterator[bytes]:
    while count > 0:
        yield bytes(min(count, _CHUNK))
        count -= _CHUNK

"""Snappy in bounds: the framed form, chunk by chunk, of which none comes to more than 64 KiB."""

from __future__ import annotations

from dataclasses import dataclass, field

from keelmark.errors import ParseError

__all__ = ["MAGIC", "SnappyDecompressor", "decode_block"]

MAGIC = b"\xff\x06\x00\x00sNaPpY"
_MAX_PLAIN = 64 * 1024
_MAX_PACKED = 128 * 1024
_PACKED, _PLAIN, _FIRST_SKIPPED, _MARK = 0x00, 0x01, 0x80, 0xFF
_CHECKSUM = 4
_MAX_VARINT = 5


def decode_block(data: bytes) -> bytes:
    """Unpack one block.

    Raises:
        ParseError: The block is damaged, or longer than the framed form allows.
    """
    try:
        length, position = _announced(data)
        out = bytearray()
        while position < len(data):
            position = _step(data, position, out)
            if len(out) > length:
                break
    except IndexError as error:
        raise ParseError("snappy block breaks off") from error
    if len(out) != length:
        raise ParseError("snappy block is broken")
    return bytes(out)


def _announced(data: bytes) -> tuple[int, int]:
    length = 0
    for position in range(_MAX_VARINT):
        length |= (data[position] & 0x7F) << 7 * position
        if data[position] < 0x80:
            if length > _MAX_PLAIN:
                break
            return length, position + 1
    raise ParseError("snappy block is longer than its frame allows")


def _step(data: bytes, position: int, out: bytearray) -> int:
    """One element: bytes as they are, or a copy of earlier ones; where the next one starts."""
    tag, position = data[position], position + 1
    upper, kind = tag >> 2, tag & 3
    if kind == 0:
        width = max(upper - 59, 0)
        count = 1 + (int.from_bytes(data[position : position + width], "little") if width else upper)
        position += width
        if count > len(data) - position:
            raise ParseError("snappy block breaks off")
        out += data[position : position + count]
        return position + count
    if kind == 1:
        offset, count, width = (tag >> 5) << 8 | data[position], 4 + (upper & 7), 1
    else:
        width = 2 if kind == 2 else 4
        offset, count = int.from_bytes(data[position : position + width], "little"), 1 + upper
    start = len(out) - offset
    if offset == 0 or start < 0:
        raise ParseError("snappy block refers to bytes before its start")
    out += (out[start:] * (count // offset + 1))[:count]
    return position + width


@dataclass(slots=True)
class SnappyDecompressor:
    """One stream, with the shape of the decompressors of the standard library. It has no end of its own."""

    eof: bool = False
    needs_input: bool = True
    unused_data: bytes = b""
    _pending: bytearray = field(default_factory=bytearray)

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        """The next bytes, as far as chunks are complete.

        Raises:
            ParseError: Not snappy, or damaged.
        """
        self._pending += data
        parts: list[bytes] = []
        total = position = 0
        while max_length < 0 or total < max_length:
            header = self._pending[position : position + 4]
            size = int.from_bytes(header[1:4], "little")
            end = position + 4 + size
            if len(header) < 4 or end > len(self._pending):
                self.needs_input = True
                break
            parts.append(_chunk(header[0], bytes(self._pending[position + 4 : end])))
            total += len(parts[-1])
            position = end
        else:
            self.needs_input = False
        del self._pending[:position]
        return b"".join(parts)

    def finish(self) -> bool:
        """Whether the stream may end here."""
        return not self._pending


def _chunk(kind: int, content: bytes) -> bytes:
    if kind == _PACKED and _CHECKSUM < len(content) <= _MAX_PACKED:
        return decode_block(content[_CHECKSUM:])
    if kind == _PLAIN and _CHECKSUM <= len(content) <= _MAX_PLAIN + _CHECKSUM:
        return content[_CHECKSUM:]
    if kind == _MARK and content != MAGIC[4:]:
        raise ParseError("snappy stream is broken")
    if kind < _FIRST_SKIPPED:
        raise ParseError("snappy stream holds a chunk of an unknown kind")
    return b""

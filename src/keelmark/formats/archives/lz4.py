"""LZ4 in bounds: frames with their blocks, and the older frames of the command line tool; one block at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

from keelmark.errors import LimitExceededError, ParseError

__all__ = ["FRAME_MAGIC", "LEGACY_MAGIC", "Lz4Decompressor", "decode_block"]

FRAME_MAGIC = b"\x04\x22\x4d\x18"
LEGACY_MAGIC = b"\x02\x21\x4c\x18"
_WINDOW = 64 * 1024
_LEGACY_BLOCK = 8 * 1024**2
_BLOCK_SIZES = {4: 64 * 1024, 5: 256 * 1024, 6: 1024**2, 7: 4 * 1024**2}
_MIN_MATCH = 4
_STORED = 0x80000000


def decode_block(data: bytes, *, history: bytes = b"", max_bytes: int) -> bytes:
    """Unpack one block.

    Args:
        data: The packed block.
        history: What came before it, where blocks depend on each other.
        max_bytes: What a block may come to.

    Raises:
        ParseError: The block is damaged.
        LimitExceededError: It comes to more than `max_bytes`.
    """
    out = bytearray(history)
    start, size, position = len(history), len(data), 0
    try:
        while position < size:
            token = data[position]
            count, position = _length(data, position + 1, token >> 4)
            if count > size - position:
                raise ParseError("lz4 block is broken")
            out += data[position : position + count]
            position += count
            if position == size:
                break
            offset = data[position] | data[position + 1] << 8
            count, position = _length(data, position + 2, token & 15)
            _repeat(out, offset, count + _MIN_MATCH)
            if len(out) - start > max_bytes:
                raise LimitExceededError(f"lz4 block unpacks to more than {max_bytes} bytes")
    except IndexError as error:
        raise ParseError("lz4 block breaks off") from error
    if len(out) - start > max_bytes:
        raise LimitExceededError(f"lz4 block unpacks to more than {max_bytes} bytes")
    return bytes(out[start:])


def _length(data: bytes, position: int, count: int) -> tuple[int, int]:
    if count == 15:
        more = 255
        while more == 255:
            more = data[position]
            position += 1
            count += more
    return count, position


def _repeat(out: bytearray, offset: int, count: int) -> None:
    start = len(out) - offset
    if offset == 0 or start < 0:
        raise ParseError("lz4 block refers to bytes before its start")
    if offset >= count:
        out += out[start : start + count]
    else:
        piece = out[start:]
        out += (piece * (count // offset + 1))[:count]


@dataclass(slots=True)
class Lz4Decompressor:
    """One frame, with the shape of the decompressors of the standard library; `max_length` is rounded up to a block."""

    eof: bool = False
    needs_input: bool = True
    unused_data: bytes = b""
    _pending: bytearray = field(default_factory=bytearray)
    _is_legacy: bool = False
    _block_size: int = 0
    _flags: int = 0
    _history: bytes = b""

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        """The next bytes, as far as blocks are complete.

        Raises:
            ParseError: Not lz4, or damaged.
            LimitExceededError: A block comes to more than its frame allows.
        """
        self._pending += data
        parts: list[bytes] = []
        total = 0
        if not self._block_size and not self._starts():
            return b""
        while not self.eof and (max_length < 0 or total < max_length):
            part = self._block()
            if part is None:
                self.needs_input = True
                return b"".join(parts)
            parts.append(part)
            total += len(part)
        self.needs_input = False
        return b"".join(parts)

    def finish(self) -> bool:
        """Whether the stream may end here: the older frames have no end of their own."""
        return self.eof or (self._is_legacy and not self._pending)

    def _starts(self) -> bool:
        """Read the descriptor of the frame; false when more bytes are needed."""
        pending = self._pending
        if len(pending) < 7:
            return False
        if pending.startswith(LEGACY_MAGIC):
            self._is_legacy, self._block_size = True, _LEGACY_BLOCK
            del pending[:4]
            return True
        if not pending.startswith(FRAME_MAGIC) or pending[4] >> 6 != 1:
            raise ParseError("lz4 frame is broken")
        self._flags = pending[4]
        length = 7 + (8 if self._flags & 0x08 else 0) + (4 if self._flags & 0x01 else 0)
        if len(pending) < length:
            return False
        size = _BLOCK_SIZES.get(pending[5] >> 4 & 7)
        if size is None:
            raise ParseError("lz4 frame states a block size that is none")
        self._block_size = size
        del pending[:length]
        return True

    def _block(self) -> bytes | None:
        """The next block; None when more bytes are needed."""
        pending = self._pending
        if len(pending) < 4:
            return None
        if self._is_legacy and bytes(pending[:4]) in {LEGACY_MAGIC, FRAME_MAGIC}:
            return self._end(0)
        size = int.from_bytes(pending[:4], "little")
        if size == 0 and not self._is_legacy:
            return self._last()
        is_stored = bool(size & _STORED) and not self._is_legacy
        size &= _STORED - 1
        if size > self._block_size + self._block_size // 255 + 16:
            raise ParseError("lz4 block is longer than its frame allows")
        whole = 4 + size + (4 if self._flags & 0x10 else 0)
        if len(pending) < whole:
            return None
        packed = bytes(pending[4 : 4 + size])
        del pending[:whole]
        if is_stored:
            part = packed
        else:
            part = decode_block(packed, history=self._history, max_bytes=self._block_size)
        if not self._is_legacy and not self._flags & 0x20:
            self._history = (self._history + part)[-_WINDOW:]
        return part

    def _last(self) -> bytes | None:
        length = 4 + (4 if self._flags & 0x04 else 0)
        return self._end(length) if len(self._pending) >= length else None

    def _end(self, skipped: int) -> bytes:
        self.unused_data = bytes(self._pending[skipped:])
        self._pending.clear()
        self.eof = True
        return b""

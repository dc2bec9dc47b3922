"""Bounded decompression of zlib, gzip, bzip2 and xz streams into memory."""

from __future__ import annotations

import bz2
import lzma
import zlib
from dataclasses import dataclass
from typing import Protocol

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.cursor import BreaksOffError

__all__ = ["Bounds", "compressor", "decompress", "inflate", "start_of"]

_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of unpacking.

    Attributes:
        max_bytes: Bytes after unpacking.
        max_ratio: Bytes after for each byte before, counted once more than `free_bytes` came out.
    """

    max_bytes: int = 512 * 1024**2
    max_ratio: int = 1000
    free_bytes: int = 16 * 1024**2


class _Stream(Protocol):
    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Inflater:
    """zlib with the shape of the other two."""

    def __init__(self, window: int) -> None:
        self._stream = zlib.decompressobj(window)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        return self._stream.decompress(self._stream.unconsumed_tail + data, max_length)

    @property
    def needs_input(self) -> bool:
        return not self._stream.unconsumed_tail


def compressor(head: bytes) -> str:
    """Name of the compressor that a head belongs to, or empty."""
    if head.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if head[:3] == b"BZh" and head[3:4] in b"123456789" and head[4:10] == b"1AY&SY":
        return "bz2"
    if head.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    if head.startswith(b"\x5d\x00\x00") and len(head) > 13:
        return "lzma"
    if head.startswith(b"\x04\x22\x4d\x18"):
        return "lz4"
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    if len(head) > 2 and head[0] == 0x78 and int.from_bytes(head[:2], "big") % 31 == 0 and not head[1] & 0x20:
        return "zlib"
    return ""


def _stream(name: str) -> _Stream:
    match name:
        case "zlib":
            return _Inflater(15)
        case "deflate":
            return _Inflater(-15)
        case "gzip":
            return _Inflater(31)
        case "bz2":
            return bz2.BZ2Decompressor()
        case "xz" | "lzma":
            return lzma.LZMADecompressor(memlimit=_MAX_LZMA_MEMORY)
        case _:
            raise ParseError(f"compression `{name}` is not read")


_MAX_LZMA_MEMORY = 256 * 1024**2


def start_of(data: memoryview, name: str, *, count: int) -> bytes:
    """The first bytes of a compressed stream, as far as they can be had; empty when there are none."""
    try:
        return _stream(name).decompress(bytes(data[:_CHUNK_BYTES]), count)
    except (zlib.error, OSError, EOFError, lzma.LZMAError, ParseError):
        return b""


def decompress(data: memoryview, name: str, *, bounds: Bounds | None = None) -> bytes:
    """Unpack the first stream that `data` starts with.

    Raises:
        ParseError: Not the compression it claims, or broken.
        BreaksOffError: The end of the stream is missing.
        LimitExceededError: More comes out than the bounds allow.
    """
    limits = bounds or Bounds()
    stream = _stream(name)
    parts: list[bytes] = []
    total = position = 0
    pending = b""
    while not stream.eof:
        wants = getattr(stream, "needs_input", True)
        pending = bytes(data[position : position + _CHUNK_BYTES]) if wants else b""
        position += len(pending)
        if wants and not pending:
            raise BreaksOffError(f"{name} stream breaks off")
        try:
            part = stream.decompress(pending, _CHUNK_BYTES)
        except (zlib.error, OSError, EOFError, lzma.LZMAError) as error:
            raise ParseError(f"{name} stream is broken") from error
        total += len(part)
        if total > limits.max_bytes or (total > limits.free_bytes and total > limits.max_ratio * position):
            raise LimitExceededError(f"{name} stream unpacks to more than is read")
        parts.append(part)
    return b"".join(parts)


def inflate(data: memoryview, *, bounds: Bounds | None = None) -> bytes:
    """Unpack raw deflate, as zip archives hold it."""
    return decompress(data, "deflate", bounds=bounds)

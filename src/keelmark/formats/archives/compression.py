"""Bounded decompression of single streams: zlib, gzip, bzip2, xz, lzma, lz4, snappy and, where a decoder is installed, zstd.

Streams of one kind that follow each other are one content for every loader (gzip, bzip2 and xz files of Python, joblib),
so they are joined here. What came out before a stream broke is kept: loaders that read piece by piece act on it.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats.archives import lz4, snappy, zstandard
from keelmark.formats.archives.container import Stream, afresh
from keelmark.formats.archives.spool import gather, let_go
from keelmark.formats.cursor import BreaksOffError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

__all__ = [
    "Bounds",
    "Unpacked",
    "compressor",
    "decompress",
    "first_bytes",
    "inflate",
    "new_stream",
    "start_of",
    "unpack",
    "unpack_with",
]

_CHUNK_BYTES = 256 * 1024
_LET_GO_BYTES = 16 * 1024**2
_MAX_LZMA_MEMORY = 80 * 1024**2
_MAX_LZMA_SIZE = 2**40
_MAX_HEADER_BYTES = 1024 * 1024
_JOINED = frozenset({"gzip", "bz2", "xz", "zlib", "lz4", "zstd"})
_FAULTS: tuple[type[Exception], ...] = (
    zlib.error,
    OSError,
    EOFError,
    lzma.LZMAError,
    ValueError,
    *zstandard.FAULTS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of unpacking.

    Attributes:
        max_bytes: Bytes after unpacking.
        max_ratio: Bytes after for each byte before, counted once more than `free_bytes` came out.
    """

    max_bytes: int = 512 * 1024**2
    max_ratio: int = 1000
    free_bytes: int = 256 * 1024**2


class _Inflater:
    """zlib with the shape of the others."""

    def __init__(self, window: int) -> None:
        self._stream = zlib.decompressobj(window)
        self._is_full = False

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        part = self._stream.decompress(self._stream.unconsumed_tail + data, max_length)
        # A full answer may hide more that zlib holds back without any input left.
        self._is_full = len(part) >= max_length > 0
        return part

    @property
    def needs_input(self) -> bool:
        return not self._stream.unconsumed_tail and not self._is_full


class _Framed:
    """Raw deflate in the frame of gzip or zlib. What comes out is handed on before its checksum is compared.

    Loaders that read piece by piece act on it before they meet the end; the library would keep the last piece to itself.

    Args:
        header_length: Bytes before the data, None as long as that cannot be told; raises `ValueError` for no header.
        trailer_bytes: Bytes behind the data, of which the checksum is the first part.
        checksum: Continues the checksum over a piece.
        start: Checksum of nothing.
        order: Byte order of the checksum in the trailer.
    """

    def __init__(
        self,
        header_length: Callable[[bytes], int | None],
        *,
        trailer_bytes: int,
        checksum: Callable[[bytes, int], int],
        start: int,
        order: Literal["little", "big"],
    ) -> None:
        self._header_length = header_length
        self._trailer_bytes = trailer_bytes
        self._checksum = checksum
        self._sum = start
        self._order = order
        self._inner = _Inflater(-15)
        self._header: bytes | None = b""
        self._trailer = b""
        self.eof = False

    @property
    def unused_data(self) -> bytes:
        return self._trailer[self._trailer_bytes :] if self._inner.eof else b""

    @property
    def needs_input(self) -> bool:
        if self._inner.eof:
            return len(self._trailer) < self._trailer_bytes
        return self._header is not None or self._inner.needs_input

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        if self._inner.eof:
            self._trailer += data
            self._finish()
            return b""
        if self._header is not None:
            self._header += data
            length = self._header_length(self._header)
            if length is None:
                if len(self._header) > _MAX_HEADER_BYTES:
                    raise ValueError("header without end")
                return b""
            data, self._header = self._header[length:], None
        part = self._inner.decompress(data, max_length)
        self._sum = self._checksum(part, self._sum)
        self._meet_end(is_empty=not part)
        return part

    def _meet_end(self, *, is_empty: bool) -> None:
        if self._inner.eof:
            self._trailer = self._inner.unused_data
            if is_empty:
                self._finish()

    def _finish(self) -> None:
        if len(self._trailer) < self._trailer_bytes:
            return
        if int.from_bytes(self._trailer[:4], self._order) != self._sum:
            raise ValueError("checksum is wrong")
        self.eof = True


def _gzip_header(data: bytes) -> int | None:
    """Length of a gzip header (RFC 1952): ten bytes, then what its flags announce."""
    if len(data) < 10:
        return None
    if data[:3] != b"\x1f\x8b\x08":
        raise ValueError("no gzip header")
    flags, place = data[3], 10
    if flags & 4:
        place += 2 + int.from_bytes(data[10:12], "little")
    for flag in (8, 16):
        if flags & flag:
            end = data.find(b"\0", place)
            if end < 0:
                return None
            place = end + 1
    place += 2 if flags & 2 else 0
    return place if len(data) >= place else None


def _zlib_header(data: bytes) -> int | None:
    """Length of a zlib header (RFC 1950); a preset dictionary is not known to anybody here."""
    if len(data) < 2:
        return None
    if data[0] & 0x0F != 8 or int.from_bytes(data[:2], "big") % 31 or data[1] & 0x20:
        raise ValueError("no zlib header")
    return 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """What came out of a compressed view.

    Attributes:
        content: All of it, or what came out before `error`.
        consumed: Bytes of the view that belong to whole streams; the rest follows the end.
        streams: Streams that were joined.
        error: Why it ended early.
        crc: CRC-32 of the content, taken while it came out.
    """

    content: memoryview
    consumed: int
    streams: int = 1
    crc: int = 0
    error: KeelmarkError | None = None


def compressor(head: bytes) -> str:
    """Name of the compressor that a head belongs to, or empty."""
    if len(head) < 3:
        return ""
    first = head[0]
    if first == 0x1F and head[1:3] == b"\x8b\x08":
        return "gzip"
    if first == 0x42 and head[:3] == b"BZh" and head[3:4] in b"123456789" and head[4:10] in _BZIP_BLOCKS:
        return "bz2"
    if first == 0xFD and head.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    if head.startswith((lz4.FRAME_MAGIC, lz4.LEGACY_MAGIC)):
        return "lz4"
    if head.startswith(snappy.MAGIC):
        return "snappy"
    if head.startswith(b"\x28\xb5\x2f\xfd") or (head[1:4] == b"\x2a\x4d\x18" and 0x50 <= first <= 0x5F):
        return "zstd"
    if first == 0x78 and int.from_bytes(head[:2], "big") % 31 == 0 and not head[1] & 0x20:
        return "zlib"
    return "lzma" if _is_lzma(head) else ""


# The first block, or the end of an empty stream.
_BZIP_BLOCKS = (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")


def _is_lzma(head: bytes) -> bool:
    """Whether a head is one that lzma tools write: usual properties, a round dictionary, a size that can be."""
    if len(head) < 14 or head[0] != 0x5D or head[13] != 0:
        return False
    dictionary, size = int.from_bytes(head[1:5], "little"), int.from_bytes(head[5:13], "little")
    rounded = dictionary & (dictionary - 1)
    return dictionary >= 4096 and not rounded & (rounded - 1) and (size == 2**64 - 1 or size < _MAX_LZMA_SIZE)


def new_stream(name: str) -> Stream:
    """A decompressor by name.

    Raises:
        ParseError: There is none of that name.
    """
    match name:
        case "zlib":
            return _Framed(_zlib_header, trailer_bytes=4, checksum=zlib.adler32, start=1, order="big")
        case "deflate":
            return _Inflater(-15)
        case "gzip":
            return _Framed(_gzip_header, trailer_bytes=8, checksum=zlib.crc32, start=0, order="little")
        case "bz2":
            return bz2.BZ2Decompressor()
        case "xz" | "lzma":
            return lzma.LZMADecompressor(memlimit=_MAX_LZMA_MEMORY)
        case "lz4":
            return lz4.Lz4Decompressor()
        case "snappy":
            return snappy.SnappyDecompressor()
        case "zstd":
            return zstandard.decompressor()
        case _:
            raise ParseError(f"compression `{name}` is not read")


def start_of(data: memoryview, name: str, *, count: int) -> bytes:
    """The first bytes of a compressed stream, as far as they can be had; empty when there are none."""
    try:
        return first_bytes(data, lambda: new_stream(name), count=count)
    except KeelmarkError:
        return b""


def first_bytes(data: memoryview, make: Callable[[], Stream], *, count: int) -> bytes:
    """The first bytes that a stream gives, as far as they can be had.

    Raises:
        ParseError: Nothing comes out.
        LimitExceededError: It asks for more memory than it gets.
    """
    out = b""
    try:
        for part in _pieces(data, make(), _Progress(), count):
            out += part
            if len(out) >= count:
                break
    except KeelmarkError:
        if not out:
            raise
    return out[:count]


def decompress(data: memoryview, name: str, *, bounds: Bounds | None = None) -> memoryview:
    """Unpack the streams that `data` starts with.

    Raises:
        ParseError: Not the compression it claims, or broken.
        BreaksOffError: The end of the stream is missing.
        LimitExceededError: More comes out than the bounds allow.
    """
    limits = bounds or Bounds()

    def spend(total: int, packed: int) -> None:
        if total > limits.max_bytes or (total > limits.free_bytes and total > limits.max_ratio * packed):
            raise LimitExceededError(f"{name} stream unpacks to more than is read")

    done = unpack(data, name, spend=spend)
    if done.error is not None:
        raise afresh(done.error)
    return done.content


def inflate(data: memoryview, *, bounds: Bounds | None = None) -> memoryview:
    """Unpack raw deflate, as zip archives hold it."""
    return decompress(data, "deflate", bounds=bounds)


def unpack(data: memoryview, name: str, *, spend: Callable[[int, int], None]) -> Unpacked:
    """Unpack the streams that `data` starts with, and keep what came out before a fault.

    Args:
        data: The streams and what follows them.
        name: As `compressor` names it.
        spend: Told after each piece how many bytes came out and went in altogether; raises to end it.
    """
    return unpack_with(data, lambda: new_stream(name), spend=spend, joined=name if name in _JOINED else "")


def unpack_with(
    data: memoryview, make: Callable[[], Stream], *, spend: Callable[[int, int], None], joined: str = ""
) -> Unpacked:
    """As `unpack`, with a decompressor that the caller makes."""
    walk = _Walk(data=data, make=make, spend=spend, joined=joined)
    content = gather(walk.pieces())
    return Unpacked(
        content=content, consumed=walk.consumed, streams=walk.streams, crc=walk.crc, error=walk.error
    )


@dataclass(slots=True)
class _Progress:
    """Places of one stream: bytes handed in, and where it ended."""

    handed: int = 0
    end: int = 0


@dataclass(slots=True, kw_only=True)
class _Walk:
    """Streams one after the other."""

    data: memoryview
    make: Callable[[], Stream]
    spend: Callable[[int, int], None]
    joined: str
    consumed: int = 0
    streams: int = 0
    total: int = 0
    crc: int = 0
    error: KeelmarkError | None = None

    def pieces(self) -> Iterator[bytes]:
        released = 0
        try:
            while True:
                progress = _Progress()
                for part in _pieces(self.data[self.consumed :], self.make(), progress, _CHUNK_BYTES):
                    self.total += len(part)
                    self.crc = zlib.crc32(part, self.crc)
                    handed = self.consumed + progress.handed
                    self.spend(self.total, handed)
                    yield part
                    if handed - released > _LET_GO_BYTES:
                        let_go(self.data)
                        released = handed
                self.consumed += progress.end
                self.streams += 1
                if not self._goes_on():
                    return
        except KeelmarkError as error:
            self.error = afresh(error)

    def _goes_on(self) -> bool:
        if not self.joined:
            return False
        if self.joined == "xz":  # padding in fours may stand between
            while bytes(self.data[self.consumed : self.consumed + 4]) == bytes(4):
                self.consumed += 4
        return compressor(bytes(self.data[self.consumed : self.consumed + 32])) == self.joined


def _pieces(data: memoryview, stream: Stream, progress: _Progress, size: int) -> Iterator[bytes]:
    """What one stream gives, piece by piece."""
    while not stream.eof:
        pending = b""
        if stream.needs_input:
            pending = bytes(data[progress.handed : progress.handed + _CHUNK_BYTES])
            progress.handed += len(pending)
            if not pending:
                if isinstance(stream, lz4.Lz4Decompressor | snappy.SnappyDecompressor) and stream.finish():
                    break
                raise BreaksOffError("compressed stream breaks off")
        try:
            part = stream.decompress(pending, size)
        except _FAULTS as error:
            if "emory" in str(error):
                raise LimitExceededError("compressed stream asks for more memory than it gets") from error
            raise ParseError("compressed stream is broken") from error
        if part:
            yield part
    progress.end = progress.handed - len(stream.unused_data)

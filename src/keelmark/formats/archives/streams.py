"""Single compressed streams as containers of one member, `content`: gzip, bzip2, xz, lzma, zlib, lz4, snappy, zstd."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.facts import Technique
from keelmark.formats.archives import zstandard
from keelmark.formats.archives.compression import compressor, new_stream, start_of
from keelmark.formats.archives.container import Budget, Opened, UnsupportedError
from keelmark.formats.archives.packed import Packed

if TYPE_CHECKING:
    from keelmark.formats.archives.compression import Unpacked
    from keelmark.formats.source import Source

__all__ = ["CONTAINER", "CONTENT", "StreamContainer"]

CONTENT = "content"
"""Name of the one member of a stream."""
# zlib and lzma have magics so short that other files start like them.
_WEAK = frozenset({"zlib", "lzma"})
_LOOK_BYTES = 512
# Deflate with a window of 256 bytes to 16 KiB: so rare that only a stream that is right to its end, or for long, is one.
_SMALL_WINDOWS = frozenset(range(0x08, 0x78, 0x10))


@dataclass(frozen=True, slots=True)
class StreamContainer:
    """Opens files that are compressed as a whole."""

    name: str = "stream"

    def recognises(self, source: Source) -> bool:
        """By the magic; where that is short, something has to come out as well."""
        packed = compressor(source.head[:64])
        if not packed:
            return _has_small_window(source.head)
        if packed not in _WEAK:
            return True
        return bool(start_of(memoryview(source.head), packed, count=_LOOK_BYTES))

    def open(self, source: Source, budget: Budget) -> Opened:
        """One member, which continues over all streams of the same kind.

        Raises:
            UnsupportedError: There is no decoder.
        """
        packed = compressor(source.head[:64]) or "zlib"
        if packed == "zstd" and not zstandard.is_here():
            raise UnsupportedError(zstandard.MISSING)
        opened = Opened(format=packed)
        data = source.data

        def check(done: Unpacked) -> None:
            rest = data[done.consumed :]
            if len(rest) and bytes(rest[:_LOOK_BYTES]).strip(b"\0"):
                opened.warn(
                    Technique.HIDDEN_DATA,
                    f"{len(rest)} bytes follow the end of the {packed} stream",
                    offset=done.consumed,
                )

        content = Packed(
            name=CONTENT,
            size=-1,
            data=data,
            make=lambda: new_stream(packed),
            budget=budget,
            opened=opened,
            joined=packed,
            check=check,
        )
        opened.members = (content.member(),)
        return opened


def _has_small_window(head: bytes) -> bool:
    if head[:1] == b"" or head[0] not in _SMALL_WINDOWS or int.from_bytes(head[:2], "big") % 31:
        return False
    stream = zlib.decompressobj()
    try:
        return len(stream.decompress(head, _LOOK_BYTES)) == _LOOK_BYTES or stream.eof
    except zlib.error:
        return False


CONTAINER = StreamContainer()

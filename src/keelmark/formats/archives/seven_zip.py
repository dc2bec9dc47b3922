"""7z archives as containers: contents that are copied, or packed with LZMA, LZMA2, deflate, bzip2, zstd or lz4."""

from __future__ import annotations

import lzma
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats.archives.compression import new_stream, unpack_with
from keelmark.formats.archives.container import (
    Budget,
    EncryptedError,
    Opened,
    UnsupportedError,
    afresh,
    view_of,
)
from keelmark.formats.archives.lzma_raw import lzma1, lzma2
from keelmark.formats.archives.names import Places
from keelmark.formats.archives.seven_zip_header import Header, Streams, parse_files, parse_streams
from keelmark.formats.cursor import BreaksOffError, Cursor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.archives.container import Member, Stream
    from keelmark.formats.archives.seven_zip_header import Coder, File, Folder
    from keelmark.formats.source import Source

__all__ = ["CONTAINER", "MAGIC", "SevenZipContainer"]

MAGIC = b"7z\xbc\xaf\x27\x1c"
_SIGNATURE_BYTES = 32
_HEADER, _ENCODED = 0x01, 0x17
_FILES, _MAIN, _PROPERTIES, _ADDITIONAL = 0x05, 0x04, 0x02, 0x03
_MAX_HEADER = 32 * 1024**2
_MAX_ENCODINGS = 4
_COPY, _AES, _LZMA, _LZMA2 = b"\x00", b"\x06\xf1\x07\x01", b"\x03\x01\x01", b"\x21"
_NAMED = {
    b"\x04\x01\x08": "deflate",
    b"\x04\x02\x02": "bz2",
    b"\x04\xf7\x11\x01": "zstd",
    b"\x04\xf7\x11\x04": "lz4",
}
_FILTERS = {
    b"\x03\x03\x01\x03": lzma.FILTER_X86,
    b"\x04": lzma.FILTER_X86,
    b"\x03\x03\x02\x05": lzma.FILTER_POWERPC,
    b"\x05": lzma.FILTER_POWERPC,
    b"\x03\x03\x04\x01": lzma.FILTER_IA64,
    b"\x06": lzma.FILTER_IA64,
    b"\x03\x03\x05\x01": lzma.FILTER_ARM,
    b"\x07": lzma.FILTER_ARM,
    b"\x03\x03\x07\x01": lzma.FILTER_ARMTHUMB,
    b"\x08": lzma.FILTER_ARMTHUMB,
    b"\x03\x03\x08\x05": lzma.FILTER_SPARC,
    b"\x09": lzma.FILTER_SPARC,
}
_DELTA = b"\x03"
# Branch filters hold the last bytes back where a stream has no end of its own.
_HELD_BACK = 8
_LINK, _KIND, _MAX_TARGET = 0o120000, 0o170000, 4096


@dataclass(frozen=True, slots=True)
class SevenZipContainer:
    """Opens 7z archives."""

    name: str = "7z"

    def recognises(self, source: Source) -> bool:
        """By the magic."""
        return source.head.startswith(MAGIC)

    def open(self, source: Source, budget: Budget) -> Opened:
        """Every file, folder by folder.

        Raises:
            ParseError: The header is damaged, encrypted or packed in a way that is not read.
            LimitExceededError: It is longer than is read.
        """
        opened = Opened(format=self.name)
        data = source.data
        header = _header(data, opened, budget)
        opened.members = _members(data, header, opened, budget)
        return opened


def _header(data: memoryview, opened: Opened, budget: Budget) -> Header:
    cursor = Cursor(data, position=12)
    offset, length, checksum = cursor.unsigned(8), cursor.unsigned(8), cursor.unsigned(4)
    if not length:
        return Header(streams=Streams(), files=())
    if length > _MAX_HEADER:
        raise LimitExceededError(f"header of {length} bytes in the 7z archive is longer than is read")
    cursor.seek(min(_SIGNATURE_BYTES + offset, len(data) + 1))
    body = cursor.take(length)
    if zlib.crc32(body) != checksum:
        opened.miss(ParseError("checksum of the header of the 7z archive is wrong"))
    for _ in range(_MAX_ENCODINGS):
        cursor = Cursor(body)
        kind = cursor.unsigned(1)
        if kind == _HEADER:
            return _plain_header(cursor)
        if kind != _ENCODED:
            break
        streams = parse_streams(cursor)
        if len(streams.folders) != 1 or streams.folders[0].size > _MAX_HEADER:
            break
        body = _content(data, streams.folders[0], place=streams.place, packed=streams.packed, budget=budget)
    raise ParseError("header of the 7z archive is damaged")


def _plain_header(cursor: Cursor) -> Header:
    no_files: tuple[File, ...] = ()
    streams, files = Streams(), no_files
    while cursor.left and (kind := cursor.unsigned(1)):
        if kind == _MAIN:
            streams = parse_streams(cursor)
        elif kind == _FILES:
            files = parse_files(cursor)
        else:
            raise UnsupportedError("header of the 7z archive has parts that are not read")
    return Header(streams=streams, files=files)


def _members(data: memoryview, header: Header, opened: Opened, budget: Budget) -> Iterator[Member]:
    filled = iter(file for file in header.files if file.has_content)
    places = Places()
    for file in header.files:
        if wrong := places.of_member(file.name):
            opened.warn(wrong[0], f"`{file.name[:200]}`: {wrong[1]}", subject=file.name)
    place, taken = header.streams.place, 0
    for folder in header.streams.folders:
        packed = header.streams.packed[taken : taken + folder.packed]
        files = [file for file, size in zip(filled, _sizes(folder), strict=False) if size >= 0]
        try:
            content = _content(data, folder, place=place, packed=packed, budget=budget, opened=opened)
        except KeelmarkError as error:
            opened.miss(afresh(error), _together(files))
        else:
            yield from _cut(content, folder, files, opened=opened, places=places)
        place, taken = place + sum(packed), taken + folder.packed


def _sizes(folder: Folder) -> Iterator[int]:
    yield from (size for size in folder.parts if size >= 0)


def _together(files: list[File]) -> str:
    first = files[0].name if files else "a folder without files"
    return first if len(files) < 2 else f"{first} and {len(files) - 1} more"


def _cut(
    content: memoryview, folder: Folder, files: list[File], *, opened: Opened, places: Places
) -> Iterator[Member]:
    position = 0
    for file, size in zip(files, _sizes(folder), strict=False):
        piece = content[position : position + size]
        position += size
        if file.mode & _KIND == _LINK and size <= _MAX_TARGET:
            wrong = places.of_link(file.name, bytes(piece).decode("utf-8", "replace"))
            if wrong is not None:
                opened.warn(wrong[0], f"`{file.name[:200]}`: {wrong[1]}", subject=file.name)
        yield view_of(file.name, piece)


def _content(
    data: memoryview,
    folder: Folder,
    *,
    place: int,
    packed: list[int],
    budget: Budget,
    opened: Opened | None = None,
) -> memoryview:
    """What comes out of a folder.

    Raises:
        EncryptedError: It needs a password.
        UnsupportedError: It is packed in a way that is not read.
        ParseError: It is damaged.
        LimitExceededError: More comes out than may.
    """
    if any(coder.method == _AES for coder in folder.coders):
        raise EncryptedError("content of the 7z archive is encrypted")
    if not folder.is_linear or len(packed) != 1:
        raise UnsupportedError("content of the 7z archive is packed in several streams, which is not read")
    start = _SIGNATURE_BYTES + place
    if start + packed[0] > len(data):
        raise BreaksOffError("7z archive breaks off in its content")
    coders = [coder for coder in folder.coders if coder.method != _COPY]
    content = data[start : start + packed[0]]
    if not coders:
        return content[: folder.size]
    first, *filters = coders
    before = tuple(_filter(coder) for coder in reversed(filters))
    done = unpack_with(content, lambda: _decoder(first, folder.size, before), spend=budget.meter())
    missing = folder.size - len(done.content)
    if done.error is not None and missing > (_HELD_BACK if before else 0):
        if opened is None or not len(done.content):
            raise afresh(done.error)
        opened.miss(done.error, "content of the 7z archive")
    return done.content


def _decoder(coder: Coder, size: int, before: tuple[dict[str, int], ...]) -> Stream:
    if coder.method == _LZMA:
        return lzma1(coder.properties, size=size, before=before)
    if coder.method == _LZMA2:
        return lzma2(coder.properties, size=size, before=before)
    name = _NAMED.get(coder.method)
    if name is None or before:
        raise UnsupportedError(f"7z method {coder.method.hex()} is not read")
    return new_stream(name)


def _filter(coder: Coder) -> dict[str, int]:
    if coder.method == _DELTA:
        return {"id": lzma.FILTER_DELTA, "dist": (coder.properties[0] if coder.properties else 0) + 1}
    if coder.method not in _FILTERS:
        raise UnsupportedError(f"7z method {coder.method.hex()} is not read")
    return {"id": _FILTERS[coder.method]}


CONTAINER = SevenZipContainer()

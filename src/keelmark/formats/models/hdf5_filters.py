"""Filters of HDF5 through which chunks of small values go: deflate, shuffle and checksums. Others are left packed."""

from __future__ import annotations

import zlib

from keelmark.formats.cursor import Cursor

__all__ = ["filters_of", "unfiltered"]

_DEFLATE, _SHUFFLE, _CHECKSUM = 1, 2, 3
_MAX_FILTERS = 32


def filters_of(content: memoryview) -> tuple[int, ...]:
    """Numbers of the filters of a dataset, in the order of writing.

    Raises:
        ParseError: The message breaks off.
    """
    cursor = Cursor(content)
    version, count = cursor.unsigned(1), cursor.unsigned(1)
    cursor.skip(6 if version == 1 else 0)
    found = []
    for _ in range(min(count, _MAX_FILTERS)):
        number = cursor.unsigned(2)
        length = cursor.unsigned(2) if version == 1 or number >= 256 else 0
        cursor.skip(2)
        values = cursor.unsigned(2)
        cursor.skip(length + (-length % 8 if version == 1 else 0))
        cursor.skip(4 * (values + (values % 2 if version == 1 else 0)))
        found.append(number)
    return tuple(found)


def unfiltered(chunk: memoryview, filters: tuple[int, ...], size: int, *, limit: int) -> memoryview | None:
    """The bytes of a chunk before its filters; None when one of them is not known or breaks.

    Args:
        chunk: As it stands in the file.
        filters: In the order of writing.
        size: Of one element.
        limit: No more than this is unpacked.
    """
    content = chunk
    for number in reversed(filters):
        if number == _DEFLATE:
            try:
                content = memoryview(zlib.decompressobj().decompress(content, limit))
            except zlib.error:
                return None
        elif number == _SHUFFLE:
            content = _unshuffled(bytes(content), size)
        elif number == _CHECKSUM:
            content = content[:-4]
        else:
            return None
    return content


def _unshuffled(content: bytes, size: int) -> memoryview:
    """First bytes of all elements stand first, then all second bytes, and so on."""
    count = len(content) // max(size, 1)
    out = bytearray(content)
    for index in range(size if size > 1 else 0):
        out[index : count * size : size] = content[index * count : (index + 1) * count]
    return memoryview(bytes(out))

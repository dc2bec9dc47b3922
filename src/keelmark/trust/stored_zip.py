"""Zip archives in exactly one form: the same parts always are the same bytes, and no other bytes are read.

Members are stored, not compressed: what compression makes of the same bytes differs from library to library, and what is
stored cannot grow when it is read. Names are plain, in their order, each once; times are those that zip begins with.
An archive is read by its parts, built again from them, and refused when a single byte differs, so that nothing can hide in
fields, between members or behind the end. Nothing is ever unpacked to a disk.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.errors import LimitExceededError, ParseError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Bounds", "build", "parse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of an archive.

    Attributes:
        max_members: Files in it.
        max_bytes: Bytes of the whole; far below where the form of zip changes.
        max_name: Characters of a name.
    """

    max_members: int = 16
    max_bytes: int = 256 * 1024**2
    max_name: int = 64


_BOUNDS = Bounds()
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")
_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
# Version 2.0, no flags, stored, midnight of 1 January 1980.
_COMMON = struct.pack("<HHHHH", 20, 0, 0, 0, 0x21)
_SIZES = struct.Struct("<IIIHH")
_LOCAL_BYTES = len(_LOCAL) + len(_COMMON) + _SIZES.size
_MADE_ON_UNIX = struct.pack("<H", 3 << 8 | 20)
_PLAIN_FILE = 0o100644 << 16
_DAMAGED = "take it again from where it was made"


def build(members: Mapping[str, bytes], *, bounds: Bounds = _BOUNDS) -> bytes:
    """The archive of these files.

    Raises:
        LimitExceededError: They are too many or too large.
        ParseError: A name is not plain.
    """
    if len(members) > bounds.max_members:
        raise LimitExceededError(f"archive has more than {bounds.max_members} files")
    if sum(map(len, members.values())) > bounds.max_bytes:
        raise LimitExceededError(f"archive is longer than {bounds.max_bytes} bytes")
    body, index = bytearray(), bytearray()
    for name in sorted(members):
        content = members[name]
        plain = _plain(name, bounds)
        sizes = _SIZES.pack(zlib.crc32(content), len(content), len(content), len(plain), 0)
        place = struct.pack("<HHHII", 0, 0, 0, _PLAIN_FILE, len(body))
        index += _CENTRAL + _MADE_ON_UNIX + _COMMON + sizes + place + plain
        body += _LOCAL + _COMMON + sizes + plain + content
    count = len(members)
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(index), len(body), 0)
    return bytes(body + index + _END + end)


def parse(data: bytes, *, bounds: Bounds = _BOUNDS) -> dict[str, bytes]:
    """The files of an archive, by name.

    Raises:
        ParseError: It is not exactly what `build` makes of them.
        LimitExceededError: It is too large.
    """
    if len(data) > bounds.max_bytes:
        raise LimitExceededError(f"archive is longer than {bounds.max_bytes} bytes")
    members: dict[str, bytes] = {}
    at = 0
    while data.startswith(_LOCAL, at) and len(members) < bounds.max_members:
        start = at + _LOCAL_BYTES
        if start > len(data):
            raise ParseError("archive breaks off", hint=_DAMAGED)
        _, size, _, name_size, _ = _SIZES.unpack_from(data, start - _SIZES.size)
        name = data[start : start + min(name_size, bounds.max_name + 1)].decode("latin-1")
        at = start + name_size + size
        members[name] = data[start + name_size : at]
    if not members or build(members, bounds=bounds) != data:
        raise ParseError("archive is not in the one form that Keelmark writes: it was changed", hint=_DAMAGED)
    return members


def _plain(name: str, bounds: Bounds) -> bytes:
    if not 0 < len(name) <= bounds.max_name or not _LETTERS.issuperset(name) or name.startswith("."):
        raise ParseError("archive has a name that is not plain", hint=_DAMAGED)
    return name.encode("ascii")

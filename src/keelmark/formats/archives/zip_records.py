"""The records of a zip archive as they stand in the file: end records, directory entries, local headers."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from keelmark.errors import ParseError
from keelmark.formats.cursor import BreaksOffError, Cursor

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "ENTRY",
    "LOCAL",
    "End",
    "Local",
    "Member",
    "end_places",
    "entry_at",
    "find_end",
    "is_end",
    "local_at",
    "read_end",
]

END, END_BYTES = b"PK\x05\x06", 22
LOCATOR, LOCATOR_BYTES = b"PK\x06\x07", 20
END_64, END_64_BYTES = b"PK\x06\x06", 56
ENTRY, ENTRY_BYTES = b"PK\x01\x02", 46
LOCAL, LOCAL_BYTES = b"PK\x03\x04", 30
TAIL_BYTES = END_BYTES + 0xFFFF
_FULL_32 = 0xFFFFFFFF
_MAX_ENDS = 64
_END_FORM = struct.Struct("<4s4H2LH")
_END_64_FORM = struct.Struct("<4sQ2H2L4Q")
_ENTRY_FORM = struct.Struct("<4s6H3L5H2L")
_LOCAL_FORM = struct.Struct("<4s5H3L2H")
_UTF8, _ENCRYPTED = 0x0800, 0x0001
_UNICODE_PATH, _WIDE = 0x7075, 0x0001


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Where an end record says that the directory is.

    Attributes:
        place: First byte of the record.
        upper: First byte behind the directory: the record itself, or that of a large archive.
        count: Entries.
        length: Bytes of the directory.
        start: First byte of the directory, counted from wherever the archive starts.
        comment: Bytes that follow the record, as it states them.
        disks: Whether the archive claims to lie on several disks.
        contradicts: Whether the record for large archives says something else.
    """

    place: int
    upper: int
    count: int
    length: int
    start: int
    comment: int
    disks: bool = False
    contradicts: bool = False


class Member(NamedTuple):
    """One entry of the directory; archives have many, so that it is a tuple.

    Attributes:
        raw: The name as it stands in the file.
        other_name: A second name in Unicode that some readers prefer; "" when there is none.
        mode: Mode of Unix, 0 when the archive states none.
    """

    name: str
    method: int
    packed: int
    size: int
    offset: int
    is_encrypted: bool = False
    flags: int = 0
    crc: int = 0
    raw: bytes = b""
    other_name: str = ""
    mode: int = 0


class Local(NamedTuple):
    """One local header; `start` is the first byte of the content."""

    flags: int
    method: int
    crc: int
    packed: int
    size: int
    raw: bytes
    start: int


def is_end(data: bytes | memoryview) -> bool:
    """Whether an end record could start here."""
    return len(data) >= END_BYTES and bytes(data[:4]) == END


def end_places(tail: bytes) -> Iterator[int]:
    """Places in the tail of a file where an end record may start, the last first, at most 64."""
    found = tail.rfind(END, 0, max(len(tail) - END_BYTES + 4, 0))
    for _ in range(_MAX_ENDS):
        if found < 0:
            return
        yield found
        found = tail.rfind(END, 0, found)


def find_end(data: memoryview) -> tuple[End, int]:
    """The end record that readers use, the last, and where its directory starts in the file.

    Raises:
        BreaksOffError: There is none.
        ParseError: None leads to a directory.
    """
    base = max(0, len(data) - TAIL_BYTES)
    fault: ParseError | None = None
    for place in end_places(bytes(data[base:])):
        try:
            end = read_end(data, base + place)
            return end, directory_start(data, end)
        except ParseError as error:
            fault = fault or error
    if fault is not None:
        raise fault
    raise BreaksOffError("archive has no directory at its end")


def read_end(data: memoryview, place: int) -> End:
    """The end record at a place, with that for large archives when it is announced.

    Raises:
        ParseError: The record for large archives is damaged.
    """
    _, disk, first, here, count, length, start, comment = _END_FORM.unpack_from(data, place)
    disks = (disk not in {0, 0xFFFF}) or (first not in {0, 0xFFFF}) or here != count
    locator = place - LOCATOR_BYTES
    if locator < 0 or bytes(data[locator : locator + 4]) != LOCATOR:
        return End(
            place=place, upper=place, count=count, length=length, start=start, comment=comment, disks=disks
        )
    stated = int.from_bytes(data[locator + 8 : locator + 16], "little")
    before = locator - END_64_BYTES
    is_before = before >= 0 and bytes(data[before : before + 4]) == END_64
    upper = before if is_before else stated
    if not 0 <= upper <= len(data) - END_64_BYTES or bytes(data[upper : upper + 4]) != END_64:
        raise ParseError("directory of the large archive is damaged")
    wide = _END_64_FORM.unpack_from(data, upper)
    elsewhere = (
        is_before
        and stated != before
        and stated <= len(data) - END_64_BYTES
        and bytes(data[stated : stated + 4]) == END_64
    )
    pairs = ((count, wide[7], 0xFFFF), (length, wide[8], _FULL_32), (start, wide[9], _FULL_32))
    differs = any(short not in {full, long} for short, long, full in pairs)
    return End(
        place=place,
        upper=upper,
        count=wide[7],
        length=wide[8],
        start=wide[9],
        comment=comment,
        disks=wide[4] != 0 or wide[5] != 0 or wide[6] != wide[7],
        contradicts=differs or elsewhere,
    )


def directory_start(data: memoryview, end: End) -> int:
    """First byte of the directory: it stands before its end, else where the record says.

    Raises:
        ParseError: There is no directory at either place.
    """
    for place in (end.upper - end.length, end.start):
        if 0 <= place < end.upper and bytes(data[place : place + 4]) == ENTRY:
            return place
    if end.count == 0:
        return end.upper
    raise ParseError("directory of the archive is damaged")


def entry_at(data: memoryview, position: int) -> tuple[Member, int]:
    """The directory entry at a place, and the place behind it.

    Raises:
        ParseError: There is none, or it breaks off.
    """
    if position + ENTRY_BYTES > len(data) or bytes(data[position : position + 4]) != ENTRY:
        raise ParseError("directory of the archive is damaged")
    fields = _ENTRY_FORM.unpack_from(data, position)
    flags, method, crc, packed, size = fields[3], fields[4], fields[7], fields[8], fields[9]
    name_length, extra_length, comment_length, external, offset = (
        fields[10],
        fields[11],
        fields[12],
        fields[15],
        fields[16],
    )
    position += ENTRY_BYTES
    after = position + name_length + extra_length + comment_length
    if after > len(data):
        raise BreaksOffError("directory of the archive breaks off")
    raw = bytes(data[position : position + name_length])
    extra = data[position + name_length : position + name_length + extra_length]
    size, packed, offset = _wide(extra, size=size, packed=packed, offset=offset)
    return Member(
        name=_text(raw, flags),
        method=method,
        packed=packed,
        size=size,
        offset=offset,
        is_encrypted=bool(flags & _ENCRYPTED),
        flags=flags,
        crc=crc,
        raw=raw,
        other_name=_unicode_path(extra) if extra_length > 8 else "",
        mode=external >> 16,
    ), after


def local_at(data: memoryview, position: int) -> Local:
    """The local header at a place.

    Raises:
        ParseError: There is none, or it breaks off.
    """
    if not 0 <= position <= len(data) - LOCAL_BYTES:
        raise BreaksOffError(f"archive points to byte {position}, outside of {len(data)} bytes")
    mark, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL_FORM.unpack_from(
        data, position
    )
    if mark != LOCAL:
        raise ParseError("a member is not where the directory says")
    named = position + LOCAL_BYTES
    start = named + name_length + extra_length
    if start > len(data):
        raise BreaksOffError("a local header breaks off")
    extra = data[named + name_length : start]
    size, packed, _ = _wide(extra, size=size, packed=packed, offset=0)
    raw = bytes(data[named : named + name_length])
    return Local(flags=flags, method=method, crc=crc, packed=packed, size=size, raw=raw, start=start)


def _text(raw: bytes, flags: int) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace") if flags & _UTF8 else raw.decode("cp437")


def _fields(extra: memoryview) -> Iterator[tuple[int, memoryview]]:
    cursor = Cursor(extra)
    while cursor.left >= 4:
        kind, length = cursor.unsigned(2), cursor.unsigned(2)
        yield kind, cursor.take(min(length, cursor.left))


def _wide(extra: memoryview, *, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    """Sizes and place of a large member, which stand in its extra field."""
    if _FULL_32 not in {size, packed, offset}:
        return size, packed, offset
    for kind, content in _fields(extra):
        if kind == _WIDE:
            body = Cursor(content)
            size = body.unsigned(8) if size == _FULL_32 and body.left >= 8 else size
            packed = body.unsigned(8) if packed == _FULL_32 and body.left >= 8 else packed
            offset = body.unsigned(8) if offset == _FULL_32 and body.left >= 8 else offset
            break
    return size, packed, offset


def _unicode_path(extra: memoryview) -> str:
    for kind, content in _fields(extra):
        if kind == _UNICODE_PATH and len(content) > 5:
            return bytes(content[5:]).decode("utf-8", "replace")
    return ""

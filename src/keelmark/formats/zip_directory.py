"""The central directory of a zip archive, and its members one at a time in bounds; nothing is written to disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.compression import Bounds as UnpackBounds
from keelmark.formats.compression import inflate, start_of
from keelmark.formats.cursor import BreaksOffError, Cursor

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Bounds", "EncryptedError", "Member", "ZipDirectory", "is_zip"]

_END, _END_BYTES = b"PK\x05\x06", 22
_LOCATOR, _LOCATOR_BYTES = b"PK\x06\x07", 20
_END_64, _END_64_BYTES = b"PK\x06\x06", 56
_ENTRY = b"PK\x01\x02"
_LOCAL, _LOCAL_BYTES = b"PK\x03\x04", 30
_MAX_COMMENT = 0xFFFF
_STORED, _DEFLATED = 0, 8
_FULL_32, _FULL_16 = 0xFFFFFFFF, 0xFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of an archive."""

    max_members: int = 200_000
    max_member_bytes: int = 256 * 1024**2
    max_ratio: int = 1000


class EncryptedError(ParseError):
    """A member cannot be read without its password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One entry of the directory."""

    name: str
    method: int
    packed: int
    size: int
    offset: int
    is_encrypted: bool = False


def is_zip(head: bytes) -> bool:
    """Whether the head is that of a zip archive."""
    return head.startswith((_LOCAL, _END))


class ZipDirectory:
    """The members of an archive, in order of its central directory.

    Args:
        data: The archive.
        bounds: Bounds of reading.

    Raises:
        ParseError: No zip archive, or a damaged one.
        LimitExceededError: More members than are read.
    """

    def __init__(self, data: memoryview, *, bounds: Bounds | None = None) -> None:
        self._data = data
        self._bounds = bounds or Bounds()
        self._shift = 0
        self.members: dict[str, Member] = {}
        self.duplicates: list[str] = []
        for member in self._entries():
            if member.name in self.members:
                self.duplicates.append(member.name)
            self.members[member.name] = member

    def _entries(self) -> Iterator[Member]:
        start, count = self._directory()
        if count > self._bounds.max_members:
            raise LimitExceededError(f"archive of {count} members is larger than {self._bounds.max_members}")
        cursor = Cursor(self._data, position=start)
        for _ in range(count):
            yield _entry(cursor)

    def _directory(self) -> tuple[int, int]:
        size = len(self._data)
        tail_start = max(0, size - _END_BYTES - _MAX_COMMENT)
        found = bytes(self._data[tail_start:]).rfind(_END)
        if found < 0:
            raise BreaksOffError("archive has no directory at its end")
        end = tail_start + found
        cursor = Cursor(self._data, position=end + 10)
        count, length, start = cursor.unsigned(2), cursor.unsigned(4), cursor.unsigned(4)
        locator = end - _LOCATOR_BYTES
        if locator >= 0 and bytes(self._data[locator : locator + 4]) == _LOCATOR:
            end, count, length, start = self._large_end(locator)
        # Bytes put before an archive shift it; loaders follow, so the reader does.
        self._shift = max(end - length - start, 0)
        return start + self._shift, count

    def _large_end(self, locator: int) -> tuple[int, int, int, int]:
        """Place, count of members, length and start of the directory, as a large archive states them."""
        cursor = Cursor(self._data, position=locator + 8)
        place = locator - _END_64_BYTES
        if place < 0 or bytes(self._data[place : place + 4]) != _END_64:
            place = cursor.unsigned(8)
        cursor.seek(place)
        if bytes(cursor.take(4)) != _END_64:
            raise ParseError("directory of the large archive is damaged")
        cursor.skip(28)
        return place, cursor.unsigned(8), cursor.unsigned(8), cursor.unsigned(8)

    def read(self, name: str, *, max_bytes: int | None = None) -> memoryview:
        """The content of a member: a view of the file when stored, else unpacked.

        Raises:
            ParseError: There is no such member, or it is damaged.
            EncryptedError: It needs a password.
            LimitExceededError: It is longer than `max_bytes`.
        """
        member = self.members.get(name)
        if member is None:
            raise ParseError(f"archive has no member `{name}`")
        if member.is_encrypted:
            raise EncryptedError(f"member `{name}` is encrypted")
        packed = self._packed(member)
        if member.method == _STORED:
            return packed
        limit = min(max_bytes or self._bounds.max_member_bytes, self._bounds.max_member_bytes)
        if member.method != _DEFLATED:
            raise ParseError(f"member `{name}` uses compression {member.method}, which is not read")
        if member.size > limit:
            raise LimitExceededError(f"member `{name}` of {member.size} bytes is longer than {limit}")
        bounds = UnpackBounds(max_bytes=limit, max_ratio=self._bounds.max_ratio)
        return memoryview(inflate(packed, bounds=bounds))

    def read_start(self, name: str, *, count: int) -> memoryview:
        """The first bytes of a member, fewer when it is shorter.

        Raises:
            ParseError: There is no such member, or it is damaged.
            EncryptedError: It needs a password.
        """
        member = self.members.get(name)
        if member is None or member.is_encrypted or member.method != _DEFLATED:
            return self.read(name)[:count]
        return memoryview(start_of(self._packed(member), "deflate", count=count))

    def _packed(self, member: Member) -> memoryview:
        cursor = Cursor(self._data, position=0)
        cursor.seek(member.offset + self._shift)
        if bytes(cursor.take(4)) != _LOCAL:
            raise ParseError(f"member `{member.name}` is not where the directory says")
        cursor.skip(_LOCAL_BYTES - 8)
        name_length, extra_length = cursor.unsigned(2), cursor.unsigned(2)
        cursor.skip(name_length + extra_length)
        return cursor.take(member.packed)


def _entry(cursor: Cursor) -> Member:
    if bytes(cursor.take(4)) != _ENTRY:
        raise ParseError("directory of the archive is damaged")
    cursor.skip(4)
    flags, method = cursor.unsigned(2), cursor.unsigned(2)
    cursor.skip(8)
    sizes = {"packed": cursor.unsigned(4), "size": cursor.unsigned(4)}
    name_length, extra_length, comment_length = cursor.unsigned(2), cursor.unsigned(2), cursor.unsigned(2)
    cursor.skip(8)
    offset = cursor.unsigned(4)
    name = cursor.text(name_length, max_bytes=_FULL_16)
    extra = cursor.take(extra_length)
    cursor.skip(comment_length)
    size, packed, offset = _wide(extra, size=sizes["size"], packed=sizes["packed"], offset=offset)
    return Member(
        name=name, method=method, packed=packed, size=size, offset=offset, is_encrypted=bool(flags & 0x1)
    )


def _wide(extra: memoryview, *, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    """Sizes and place of a large member, which stand in its extra field."""
    if _FULL_32 not in {size, packed, offset}:
        return size, packed, offset
    cursor = Cursor(extra)
    while cursor.left >= 4:
        kind, length = cursor.unsigned(2), cursor.unsigned(2)
        if kind != 1:
            cursor.skip(min(length, cursor.left))
            continue
        body = Cursor(cursor.take(length))
        size = body.unsigned(8) if size == _FULL_32 else size
        packed = body.unsigned(8) if packed == _FULL_32 else packed
        offset = body.unsigned(8) if offset == _FULL_32 else offset
        break
    return size, packed, offset

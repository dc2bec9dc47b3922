"""The central directory of a zip archive, and its members one at a time in bounds; nothing is written under a name.

Loaders differ in what they forgive. This reader forgives what any of them does, returns the bytes, and notes it.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.archives.compression import Unpacked, first_bytes, new_stream, unpack_with
from keelmark.formats.archives.container import EncryptedError, UnsupportedError, afresh
from keelmark.formats.archives.lzma_raw import lzma1
from keelmark.formats.archives.spool import let_go
from keelmark.formats.archives.zip_records import (
    END,
    ENTRY,
    LOCAL,
    Local,
    Member,
    entry_at,
    find_end,
    local_at,
)
from keelmark.formats.cursor import BreaksOffError

if TYPE_CHECKING:
    import lzma
    from collections.abc import Callable

    from keelmark.formats.archives.container import Stream

__all__ = ["Bounds", "Discrepancy", "Member", "ZipDirectory", "is_zip"]

_STORED, _LZMA = 0, 14
_METHODS = {8: "deflate", 12: "bz2", 93: "zstd", 20: "zstd", 95: "xz"}
_NAMES = {
    1: "shrink",
    6: "implode",
    9: "deflate64",
    96: "jpeg",
    97: "wavpack",
    98: "ppmd",
    99: "AES encryption",
}
_LET_GO_EVERY = 512
_MAX_CHECKED = 4 * 1024**2
_MAX_NOTES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of an archive."""

    max_members: int = 100_000
    max_member_bytes: int = 256 * 1024**2
    max_ratio: int = 1000
    free_bytes: int = 256 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """Something that readers of archives take differently: about which member, and what."""

    subject: str
    detail: str
    is_checksum: bool = False


def is_zip(head: bytes) -> bool:
    """Whether the head is that of a zip archive."""
    return head.startswith((LOCAL, END))


# Of a local header, without the name and what follows it.
_LOCAL_LENGTH = 30


class ZipDirectory:
    """The members of an archive, in order of its central directory.

    Args:
        data: The archive.
        bounds: Bounds of reading.

    Attributes:
        members: By name; of several with one name the last, as Python takes it.
        entries: All of them, repeats included.
        duplicates: Names that stand twice.
        notes: What readers of this archive would disagree about, as far as it was met.
        start: First byte of the directory.
        after: First byte behind it.
        shift: Bytes by which the places that the archive states are off, because something was put before it.

    Raises:
        ParseError: No zip archive, or a damaged one.
        LimitExceededError: More members than are read.
    """

    def __init__(self, data: memoryview, *, bounds: Bounds | None = None) -> None:
        self.data = data
        self._bounds = bounds or Bounds()
        self.members: dict[str, Member] = {}
        self.entries: list[Member] = []
        self.duplicates: list[str] = []
        self.notes: list[Discrepancy] = []
        self.end, self.start = find_end(data)
        # Bytes put before an archive shift it; loaders follow, so the reader does. A tool that knew of them did not.
        self.after = self._read_entries()
        self.shift = self._shift()
        self._compare_end()
        self._find_overlaps()

    def _shift(self) -> int:
        shift = self.start - self.end.start
        if not shift or not self.entries or self._has_local(shift) or not self._has_local(0):
            return shift if self.entries else 0
        self.note("", "the end record misstates where the directory is")
        return 0

    def _has_local(self, shift: int) -> bool:
        place = max(self.entries[0].offset + shift, 0)
        return bytes(self.data[place : place + 4]) == LOCAL

    def _read_entries(self) -> int:
        position = self.start
        while position < self.end.upper and bytes(self.data[position : position + 4]) == ENTRY:
            if len(self.entries) >= self._bounds.max_members:
                raise LimitExceededError(f"archive has more than {self._bounds.max_members} members")
            member, position = entry_at(self.data, position)
            if member.name in self.members:
                self.duplicates.append(member.name)
            self.members[member.name] = member
            self.entries.append(member)
            if not len(self.entries) % _LET_GO_EVERY:
                let_go(self.data)
        if len(self.entries) < self.end.count and not self.end.disks and position < self.end.upper:
            raise ParseError("directory of the archive is damaged")
        return position

    def _compare_end(self) -> None:
        end = self.end
        if len(self.entries) % 0x10000 != end.count % 0x10000:
            self.note(
                "", f"the end record counts {end.count} members, the directory holds {len(self.entries)}"
            )
        if self.after - self.start != end.length and self.entries:
            self.note(
                "",
                f"the end record states a directory of {end.length} bytes, it has {self.after - self.start}",
            )
        if self.start != end.start and bytes(self.data[end.start : end.start + 4]) == ENTRY:
            self.note("", "the end record points to one directory, and another stands before it")
        if end.contradicts:
            self.note("", "the end records for small and for large archives contradict each other")
        if end.disks:
            self.note("", "the end record speaks of several disks")

    def _find_overlaps(self) -> None:
        """Members that share bytes: a small archive that unpacks to a huge one, or one content under two names."""
        end = 0
        for member in sorted(self.entries, key=lambda each: each.offset):
            if member.offset < end:
                self.note(member.name, f"`{member.name}` lies over the bytes of another member")
            end = max(end, member.offset + _LOCAL_LENGTH + len(member.raw) + member.packed)

    def note(self, subject: str, detail: str, *, is_checksum: bool = False) -> None:
        """Remember something that readers disagree about."""
        found = Discrepancy(subject=subject, detail=detail, is_checksum=is_checksum)
        if len(self.notes) < _MAX_NOTES and found not in self.notes:
            self.notes.append(found)

    def read(self, name: str, *, max_bytes: int | None = None) -> memoryview:
        """The content of a member: a view of the file when stored, else unpacked.

        A wrong checksum, a wrong size and a flag of encryption over plain content change nothing but `notes`.

        Raises:
            ParseError: There is no such member, or it is damaged.
            EncryptedError: It needs a password.
            LimitExceededError: It is longer than `max_bytes`.
        """
        member = self._member(name)
        limit = min(max_bytes or self._bounds.max_member_bytes, self._bounds.max_member_bytes)
        packed = self.packed(member)
        if member.method == _STORED:
            self.check(member, packed)
            return packed
        if member.size > limit:
            raise LimitExceededError(f"member `{name}` of {member.size} bytes is longer than {limit}")

        def spend(total: int, taken: int) -> None:
            if total > limit or (
                total > self._bounds.free_bytes and total > self._bounds.max_ratio * max(taken, 1)
            ):
                raise LimitExceededError(f"member `{name}` unpacks to more than is read")

        done = self.unpack(member, spend=spend)
        if done.error is not None:
            if isinstance(done.error, LimitExceededError) or not len(done.content):
                raise afresh(done.error)
            self.note(name, f"`{name}` breaks while it is unpacked")
        else:
            self.check(member, done.content, crc=done.crc)
        return done.content

    def read_start(self, name: str, *, count: int) -> memoryview:
        """The first bytes of a member, fewer when it is shorter.

        Raises:
            ParseError: There is no such member, or it is damaged.
            EncryptedError: It needs a password.
        """
        return memoryview(self.start_of(self._member(name), count=count))

    def start_of(self, member: Member, *, count: int) -> bytes:
        """As `read_start`, of an entry."""
        packed = self.packed(member)
        if member.method == _STORED:
            return bytes(packed[:count])
        return first_bytes(packed, self.decompressor(member), count=count)

    def packed(self, member: Member) -> memoryview:
        """The bytes of a member as they stand in the file.

        Raises:
            ParseError: The member is not where the directory says.
            EncryptedError: It needs a password.
        """
        local = self.local(member)
        if local.start + member.packed > len(self.data):
            raise BreaksOffError(f"member `{member.name}` breaks off")
        packed = self.data[local.start : local.start + member.packed]
        if member.is_encrypted:
            self._refuse_encrypted(member, packed)
        return packed

    def _refuse_encrypted(self, member: Member, packed: memoryview) -> None:
        """Some loaders ignore the flag; content that is plain all the same is read as they read it."""
        is_plain = False
        if member.method == _STORED:
            is_plain = member.packed == member.size
        elif member.method in _METHODS:
            try:
                done = unpack_with(packed, self.decompressor(member), spend=_spend_little)
                is_plain = isinstance(done.error, LimitExceededError) or len(done.content) == member.size
            except ParseError:
                is_plain = False
        if not is_plain:
            raise EncryptedError(f"member `{member.name}` is encrypted")
        self.note(member.name, f"`{member.name}` is marked as encrypted and is not")

    def unpack(self, member: Member, *, spend: Callable[[int, int], None]) -> Unpacked:
        """What comes out of a compressed member.

        Raises:
            ParseError: The member is not where the directory says, or of a compression that is not read.
            EncryptedError: It needs a password.
        """
        done = unpack_with(self.packed(member), self.decompressor(member), spend=spend)
        if isinstance(done.error, BreaksOffError) and len(done.content) == member.size:
            # Some compressions have no end of their own.
            return replace(done, consumed=member.packed, error=None)
        return done

    def decompressor(self, member: Member) -> Callable[[], Stream]:
        """Makes decompressors for a member.

        Raises:
            UnsupportedError: Of a compression that is not read.
        """
        if member.method == _LZMA:
            return lambda: _zip_lzma(member.size)
        name = _METHODS.get(member.method)
        if name is None:
            known = _NAMES.get(member.method, f"of number {member.method}")
            raise UnsupportedError(f"member `{member.name}` uses compression {known}, which is not read")
        return lambda: new_stream(name)

    def local(self, member: Member) -> Local:
        """The local header of a member.

        Raises:
            ParseError: It is not where the directory says.
        """
        try:
            return local_at(self.data, member.offset + self.shift)
        except BreaksOffError:
            raise
        except ParseError as error:
            raise ParseError(f"member `{member.name}` is not where the directory says") from error

    def check(self, member: Member, content: memoryview, *, crc: int | None = None) -> None:
        """Compare size and checksum of a content with what the directory states.

        Args:
            member: Whose content it is.
            content: All of it.
            crc: Its checksum when it is known; it is computed for short content only otherwise.
        """
        if len(content) != member.size:
            self.note(
                member.name,
                f"`{member.name}` has {len(content)} bytes, the directory states {member.size}",
            )
            return
        if crc is None and len(content) <= _MAX_CHECKED:
            crc = zlib.crc32(content)
        if crc is not None and crc != member.crc:
            self.note(member.name, f"the checksum of `{member.name}` is wrong", is_checksum=True)

    def _member(self, name: str) -> Member:
        member = self.members.get(name)
        if member is None:
            raise ParseError(f"archive has no member `{name}`")
        return member


def _spend_little(total: int, _: int) -> None:
    if total > 1024**2:
        raise LimitExceededError("enough was seen")


class _ZipLzma:
    """LZMA as zip archives hold it: its properties stand before the stream."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._head = b""
        self._stream: lzma.LZMADecompressor | None = None

    @property
    def eof(self) -> bool:
        return self._stream is not None and self._stream.eof

    @property
    def needs_input(self) -> bool:
        return self._stream is None or self._stream.needs_input

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data if self._stream is not None else b""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        if self._stream is None:
            self._head += data
            if len(self._head) < 9:
                return b""
            length = int.from_bytes(self._head[2:4], "little")
            self._stream = lzma1(self._head[4 : 4 + length], size=self._size)
            data = self._head[4 + length :]
        return self._stream.decompress(data, max_length)


def _zip_lzma(size: int) -> Stream:
    return _ZipLzma(size)

"""The ground of an HDF5 file: superblock, object headers and their messages. Nothing here knows what a message means.

Layout: HDF5 File Format Specification, version 3.0, sections II and IV.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.cursor import Cursor

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Bounds", "File", "Message", "Shared", "signature_at"]

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_PLACES = (0, 512, 1024, 2048, 4096)
_CONTINUATION = 0x10
_SHARED_FLAG = 2
_V2 = b"OHDR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a walk through one file."""

    max_objects: int = 300_000
    max_messages: int = 100_000
    max_blocks: int = 4_096
    max_links: int = 1_000_000
    max_value_bytes: int = 64 * 1024**2
    max_elements: int = 200_000


@dataclass(frozen=True, slots=True)
class Message:
    """One message of an object header."""

    kind: int
    flags: int
    content: memoryview

    @property
    def is_shared(self) -> bool:
        """Whether the content tells where the message stands instead of being it."""
        return bool(self.flags & _SHARED_FLAG)


@dataclass(frozen=True, slots=True)
class Shared:
    """Where a shared message stands: in the header of an object, or in a heap of its own."""

    address: int
    in_heap: bool


def signature_at(head: bytes) -> int:
    """Place of the signature, -1 when none stands where the format allows one."""
    return next((place for place in _PLACES if head[place : place + 8] == _SIGNATURE), -1)


class File:
    """Addresses, widths and headers of one file.

    Args:
        data: The file.
        bounds: Bounds of the walk.

    Raises:
        ParseError: The superblock is none.
    """

    def __init__(self, data: memoryview, bounds: Bounds | None = None) -> None:
        self.data = data
        self.bounds = bounds or Bounds()
        self.offset_width = self.length_width = 8
        self.base = 0
        self.root = 0
        self._superblock(signature_at(bytes(data[: _PLACES[-1] + 8])))

    def _superblock(self, place: int) -> None:
        if place < 0:
            raise ParseError("no signature of HDF5")
        cursor = Cursor(self.data, position=place + 8)
        version = cursor.unsigned(1)
        if version <= 1:
            cursor.skip(4)
            self._widths(cursor)
            cursor.skip(1 + 2 + 2 + 4 + (4 if version else 0))
            self.base = cursor.unsigned(self.offset_width)
            cursor.skip(4 * self.offset_width)  # free space, end, driver; name of the root
            self.root = cursor.unsigned(self.offset_width)
        elif version <= 3:
            self._widths(cursor)
            cursor.skip(1)
            self.base = cursor.unsigned(self.offset_width)
            cursor.skip(2 * self.offset_width)
            self.root = cursor.unsigned(self.offset_width)
        else:
            raise ParseError(f"superblock of version {version} is not read")

    def _widths(self, cursor: Cursor) -> None:
        self.offset_width, self.length_width = cursor.unsigned(1), cursor.unsigned(1)
        if self.offset_width not in {2, 4, 8} or self.length_width not in {2, 4, 8}:
            raise ParseError("widths of addresses are none that the format has")

    def at(self, address: int) -> Cursor:
        """A cursor at an address.

        Raises:
            BreaksOffError: The address lies outside.
        """
        cursor = Cursor(self.data)
        cursor.seek(self.base + address)
        return cursor

    def is_set(self, address: int) -> bool:
        """Whether an address is one, and not the mark for none."""
        return address != (1 << 8 * self.offset_width) - 1

    def address(self, cursor: Cursor) -> int:
        """The next address."""
        return cursor.unsigned(self.offset_width)

    def length(self, cursor: Cursor) -> int:
        """The next length."""
        return cursor.unsigned(self.length_width)

    def messages(self, address: int) -> Iterator[Message]:
        """Messages of the object header at an address, in order, through all of its blocks.

        Raises:
            ParseError: It is none, or damaged.
            LimitExceededError: More messages or blocks than are read.
        """
        cursor = self.at(address)
        is_new = bytes(cursor.data[cursor.position : cursor.position + 4]) == _V2
        flags, start, size = self._new_start(cursor) if is_new else (0, *self._old_start(cursor))
        blocks = [(start, size)]
        seen = {start}
        count = 0
        while blocks:
            start, size = blocks.pop(0)
            for message in self._block(start, size, is_new=is_new, flags=flags):
                count += 1
                if count > self.bounds.max_messages:
                    raise LimitExceededError("object has more messages than are read")
                if message.kind != _CONTINUATION:
                    yield message
                    continue
                further = self._continuation(message.content, is_new=is_new)
                if further[0] not in seen:
                    seen.add(further[0])
                    blocks.append(further)
                if len(seen) > self.bounds.max_blocks:
                    raise LimitExceededError("object header has more blocks than are read")

    def _old_start(self, cursor: Cursor) -> tuple[int, int]:
        if cursor.unsigned(1) != 1:
            raise ParseError("no object header where one is pointed to")
        cursor.skip(7)
        size = cursor.unsigned(4)
        cursor.skip(4)
        return cursor.position, size

    def _new_start(self, cursor: Cursor) -> tuple[int, int, int]:
        cursor.skip(4)
        if cursor.unsigned(1) != 2:
            raise ParseError("object header of a version that is not read")
        flags = cursor.unsigned(1)
        cursor.skip((16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0))
        size = cursor.unsigned(1 << (flags & 3))
        return flags, cursor.position, size

    def _continuation(self, content: memoryview, *, is_new: bool) -> tuple[int, int]:
        cursor = Cursor(content)
        start = self.base + self.address(cursor)
        size = self.length(cursor)
        if not is_new:
            return start, size
        if bytes(self.data[start : start + 4]) != b"OCHK" or size < 8:
            raise ParseError("object header goes on where no block stands")
        return start + 4, size - 8

    def _block(self, start: int, size: int, *, is_new: bool, flags: int) -> Iterator[Message]:
        cursor = Cursor(self.data)
        cursor.seek(start)
        block = Cursor(cursor.take(size))
        head = (6 if flags & 4 else 4) if is_new else 8
        while block.left >= head:
            kind = block.unsigned(1 if is_new else 2)
            length = block.unsigned(2)
            marks = block.unsigned(1)
            block.skip(head - (4 if is_new else 5))
            yield Message(kind, marks, block.take(length))

    def shared(self, content: memoryview) -> Shared:
        """Where a shared message stands.

        Raises:
            ParseError: Of a version that is not read.
        """
        cursor = Cursor(content)
        version, kind = cursor.unsigned(1), cursor.unsigned(1)
        if version == 1:
            cursor.skip(6)
        elif version not in {2, 3}:
            raise ParseError("shared message of a version that is not read")
        in_heap = version == 3 and kind == 1
        return Shared(0 if in_heap else self.address(cursor), in_heap)

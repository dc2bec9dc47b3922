"""Walks the tree of an HDF5 file: every group, attribute, link and dataset that whoever opens the file can reach."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.cursor import Cursor
from keelmark.formats.models.hdf5_file import File
from keelmark.formats.models.hdf5_filters import filters_of, unfiltered
from keelmark.formats.models.hdf5_heaps import FractalHeap, GlobalHeap, LocalHeap, records
from keelmark.formats.models.hdf5_objects import may_be_pickle
from keelmark.formats.models.hdf5_values import (
    Attribute,
    Kind,
    attribute,
    count_of,
    elements,
    kind_of,
    layout_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from keelmark.formats.models.hdf5_file import Message

__all__ = ["Found", "Outside", "tree"]

_SPACE, _LINKS, _KIND, _LINK, _EXTERNAL, _LAYOUT, _FILTERS = 0x01, 0x02, 0x03, 0x06, 0x07, 0x08, 0x0B
_ATTRIBUTE, _TABLE, _ATTRIBUTES = 0x0C, 0x11, 0x15
_HARD, _SOFT, _AWAY = 0, 1, 64
_MAX_SLOTS = 4096
_MAX_DATA = 16 * 1024**2
_VIRTUAL = bytes_pattern(rb"([\x20-\x7e]{1,900})\x00([\x20-\x7e]{1,900})\x00")


@dataclass(frozen=True, slots=True)
class Outside:
    """A file that something inside refers to: by which kind of reference, and where it stands."""

    file: str
    what: str
    path: str


@dataclass(slots=True)
class Found:
    """What the walk meets.

    Attributes:
        attributes: Those of bytes, with the path of their object.
        values: Elements of small datasets that are bytes and no text: pickles are kept so.
        outside: References to other files.
        names: Names of the links of the root.
        objects: Count of what was walked.
    """

    attributes: list[tuple[str, Attribute]] = field(default_factory=list)
    values: list[tuple[str, bytes]] = field(default_factory=list)
    outside: list[Outside] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    objects: int = 0


def tree(file: File) -> Found:
    """Everything that can be reached from the root.

    Raises:
        ParseError: Damaged.
        LimitExceededError: More than is read.
    """
    walk = _Walk(file=file, heap=GlobalHeap(file))
    walk.run()
    return walk.found


@dataclass(slots=True, kw_only=True)
class _Walk:
    file: File
    heap: GlobalHeap
    found: Found = field(default_factory=Found)
    _pending: deque[tuple[int, str]] = field(default_factory=deque)
    _seen: set[int] = field(default_factory=set)
    _bytes: int = 0
    _swept: bool = False

    def run(self) -> None:
        self._push(self.file.root, "")
        while self._pending:
            address, path = self._pending.popleft()
            self.found.objects += 1
            if self.found.objects > self.file.bounds.max_objects:
                raise LimitExceededError("file has more objects than are read")
            self._object(address, path)

    def _push(self, address: int, path: str) -> None:
        if address not in self._seen:
            self._seen.add(address)
            self._pending.append((address, path))
        if len(self._seen) > self.file.bounds.max_links:
            raise LimitExceededError("file has more links than are read")

    def _object(self, address: int, path: str) -> None:
        data: dict[int, Message] = {}
        for message in self.file.messages(address):
            match message.kind:
                case 0x0C:
                    self._attribute(self._content(message, _ATTRIBUTE), path)
                case 0x15:
                    self._attributes(message.content, path)
                case 0x06:
                    self._link(message.content, path)
                case 0x02:
                    self._links(message.content, path)
                case 0x11:
                    self._table(message.content, path)
                case 0x07:
                    self._external(message.content, path)
                case _:
                    data.setdefault(message.kind, message)
        if _LAYOUT in data and _KIND in data:
            self._dataset(data, path)

    def _content(self, message: Message, kind: int) -> memoryview:
        """The content of a message, wherever it stands."""
        if not message.is_shared:
            return message.content
        return self._elsewhere(message.content, kind)

    def _elsewhere(self, content: memoryview, kind: int) -> memoryview:
        place = self.file.shared(content)
        if place.in_heap:
            raise ParseError("messages are shared in a heap, which is not read")
        for message in self.file.messages(place.address):
            if message.kind == kind and not message.is_shared:
                return message.content
        raise ParseError("a shared message is not where it is said to be")

    def _attribute(self, content: memoryview, path: str) -> None:
        read = attribute(content, self.heap, lambda part: self._elsewhere(part, _KIND))
        if any(read.values):
            self._spend(sum(map(len, read.values)))
            self.found.attributes.append((path, read))

    def _spend(self, count: int) -> None:
        self._bytes += count
        if self._bytes > 2 * self.file.bounds.max_value_bytes:
            raise LimitExceededError("file holds more text than is read")

    def _attributes(self, content: memoryview, path: str) -> None:
        cursor = Cursor(content)
        cursor.skip(1)
        cursor.skip(2 if cursor.unsigned(1) & 1 else 0)
        for value in self._dense(cursor):
            self._attribute(value, path)

    def _links(self, content: memoryview, path: str) -> None:
        cursor = Cursor(content)
        cursor.skip(1)
        cursor.skip(8 if cursor.unsigned(1) & 1 else 0)
        for value in self._dense(cursor):
            self._link(value, path)

    def _dense(self, cursor: Cursor) -> Iterator[memoryview]:
        """What a heap keeps, by the index of names."""
        heap, index = self.file.address(cursor), self.file.address(cursor)
        if self.file.is_set(heap) and self.file.is_set(index):
            kept = FractalHeap(self.file, heap)
            for identity in records(self.file, index):
                yield kept.value(identity)

    def _link(self, content: memoryview, path: str) -> None:
        cursor = Cursor(content)
        cursor.skip(1)
        flags = cursor.unsigned(1)
        kind = cursor.unsigned(1) if flags & 8 else _HARD
        cursor.skip((8 if flags & 4 else 0) + (1 if flags & 16 else 0))
        name = bytes(cursor.take(cursor.unsigned(1 << (flags & 3)))).decode("utf-8", "backslashreplace")
        child = self._named(path, name)
        if kind == _HARD:
            self._push(self.file.address(cursor), child)
        elif kind == _AWAY:
            value = bytes(cursor.take(cursor.unsigned(2)))
            self._away(value[1:].partition(b"\x00")[0], "a link", child)
        elif kind != _SOFT:
            raise ParseError(f"link of kind {kind}, which only a program of its own can follow")

    def _named(self, path: str, name: str) -> str:
        if not path:
            self.found.names.add(name[:200])
        return f"{path}/{name}"[-300:]

    def _away(self, file: bytes, what: str, path: str) -> None:
        self.found.outside.append(Outside(file.decode("utf-8", "backslashreplace"), what, path))
        if len(self.found.outside) > _MAX_SLOTS:
            raise LimitExceededError("file refers to more files than are read")

    def _table(self, content: memoryview, path: str) -> None:
        """An old group: names in a heap, entries in the leaves of a tree."""
        cursor = Cursor(content)
        root, heap = self.file.address(cursor), LocalHeap(self.file, self.file.address(cursor))
        pending, seen = [root], {root}
        while pending:
            cursor = self.file.at(pending.pop())
            mark = bytes(cursor.take(4))
            if mark == b"SNOD":
                self._entries(cursor, heap, path)
                continue
            if mark != b"TREE" or cursor.unsigned(1) != 0:
                raise ParseError("group without a tree where one is pointed to")
            cursor.skip(1)
            count = cursor.unsigned(2)
            cursor.skip(2 * self.file.offset_width)
            for _ in range(count):
                cursor.skip(self.file.length_width)
                child = self.file.address(cursor)
                if child not in seen:
                    seen.add(child)
                    pending.append(child)

    def _entries(self, cursor: Cursor, heap: LocalHeap, path: str) -> None:
        cursor.skip(2)
        for _ in range(cursor.unsigned(2)):
            name, address = cursor.unsigned(self.file.offset_width), self.file.address(cursor)
            kind = cursor.unsigned(4)
            cursor.skip(20)
            child = self._named(path, heap.text(name))
            if kind != 2:  # a soft link leads to another place inside
                self._push(address, child)

    def _external(self, content: memoryview, path: str) -> None:
        """Datasets whose bytes stand in other files."""
        cursor = Cursor(content)
        cursor.skip(6)
        used = min(cursor.unsigned(2), _MAX_SLOTS)
        heap = LocalHeap(self.file, self.file.address(cursor))
        for _ in range(used):
            name = heap.text(self.file.length(cursor))
            cursor.skip(2 * self.file.length_width)
            self._away(name.encode("utf-8", "replace"), "a dataset", path)

    def _dataset(self, data: dict[int, Message], path: str) -> None:
        layout = layout_of(data[_LAYOUT].content, self.file)
        if layout.virtual is not None:
            self._virtual(bytes(self.heap.value(*layout.virtual)), path)
            return
        kind = kind_of(self._content(data[_KIND], _KIND))
        if not _may_hold_objects(kind) or _SPACE not in data:
            return
        if layout.run is not None:
            count = count_of(self._content(data[_SPACE], _SPACE), self.file.length_width)
            if kind.is_variable or len(layout.run) <= _MAX_DATA:
                self._values(path, elements(layout.run, kind, count, heap=self.heap))
            elif may_be_pickle(bytes(layout.run[:2])):
                self._values(path, (bytes(layout.run[:_MAX_DATA]),))
        elif layout.chunk is not None:
            self._chunked((layout.chunk,), data.get(_FILTERS), kind, path)
        elif layout.chunks >= 0 and self.file.is_set(layout.chunks):
            self._chunked(self._chunks(layout.chunks, layout.rank), data.get(_FILTERS), kind, path)
        elif layout.is_indexed and kind.is_variable:
            self._sweep(path)

    def _chunked(self, chunks: Iterable[memoryview], filters: Message | None, kind: Kind, path: str) -> None:
        steps = filters_of(filters.content) if filters is not None else ()
        for chunk in chunks:
            content = unfiltered(chunk, steps, kind.size, limit=_MAX_DATA)
            if content is not None:
                count = len(content) // max(kind.size, 1)
                self._values(path, elements(content, kind, count, heap=self.heap))
            elif kind.is_variable:
                self._sweep(path)

    def _sweep(self, path: str) -> None:
        """What chunks point to that are not followed stands unpacked elsewhere in the file."""
        if not self._swept:
            self._swept = True
            self._values(path, self.heap.sweep())

    def _values(self, path: str, values: Iterable[bytes]) -> None:
        for value in values:
            if may_be_pickle(value):
                self._spend(len(value))
                self.found.values.append((path, value))

    def _chunks(self, address: int, rank: int) -> Iterator[memoryview]:
        """Chunks of a dataset in order of its tree, as many as are looked at."""
        pending, seen = [address], {address}
        total = 0
        while pending:
            cursor = self.file.at(pending.pop())
            if bytes(cursor.take(4)) != b"TREE" or cursor.unsigned(1) != 1:
                raise ParseError("dataset without a tree where one is pointed to")
            level, count = cursor.unsigned(1), cursor.unsigned(2)
            cursor.skip(2 * self.file.offset_width)
            for _ in range(count):
                size = cursor.unsigned(4)
                cursor.skip(4 + 8 * rank)
                child = self.file.address(cursor)
                if level:
                    if child not in seen:
                        seen.add(child)
                        pending.append(child)
                    continue
                total += size
                if total > _MAX_DATA:
                    return
                yield self.file.at(child).take(size)

    def _virtual(self, block: bytes, path: str) -> None:
        """A dataset that is put together from others; "." is the file itself."""
        for match in _VIRTUAL.finditer(block):
            if match.group(1) != b".":
                self._away(match.group(1), "a virtual dataset", path)


def _may_hold_objects(kind: Kind) -> bool:
    """Whether loaders keep objects in such elements: bytes that are no text."""
    if kind.is_variable:
        return not kind.is_text and kind.is_bytes
    return kind.is_bytes and kind.number != 10

"""Torch7: objects of Lua as `torch.save` wrote them, in bytes or in text, walked without building them.

Tables, tensors and storages are data. A function is stored as the byte code of Lua with its upvalues: the loader builds
it, and the first call runs it, without any check of the byte code. Honest models hold none; a few libraries stored
closures of their own, which are as opaque.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import re2

from keelmark.core.facts import ModelFile, Technique
from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.cursor import BreaksOffError, Cursor
from keelmark.formats.models.facts import gap_of, metadata, product, reading, unique
from keelmark.formats.models.hazard_list import HazardList

if TYPE_CHECKING:
    from keelmark.core.facts import Gap, Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "Torch7Reader"]

_NIL, _NUMBER, _TEXT, _TABLE, _OBJECT, _TRUTH = 0, 1, 2, 3, 4, 5
_FUNCTIONS = frozenset({6, 7, 8})
_OLD_FUNCTION = 6
_STORAGE = re2.compile(r"torch\.(Cuda)?(\w*)Storage")
_TENSOR = re2.compile(r"torch\.(Cuda)?(\w*)Tensor")
_WIDTHS = {"Byte": 1, "Char": 1, "Short": 2, "Int": 4, "Long": 8, "Float": 4, "Double": 8, "Half": 2, "": 4,
           "ByteTensor": 1}  # fmt: skip
_REACHES = bytes_pattern(rb"(execute|popen|loadstring|dofile|loadfile|loadlib|os\.remove|socket)")
_START_TEXT = bytes_pattern(rb"4\n\d{1,9}\n3\nV 1\n|3\n\d{1,9}\n\d{1,7}\n[12]\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a walk."""

    max_items: int = 2_000_000
    max_dimensions: int = 64
    max_text: int = 4096


class _Stream(Protocol):
    def whole(self) -> int: ...
    def long(self) -> int: ...
    def real(self) -> None: ...
    def raw(self, count: int) -> bytes: ...
    def values(self, count: int, width: int) -> None: ...


class _Bytes:
    """Numbers of fixed width, little endian."""

    def __init__(self, data: memoryview) -> None:
        self._cursor = Cursor(data)

    def whole(self) -> int:
        return self._cursor.signed(4)

    def long(self) -> int:
        return self._cursor.signed(8)

    def real(self) -> None:
        self._cursor.skip(8)

    def raw(self, count: int) -> bytes:
        view = self._cursor.take(count)
        return bytes(view[: 64 * 1024])

    def values(self, count: int, width: int) -> None:
        self._cursor.skip(count * width)


class _Lines:
    """One value a line; texts have their length before them."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def _line(self) -> bytes:
        part = bytes(self._data[self._at : self._at + 512])
        end = part.find(b"\n")
        if end < 0:
            raise BreaksOffError("breaks off inside of an object")
        self._at += end + 1
        return part[:end]

    def whole(self) -> int:
        line = self._line().strip()
        if not line.removeprefix(b"-").isdigit() or len(line) > 20:
            raise ParseError("no number where one has to stand")
        return int(line)

    def long(self) -> int:
        return self.whole()

    def real(self) -> None:
        self._line()

    def raw(self, count: int) -> bytes:
        if count < 0 or self._at + count > len(self._data):
            raise BreaksOffError("breaks off inside of a text")
        text = bytes(self._data[self._at : self._at + min(count, 64 * 1024)])
        self._at += count + 1
        return text

    def values(self, count: int, width: int) -> None:
        """Numbers of one storage stand in one line."""
        del width
        at = self._at
        while count and at < len(self._data):
            part = bytes(self._data[at : at + 65536])
            end = part.find(b"\n")
            if end >= 0:
                self._at = at + end + 1
                return
            at += len(part)
        if count:
            raise BreaksOffError("breaks off inside of numbers")
        self._line()


class Torch7Reader:
    """Reads files of Torch7.

    Args:
        bounds: Bounds of the walk.
    """

    name = "torch7"
    version = 1

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """An object with its version, or a table whose first key is a number or a text."""
        head = source.head
        if head[:1] == b"\x04":
            return head[1:4] == bytes(3) and head[8:15] == b"\x03\x00\x00\x00V 1"
        if head[:1] == b"\x03":
            return _is_table(head)
        return head[:1] in {b"3", b"4"} and _START_TEXT.match(head[:64]) is not None

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Walk the objects."""
        is_text = source.head[:1] in {b"3", b"4"}
        walk = _Walk(_Lines(source.data) if is_text else _Bytes(source.data), self._bounds)
        gaps: tuple[Gap, ...] = ()
        try:
            walk.run()
        except KeelmarkError as error:
            if not walk.classes and not walk.found:
                return ()
            gaps = (gap_of(source, error),)
        model = ModelFile(
            format="torch7",
            architecture=next(iter(walk.classes), ""),
            parameters=walk.parameters,
            tensors=walk.tensors,
            metadata=metadata([("encoding", "text" if is_text else "binary")]),
            can_execute=bool(walk.found),
            globals=unique(walk.classes),
            dangerous=unique(hazard.detail for hazard in walk.found.close()),
        )
        return reading(model, *gaps, hazards=walk.found.close())


def _is_table(head: bytes) -> bool:
    """A table with index 1, a believable size, and a key that is a number or a short text."""
    if head[1:8] != b"\x00\x00\x00\x01\x00\x00\x00" or len(head) < 20:
        return False
    size, key = int.from_bytes(head[8:12], "little"), int.from_bytes(head[12:16], "little")
    if not 0 < size < 1_000_000 or key not in {_NUMBER, _TEXT}:
        return False
    length = int.from_bytes(head[16:20], "little")
    return key == _NUMBER or (0 < length < 256 and head[20 : 20 + length].isascii())


@dataclass(slots=True)
class _Walk:
    """Steps over objects without recursion: how many are still to come is all that is kept."""

    stream: _Stream
    bounds: Bounds
    found: HazardList = field(default_factory=HazardList)
    classes: dict[str, None] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    tensors: int = 0
    parameters: int = 0

    def run(self) -> None:
        pending, left = 1, self.bounds.max_items
        while pending:
            left -= 1
            if left < 0:
                raise LimitExceededError("file holds more objects than are read")
            pending += self._object() - 1

    def _object(self) -> int:
        """Step over one object; how many follow inside of it."""
        kind = self.stream.whole()
        if kind == _NUMBER:
            self.stream.real()
        elif kind == _TRUTH:
            self.stream.whole()
        elif kind == _TEXT:
            self._text()
        elif kind == _OLD_FUNCTION:
            return self._function()
        elif kind in _FUNCTIONS or kind in {_TABLE, _OBJECT}:
            index = self.stream.whole()
            if index in self.seen:
                return 0
            self.seen.add(index)
            if kind in _FUNCTIONS:
                return self._function()
            return 2 * self._size() if kind == _TABLE else self._class()
        elif kind != _NIL:
            raise ParseError(f"no object has the type {kind}")
        return 0

    def _size(self) -> int:
        size = self.stream.whole()
        if not 0 <= size <= self.bounds.max_items:
            raise ParseError(f"{size} entries announced")
        return size

    def _text(self) -> bytes:
        length = self.stream.whole()
        if length < 0:
            raise ParseError("text of negative length")
        return self.stream.raw(length)

    def _function(self) -> int:
        code = self._text()
        seen = _REACHES.search(code)
        what = seen.group(1).decode() if seen is not None else ""
        detail = "the file holds a function of Lua as byte code, which runs without check when it is called"
        if what:
            detail += f"; it speaks of `{what}`"
        self.found.add(
            Technique.SERIALISED_CODE, detail, subject=what or "function", code=f"{what or 'function'}(...)"
        )
        return 1

    def _class(self) -> int:
        version = self._text()
        name = (self._text() if version.startswith(b"V ") else version)[:200].decode("utf-8", "replace")
        self.classes[name] = None
        storage = _STORAGE.fullmatch(name)
        if storage is not None:
            count = self.stream.long()
            if count < 0:
                raise ParseError("storage of negative length")
            self.stream.values(count, _WIDTHS.get(storage.group(2) or "", 4))
            return 0
        return self._tensor() if _TENSOR.fullmatch(name) else 1

    def _tensor(self) -> int:
        """Shape, steps and start; its storage follows."""
        dimensions = self.stream.whole()
        if not 0 <= dimensions <= self.bounds.max_dimensions:
            raise ParseError(f"tensor with {dimensions} dimensions")
        if isinstance(self.stream, _Lines):
            if dimensions:
                self.stream.real()
                self.stream.real()
            self.stream.real()
        else:
            shape = [self.stream.long() for _ in range(dimensions)]
            self.stream.values(dimensions + 1, 8)
            self.parameters += product(shape) if dimensions else 0
        self.tensors += 1
        return 1


READER = Torch7Reader()

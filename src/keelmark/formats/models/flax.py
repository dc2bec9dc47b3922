"""Flax: a MessagePack tree of parameters whose leaves are arrays. Arrays are never parsed.

The extension types of the library are arrays and numbers; nothing in the tree names code. A shape that its bytes do not
fill, and bytes behind the tree, are named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.facts import ModelFile, Technique
from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats.cursor import BreaksOffError, Cursor
from keelmark.formats.models.facts import gap_of, metadata, product, reading
from keelmark.formats.models.hazard_list import HazardList

if TYPE_CHECKING:
    from keelmark.core.facts import Gap, Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "FlaxReader"]

_ARRAY = 1
_FIXED_EXT = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}
_SIZED_EXT = {0xC7: 1, 0xC8: 2, 0xC9: 4}
_RAW = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_NUMBERS = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
_LISTS, _MAPS = {0xDC: 2, 0xDD: 4}, {0xDE: 2, 0xDF: 4}
_NAMES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "float64": "F64", "int32": "I32", "int64": "I64",
          "int8": "I8", "uint8": "U8", "bool": "BOOL", "uint32": "U32"}  # fmt: skip

_SUFFIX = ".msgpack"
_OBJECTS = frozenset({"object", "object_", "O", "|O", "O8", "|O8"})
_ITEM_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2, "float64": 8, "int32": 4, "int64": 8, "int8": 1, "uint8": 1,
               "bool": 1, "uint32": 4}  # fmt: skip
_MAX_ELEMENTS = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a walk; `look_items` are read to recognise the format."""

    max_items: int = 5_000_000
    max_dimensions: int = 64
    look_items: int = 4000


class FlaxReader:
    """Reads Flax parameters.

    Args:
        bounds: Bounds of the walk.
    """

    name = "flax"
    version = 2

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """A map with text keys in which an array of Flax is found."""
        head = source.head
        if len(head) < 4 or not (0x81 <= head[0] <= 0x8F or head[0] in _MAPS):
            return False
        if head[0] in _MAPS and source.suffix == _SUFFIX:
            return True  # nothing but such a map is called like this
        walk = _Walk(source.data, self._bounds, max_items=self._bounds.look_items)
        try:
            walk.run()
        except KeelmarkError:
            return walk.tensors > 0
        # A tree without arrays is one by its name only, and when nothing in it is left over.
        return walk.tensors > 0 or (source.suffix == _SUFFIX and not walk.left)

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Walk the tree."""
        walk = _Walk(source.data, self._bounds, max_items=self._bounds.max_items)
        gaps: tuple[Gap, ...] = ()
        try:
            walk.run()
            if walk.left:
                detail = f"{walk.left} bytes stand behind the tree"
                walk.found.add(Technique.HIDDEN_DATA, detail, subject="behind the tree")
        except KeelmarkError as error:
            gaps = (gap_of(source, error),)
        model = ModelFile(
            format="flax" if walk.tensors else "msgpack",
            parameters=walk.parameters,
            tensors=walk.tensors,
            dtypes=tuple(sorted(walk.types)),
            metadata=metadata([("encoding", "msgpack")]),
            can_execute=False,
        )
        return reading(model, *gaps, hazards=walk.found.close())


class _Walk:
    """Steps over MessagePack items without recursion: only how many are still to come is kept."""

    def __init__(self, data: memoryview, bounds: Bounds, *, max_items: int) -> None:
        self._cursor = Cursor(data, order="big")
        self._bounds = bounds
        self._left = max_items
        self.tensors = 0
        self.parameters = 0
        self.types: set[str] = set()
        self.found = HazardList()

    @property
    def left(self) -> int:
        """Bytes that were not walked."""
        return self._cursor.left

    def run(self) -> None:
        pending = 1
        first = True
        while pending:
            self._left -= 1
            if self._left < 0:
                raise LimitExceededError("tree has more items than are read")
            pending += self._item() - 1
            if first and pending:
                first = False
                self._expect_text()

    def _expect_text(self) -> None:
        at = self._cursor.position
        following = self._cursor.unsigned(1)
        self._cursor.seek(at)
        if not (0xA1 <= following <= 0xBF or following in {0xD9, 0xDA, 0xDB}):
            raise ParseError("map has no text keys")

    def _item(self) -> int:
        """Step over one item; how many items it contains."""
        cursor = self._cursor
        code = cursor.unsigned(1)
        if code <= 0x7F or code >= 0xE0 or code in {0xC0, 0xC2, 0xC3}:
            return 0
        if code <= 0x8F:
            return 2 * (code & 0x0F)
        if code <= 0x9F:
            return code & 0x0F
        if code <= 0xBF:
            cursor.skip(code & 0x1F)
            return 0
        if code in _NUMBERS:
            cursor.skip(_NUMBERS[code])
            return 0
        if code in _RAW:
            cursor.skip(cursor.unsigned(_RAW[code]))
            return 0
        if code in _LISTS:
            return cursor.unsigned(_LISTS[code])
        if code in _MAPS:
            return 2 * cursor.unsigned(_MAPS[code])
        if code in _FIXED_EXT or code in _SIZED_EXT:
            length = _FIXED_EXT.get(code) or cursor.unsigned(_SIZED_EXT[code])
            self._extension(cursor.unsigned(1), cursor.take(length))
            return 0
        raise ParseError(f"byte {code:#04x} starts no item")

    def _extension(self, kind: int, body: memoryview) -> None:
        if kind != _ARRAY:
            return
        inner = Cursor(body, order="big")
        try:
            if inner.unsigned(1) != 0x93:
                return
            shape = self._shape(inner)
            name_code = inner.unsigned(1)
            length = name_code & 0x1F if 0xA0 <= name_code <= 0xBF else inner.unsigned(1)
            name = inner.text(length, max_bytes=64)
        except BreaksOffError:
            return
        if name in _OBJECTS:
            detail = (
                f"an array states the type `{name}`: objects of Python, which no honest writer puts there"
            )
            self.found.add(Technique.CONTRADICTORY_HEADER, detail, subject=name)
        needed = product(shape) * _ITEM_BYTES.get(name, 0)
        if needed > inner.left:
            detail = (
                f"an array of shape {shape[:8]} and type {name} needs {needed} bytes and has {inner.left}"
            )
            self.found.add(Technique.CONTRADICTORY_HEADER, detail, subject="array")
        self.tensors += 1
        self.parameters += min(product(shape), _MAX_ELEMENTS)
        self.types.add(_NAMES.get(name, name[:32]))

    def _shape(self, inner: Cursor) -> list[int]:
        code = inner.unsigned(1)
        count = code & 0x0F if 0x90 <= code <= 0x9F else self._bounds.max_dimensions + 1
        if count > self._bounds.max_dimensions:
            raise ParseError("array has a shape that is none")
        sizes = []
        for _ in range(count):
            code = inner.unsigned(1)
            sizes.append(inner.unsigned(_NUMBERS[code]) if code in {0xCC, 0xCD, 0xCE, 0xCF} else code)
        return sizes


READER = FlaxReader()

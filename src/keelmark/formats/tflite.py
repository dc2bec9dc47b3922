"""TensorFlow Lite: the flatbuffer of operators and tensors. Tensors are never parsed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.facts import ModelFile
from keelmark.errors import KeelmarkError, LimitExceededError
from keelmark.formats.cursor import Cursor
from keelmark.formats.model_facts import gap_of, metadata, product, reading, unique

if TYPE_CHECKING:
    from keelmark.core.facts import Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "TfliteReader"]

_TYPES = {
    0: "F32", 1: "F16", 2: "I32", 3: "U8", 4: "I64", 5: "STRING", 6: "BOOL", 7: "I16", 8: "C64", 9: "I8", 10: "F64",
    11: "C128", 12: "U64", 15: "U32", 16: "U16", 17: "I4",
}  # fmt: skip
_TRAINED = frozenset({"F32", "F16", "F64", "I8", "U8", "I4", "I16"})
_CUSTOM = 32
# Custom operators that the runtime of TensorFlow Lite carries itself.
_KNOWN = frozenset({"TFLite_Detection_PostProcess", "Convolution2DTransposeBias", "MaxPoolingWithArgmax2D",
                    "MaxUnpooling2D"})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a walk."""

    max_items: int = 1_000_000
    max_text_bytes: int = 4096
    max_dimensions: int = 64


class TfliteReader:
    """Reads TensorFlow Lite.

    Args:
        bounds: Bounds of the walk.
    """

    name = "tflite"
    version = 1

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """By the identifier of the flatbuffer."""
        return source.head[4:8] == b"TFL3"

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Walk operators and tensors."""
        try:
            return reading(self._model(_Buffer(source.data, self._bounds)))
        except KeelmarkError as error:
            return reading(ModelFile(format="tflite"), gap_of(source, error))

    def _model(self, buffer: _Buffer) -> ModelFile:
        root = buffer.root()
        custom = [name for code in buffer.tables(root, 1) if (name := _custom_name(buffer, code))]
        filled = [
            buffer.length(table, 0) > 0 or buffer.number(table, 1, 8) > 0 for table in buffer.tables(root, 4)
        ]
        tensors = parameters = 0
        types: set[str] = set()
        for graph in buffer.tables(root, 2):
            for tensor in buffer.tables(graph, 0):
                index = buffer.number(tensor, 2, 4)
                if index < len(filled) and filled[index]:
                    kind = _TYPES.get(buffer.number(tensor, 1, 1), "other")
                    types.add(kind)
                    tensors += 1
                    parameters += product(buffer.sizes(tensor, 0)) if kind in _TRAINED else 0
        foreign = unique(name for name in custom if name not in _KNOWN)
        said = [("description", buffer.text(root, 3)), ("version", buffer.number(root, 0, 4))]
        return ModelFile(
            format="tflite",
            parameters=parameters,
            tensors=tensors,
            dtypes=tuple(sorted(types)),
            metadata=metadata(said),
            # A custom operator is native code that the program around has to register.
            can_execute=None if foreign else False,
            unknown=foreign,
        )


def _custom_name(buffer: _Buffer, code: int) -> str:
    old, new = buffer.number(code, 0, 1), buffer.number(code, 3, 4)
    return buffer.text(code, 1) or "custom" if _CUSTOM in {old, new} else ""


class _Buffer:
    """A flatbuffer: tables are places, fields are looked up in their table of offsets."""

    def __init__(self, data: memoryview, bounds: Bounds) -> None:
        self._data = data
        self._bounds = bounds
        self._items = 0

    def _at(self, place: int) -> Cursor:
        cursor = Cursor(self._data)
        cursor.seek(place)
        return cursor

    def root(self) -> int:
        """Place of the root table."""
        return self._at(0).unsigned(4)

    def _field(self, table: int, index: int) -> int:
        """Place of a field, 0 when it is absent."""
        offsets = table - self._at(table).signed(4)
        size = self._at(offsets).unsigned(2)
        slot = 4 + 2 * index
        if slot + 2 > size:
            return 0
        offset = self._at(offsets + slot).unsigned(2)
        return table + offset if offset else 0

    def number(self, table: int, index: int, width: int) -> int:
        """An unsigned number, 0 when it is absent."""
        place = self._field(table, index)
        return self._at(place).unsigned(width) if place else 0

    def _vector(self, table: int, index: int) -> tuple[Cursor, int]:
        place = self._field(table, index)
        if not place:
            return self._at(0), 0
        cursor = self._at(place + self._at(place).unsigned(4))
        count = cursor.unsigned(4)
        return cursor, count

    def length(self, table: int, index: int) -> int:
        """Items of a vector."""
        return self._vector(table, index)[1]

    def text(self, table: int, index: int) -> str:
        """A text, empty when it is absent."""
        cursor, count = self._vector(table, index)
        return cursor.text(count, max_bytes=self._bounds.max_text_bytes)

    def sizes(self, table: int, index: int) -> list[int]:
        """A vector of numbers of four bytes."""
        cursor, count = self._vector(table, index)
        if count > self._bounds.max_dimensions:
            raise LimitExceededError(f"tensor has {count} dimensions")
        return [cursor.signed(4) for _ in range(count)]

    def tables(self, table: int, index: int) -> list[int]:
        """Places of the tables that a vector lists."""
        cursor, count = self._vector(table, index)
        self._items += count
        if self._items > self._bounds.max_items:
            raise LimitExceededError(f"model has more than {self._bounds.max_items} items")
        places = []
        for _ in range(count):
            base = cursor.position
            places.append(base + cursor.unsigned(4))
        return places


READER = TfliteReader()

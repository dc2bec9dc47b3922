"""NumPy `.npy` and `.npz`: the header; arrays of objects hold a pickle, which is followed like any other."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import GapReason
from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats.cursor import Cursor
from keelmark.formats.model_facts import gap, gap_of, metadata, product, reading
from keelmark.formats.pickle_machine import Inspection
from keelmark.formats.pickle_sequence import facts, inspect_all
from keelmark.formats.zip_directory import EncryptedError, ZipDirectory, is_zip

if TYPE_CHECKING:
    from keelmark.core.facts import Gap, Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "NumpyReader"]

_MAGIC = b"\x93NUMPY"
_LONG = re2.compile(r"\b([0-9]+)L\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a header; its length is that of NumPy itself."""

    max_header_bytes: int = 65_536
    max_dimensions: int = 64
    max_members: int = 10_000
    max_object_bytes: int = 256 * 1024**2
    max_packed_head: int = 16 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Array:
    dtype: str
    elements: int
    inspections: tuple[Inspection, ...] = ()


class NumpyReader:
    """Reads NumPy arrays.

    Args:
        bounds: Bounds of reading.
    """

    name = "numpy"
    version = 1

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """By the magic, or as an archive whose members all end in `.npy`."""
        if source.head.startswith(_MAGIC):
            return True
        if not is_zip(source.head):
            return False
        try:
            names = ZipDirectory(source.data).members
        except KeelmarkError:
            return source.suffix == ".npz"
        return bool(names) and all(name.endswith(".npy") for name in names)

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the header of each array."""
        arrays: list[_Array] = []
        gaps: list[Gap] = []
        try:
            if source.head.startswith(_MAGIC):
                arrays.append(self._array(source.data, is_whole=True))
            else:
                self._members(source, arrays, gaps)
        except KeelmarkError as error:
            gaps.append(gap_of(source, error))
        found = [item for array in arrays for item in array.inspections]
        model, more = facts(source, found, name="numpy")
        if not found and gaps:
            model = replace(model, can_execute=None)
        model = replace(
            model,
            parameters=sum(array.elements for array in arrays),
            tensors=len(arrays),
            dtypes=tuple(sorted({array.dtype for array in arrays})),
            metadata=metadata([("arrays", len(arrays))]) + model.metadata,
        )
        return reading(model, *gaps, *more)

    def _members(self, source: Source, arrays: list[_Array], gaps: list[Gap]) -> None:
        archive = ZipDirectory(source.data)
        for count, name in enumerate(archive.members):
            if count >= self._bounds.max_members:
                raise LimitExceededError(f"archive has more than {self._bounds.max_members} arrays")
            try:
                start = archive.read_start(name, count=self._bounds.max_header_bytes)
                array = self._array(start, is_whole=False)
                if array.dtype == "OBJECT":
                    array = self._array(
                        archive.read(name, max_bytes=self._bounds.max_object_bytes), is_whole=True
                    )
                arrays.append(array)
            except EncryptedError as error:
                gaps.append(gap(source, GapReason.ENCRYPTED, error.message))
            except KeelmarkError as error:
                gaps.append(gap_of(source, error))

    def _array(self, data: memoryview, *, is_whole: bool) -> _Array:
        cursor = Cursor(data)
        if bytes(cursor.take(6)) != _MAGIC:
            raise ParseError("array has no NumPy magic")
        major = cursor.unsigned(1)
        cursor.skip(1)
        length = cursor.unsigned(2 if major == 1 else 4)
        header = _header(cursor.text(length, max_bytes=self._bounds.max_header_bytes))
        shape, description = header.get("shape"), header.get("descr")
        if not isinstance(shape, tuple) or len(shape) > self._bounds.max_dimensions:
            raise ParseError("array states no shape")
        if not all(isinstance(size, int) and 0 <= size < 2**63 for size in shape):
            raise ParseError("array states a shape that is none")
        if not _holds_objects(description):
            return _Array(dtype=_name(description), elements=product(shape))
        found = tuple(inspect_all(data[cursor.position :], max_pickles=1)) if is_whole else ()
        return _Array(dtype="OBJECT", elements=product(shape), inspections=found)


def _header(text: str) -> dict[object, object]:
    try:
        # Python 2 wrote long numbers with an L.
        value = ast.literal_eval(_LONG.sub(r"\1", text.strip()))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ParseError("header of the array is no dictionary of constants") from error
    return value if isinstance(value, dict) else {}


def _holds_objects(description: object) -> bool:
    pending = [description]
    while pending:
        item = pending.pop()
        if isinstance(item, str) and item.lstrip("<>=|").startswith("O"):
            return True
        if isinstance(item, list):  # fields: (name, type) or (name, type, shape)
            pending.extend(part[1] for part in item if isinstance(part, tuple) and len(part) > 1)
        elif isinstance(item, tuple):
            pending.extend(item[:1])
    return False


def _name(description: object) -> str:
    if not isinstance(description, str):
        return "RECORD"
    text = description.lstrip("<>=|")
    prefix = {"f": "F", "i": "I", "u": "U", "c": "C"}.get(text[:1])
    if prefix and text[1:].isdigit() and len(text) < 6:
        return f"{prefix}{8 * int(text[1:])}"
    return {"b1": "BOOL"}.get(text, text[:32])


READER = NumpyReader()

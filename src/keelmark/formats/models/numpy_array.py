"""NumPy `.npy` and `.npz`: the header; arrays of objects hold a pickle, which is followed like any other."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import GapReason, Reading
from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats.archives.container import EncryptedError
from keelmark.formats.archives.zip_directory import ZipDirectory, is_zip
from keelmark.formats.cursor import Cursor
from keelmark.formats.models.facts import gap, gap_of, metadata, product
from keelmark.formats.models.hazard_list import HazardList, announced
from keelmark.formats.models.pickle.machine import Inspection
from keelmark.formats.models.pickle.sequence import facts, hazards_of, inspect_all

if TYPE_CHECKING:
    from keelmark.core.facts import Gap
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "NumpyReader"]

_MAGIC = b"\x93NUMPY"
_ELEMENT = re2.compile(r"[<>=|]?([biufcSUV])([0-9]{1,9})")
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
    member: str = ""
    end: int = 0
    missing: int = 0


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
        covers: list[str] = []
        try:
            if source.head.startswith(_MAGIC):
                self._one_after_another(source.data, arrays)
            else:
                self._members(source, arrays, gaps, covers)
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
        lies = HazardList()
        if missing := max((array.missing for array in arrays), default=0):
            gaps.append(gap(source, GapReason.TRUNCATED, f"array breaks off {missing} bytes before its end"))
            announced(missing, "bytes of an array", source.size, lies)
        hazards = lies.close() + tuple(
            hazard for array in arrays for hazard in hazards_of(array.inspections, member=array.member)
        )
        return (
            Reading(
                format=model.format,
                models=(model,),
                hazards=hazards[:_MAX_HAZARDS],
                covers=tuple(covers),
                gaps=(*gaps, *more),
            ),
        )

    def _one_after_another(self, data: memoryview, arrays: list[_Array]) -> None:
        """Arrays that follow each other in one file, as a loader that is called again would meet them."""
        position = 0
        while True:
            array = self._array(data[position:], is_whole=True)
            arrays.append(array)
            if array.end <= 0 or len(arrays) >= self._bounds.max_members:
                return
            position += array.end
            if bytes(data[position : position + 6]) != _MAGIC:
                return

    def _members(self, source: Source, arrays: list[_Array], gaps: list[Gap], covers: list[str]) -> None:
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
            except EncryptedError as error:
                gaps.append(gap(source, GapReason.ENCRYPTED, error.message))
            except KeelmarkError as error:
                gaps.append(gap_of(source, error))
            else:
                arrays.append(replace(array, member=name))
                if name not in archive.duplicates:
                    covers.append(name)

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
        elements = product(shape)
        if not _holds_objects(description):
            width = _width(description)
            end = cursor.position + elements * width if width else 0
            missing = end - len(data) if is_whole else 0
            return _Array(
                dtype=_name(description),
                elements=elements,
                end=end if end < len(data) else 0,
                missing=max(missing, 0),
            )
        found = tuple(inspect_all(data[cursor.position :])) if is_whole else ()
        end = cursor.position + found[0].end if found else 0
        return _Array(dtype="OBJECT", elements=elements, inspections=found, end=end)


_MAX_HAZARDS = 100


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
        if isinstance(item, str) and ("O" in item or "object" in item):
            return True
        if isinstance(item, list):  # fields: (name, type) or (name, type, shape)
            pending.extend(part[1] for part in item if isinstance(part, tuple) and len(part) > 1)
        elif isinstance(item, tuple):
            pending.extend(item[:1])
    return False


def _width(description: object) -> int:
    """Bytes of one element; 0 when that is not told by its letter."""
    match = _ELEMENT.fullmatch(description) if isinstance(description, str) else None
    return int(match.group(2)) * (4 if match.group(1) == "U" else 1) if match else 0


def _name(description: object) -> str:
    if not isinstance(description, str):
        return "RECORD"
    text = description.lstrip("<>=|")
    prefix = {"f": "F", "i": "I", "u": "U", "c": "C"}.get(text[:1])
    if prefix and text[1:].isdigit() and len(text) < 6:
        return f"{prefix}{8 * int(text[1:])}"
    return {"b1": "BOOL"}.get(text, text[:32])


READER = NumpyReader()

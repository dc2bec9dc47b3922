"""safetensors: the JSON header and whether the tensors it places fill the file exactly. Tensors are never parsed.

The reference implementation decides what is a contradiction: a header of at most 100 MB of UTF-8, an object, texts as
metadata, shapes that fit their places, no overlap, no hole, nothing behind. It refuses such files; other readers of
the format do not, so that a contradiction is a hazard as well as a gap. An element type that is written like one and
not known yet is neither: newer releases add some, and its bytes are numbers all the same. Bytes that nobody counted
are looked at for programs, as are tensors of bytes, the first few of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import re2

from keelmark.core.facts import GapReason, ModelFile, Technique
from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats import strict_json
from keelmark.formats.cursor import Cursor
from keelmark.formats.models.facts import gap, gap_of, metadata, product, reading
from keelmark.formats.models.hazard_list import HazardList
from keelmark.formats.models.programs import program_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Hazard, Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "SafetensorsReader"]

_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32,
    "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip
_DTYPE = re2.compile(r"[A-Z]{1,4}[0-9]{1,3}(_[A-Z0-9]{1,8}){0,2}")
_BYTES = frozenset({"U8", "I8"})
_MAX_LOOKED = 2000
_MAX_ELEMENTS = 2**62
_OTHERS = (
    (b"PK\x03\x04", "a zip archive"), (b"\x80\x02", "a pickle"), (b"\x80\x03", "a pickle"), (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"), (b"\x7fELF", "a program"), (b"\x89HDF", "HDF5"), (b"GGUF", "GGUF"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a header: the length of the reference implementation, and what is read of it.

    Half a million tensors fit into what is read.
    """

    max_header_bytes: int = 100_000_000
    max_read_bytes: int = 40 * 1024**2
    max_dimensions: int = 64
    max_details: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One entry of the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


class SafetensorsReader:
    """Reads safetensors.

    Args:
        bounds: Bounds of the header.
    """

    name = "safetensors"
    version = 2

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """A believable length, then a brace; or the name together with binary content."""
        head = source.head
        if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= self._bounds.max_header_bytes:
            return True
        return source.suffix == ".safetensors" and not source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the header."""
        found = HazardList()
        try:
            document, start = self._header(source)
        except KeelmarkError as error:
            _no_header(source, error, found)
            return reading(ModelFile(format="safetensors"), gap_of(source, error), hazards=found.close())
        header = document.value
        faults = [f"key `{key[:80]}` stands twice" for key in document.duplicates]
        tensors: list[Tensor] = []
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            try:
                tensors.append(self._tensor(name, entry))
            except ParseError as error:
                faults.append(error.message)
        faults.extend(_layout_faults(tensors, body=source.size - start))
        faults.extend(_metadata_faults(header.get("__metadata__")))
        for fault in faults:
            found.add(
                Technique.CONTRADICTORY_HEADER,
                f"the header contradicts itself or the file: {fault}",
                subject=fault,
            )
        _programs(source.data[start:], tensors, found)
        said = strict_json.as_mapping(header.get("__metadata__"))
        model = ModelFile(
            format="safetensors",
            parameters=min(sum(product(tensor.shape) for tensor in tensors), _MAX_ELEMENTS),
            tensors=len(tensors),
            dtypes=tuple(sorted({tensor.dtype for tensor in tensors})),
            metadata=metadata((key, strict_json.as_text(value)) for key, value in said.items()),
            can_execute=False,
        )
        templates = _templates(said)
        shown = "; ".join(faults[: self._bounds.max_details])
        gaps = (gap(source, GapReason.MALFORMED, shown),) if faults else ()
        return reading(model, *gaps, hazards=(*found.close(), *templates))

    def _header(self, source: Source) -> tuple[strict_json.Document, int]:
        cursor = Cursor(source.data)
        length = cursor.unsigned(8)
        if length > self._bounds.max_header_bytes:
            raise LimitExceededError(f"header of {length} bytes is longer than the format allows")
        view = cursor.take(length)
        # A mark before the text, or a byte that is none, is refused by the reference.
        if bytes(view[:1]) != b"{":
            raise ParseError("header does not start with a brace")
        document = strict_json.parse(view, max_bytes=self._bounds.max_read_bytes)
        if not isinstance(document.value, dict):
            raise ParseError("header is no JSON object")
        return document, cursor.position

    def _tensor(self, name: str, entry: object) -> Tensor:
        fields = strict_json.as_mapping(entry)
        shape, offsets, dtype = fields.get("shape"), fields.get("data_offsets"), fields.get("dtype")
        if (
            not isinstance(shape, list)
            or len(shape) > self._bounds.max_dimensions
            or not all(map(_is_size, shape))
        ):
            raise ParseError(f"tensor `{name[:80]}` has no valid shape")
        if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_size, offsets)):
            raise ParseError(f"tensor `{name[:80]}` has no valid offsets")
        if not isinstance(dtype, str):
            raise ParseError(f"tensor `{name[:80]}` has no element type")
        return Tensor(name=name[:80], dtype=dtype[:32], shape=tuple(shape), start=offsets[0], end=offsets[1])


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _layout_faults(tensors: list[Tensor], *, body: int) -> Iterator[str]:
    """What breaks the rule that tensors fill the body exactly: no overlap, no hole, nothing outside."""
    covered = 0
    for tensor in sorted(tensors, key=lambda item: (item.start, item.end)):
        bits = _BITS.get(tensor.dtype)
        if tensor.end < tensor.start or tensor.end > body:
            yield f"tensor `{tensor.name}` lies outside of the file"
            continue
        if bits is None and _DTYPE.fullmatch(tensor.dtype) is None:
            yield f"tensor `{tensor.name}` has the unknown element type `{tensor.dtype}`"
        elif bits is not None and product(tensor.shape) * bits != 8 * (tensor.end - tensor.start):
            yield f"tensor `{tensor.name}` has a length that does not fit its shape"
        if tensor.start < covered:
            yield f"tensor `{tensor.name}` overlaps another"
        elif tensor.start > covered:
            yield f"{tensor.start - covered} bytes before tensor `{tensor.name}` belong to no tensor"
        covered = max(covered, tensor.end)
    if covered < body:
        yield f"{body - covered} bytes at the end belong to no tensor"


def _templates(said: dict[str, Any]) -> tuple[Hazard, ...]:
    """What templates in the metadata do; hardly a file has any."""
    texts = {key: value for key, value in said.items() if isinstance(value, str) and "{" in value}
    if not any("{{" in value or "{%" in value for value in texts.values()):
        return ()
    from keelmark.formats.models.hub_hazards import hazards_of_other_texts  # noqa: PLC0415 - see above

    return hazards_of_other_texts(iter(texts.items()))


def _metadata_faults(said: object) -> Iterator[str]:
    if said is None:
        return
    if not isinstance(said, dict):
        yield "metadata is no object"
        return
    wrong = [key for key, value in said.items() if not isinstance(value, str)]
    if wrong:
        yield f"metadata `{wrong[0][:80]}` is no text"


def _no_header(source: Source, error: KeelmarkError, found: HazardList) -> None:
    """Say what a file without a header is instead, where that can be told."""
    head = source.head
    other = next((what for magic, what in _OTHERS if head.startswith(magic)), "")
    if other:
        detail = f"the name says safetensors, the content is {other}: tools that look at the content load it as that"
        found.add(Technique.DISGUISED_FORMAT, detail, subject=other)
        return
    is_too_much = isinstance(error, LimitExceededError) and int.from_bytes(head[:8], "little") <= source.size
    if not is_too_much and (head[8:9] == b"{" or int.from_bytes(head[:8], "little") > source.size):
        found.add(
            Technique.CONTRADICTORY_HEADER, f"the header cannot be read: {error.message}", subject="header"
        )


def _programs(body: memoryview, tensors: list[Tensor], found: HazardList) -> None:
    """Look for programs at the start of tensors of bytes."""
    looked = (tensor for tensor in tensors if tensor.dtype in _BYTES)
    for tensor in islice(looked, _MAX_LOOKED):
        what = program_at(body[tensor.start : tensor.end])
        if what:
            detail = f"tensor `{tensor.name}` holds a program ({what}) instead of numbers"
            found.add(Technique.EMBEDDED_EXECUTABLE, detail, subject=tensor.name, offset=tensor.start)


READER = SafetensorsReader()

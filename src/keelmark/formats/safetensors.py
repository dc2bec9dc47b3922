"""safetensors: the JSON header and whether the tensors it places fill the file exactly. Tensors are never parsed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.facts import GapReason, ModelFile
from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats import strict_json
from keelmark.formats.cursor import Cursor
from keelmark.formats.model_facts import gap, gap_of, metadata, product, reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "SafetensorsReader"]

_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32,
    "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a header; the length is that of the reference implementation."""

    max_header_bytes: int = 100_000_000
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
    version = 1

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
        try:
            document, start = self._header(source)
        except KeelmarkError as error:
            return reading(ModelFile(format="safetensors"), gap_of(source, error))
        header = document.value
        faults = [f"key `{key}` stands twice" for key in document.duplicates]
        tensors: list[Tensor] = []
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            try:
                tensors.append(self._tensor(name, entry))
            except ParseError as error:
                faults.append(error.message)
        faults.extend(_layout_faults(tensors, body=source.size - start))
        said = strict_json.as_mapping(header.get("__metadata__"))
        model = ModelFile(
            format="safetensors",
            parameters=sum(product(tensor.shape) for tensor in tensors),
            tensors=len(tensors),
            dtypes=tuple(sorted({tensor.dtype for tensor in tensors})),
            metadata=metadata((key, strict_json.as_text(value)) for key, value in said.items()),
            can_execute=False,
        )
        shown = "; ".join(faults[: self._bounds.max_details])
        return reading(model, *((gap(source, GapReason.MALFORMED, shown),) if faults else ()))

    def _header(self, source: Source) -> tuple[strict_json.Document, int]:
        cursor = Cursor(source.data)
        length = cursor.unsigned(8)
        if length > self._bounds.max_header_bytes:
            raise LimitExceededError(f"header of {length} bytes is longer than the format allows")
        view = cursor.take(length)
        document = strict_json.parse(view, max_bytes=self._bounds.max_header_bytes)
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
        if bits is None:
            yield f"tensor `{tensor.name}` has the unknown element type `{tensor.dtype}`"
        elif product(tensor.shape) * bits != 8 * (tensor.end - tensor.start):
            yield f"tensor `{tensor.name}` has a length that does not fit its shape"
        if tensor.start < covered:
            yield f"tensor `{tensor.name}` overlaps another"
        elif tensor.start > covered:
            yield f"{tensor.start - covered} bytes before tensor `{tensor.name}` belong to no tensor"
        covered = max(covered, tensor.end)
    if covered < body:
        yield f"{body - covered} bytes at the end belong to no tensor"


READER = SafetensorsReader()

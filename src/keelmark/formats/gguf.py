"""GGUF 1 to 3: key-value metadata and tensor infos. Tensors are never parsed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.facts import GapReason, ModelFile, ModelRole
from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats.cursor import Cursor
from keelmark.formats.model_facts import MAX_TEMPLATE, gap, gap_of, metadata, product, reading

if TYPE_CHECKING:
    from keelmark.core.facts import Gap, Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "GgufReader"]

_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K",
    12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
    20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64",
    29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
}  # fmt: skip
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S",
    12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 32: "BF16",
}  # fmt: skip
_WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_SIGNED, _REAL, _BOOL, _STRING, _ARRAY = frozenset({1, 3, 5, 11}), frozenset({6, 12}), 7, 8, 9
_SHOWN = (
    "general.name", "general.license", "general.author", "general.organization", "general.version",
    "general.base_model.0.name", "general.source.url", "general.quantized_by", "general.size_label", "general.type",
    "tokenizer.ggml.model",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a header."""

    max_pairs: int = 65_536
    max_tensors: int = 1_000_000
    max_text_bytes: int = 16 * 1024**2
    max_kept_text: int = MAX_TEMPLATE
    max_array_texts: int = 4_000_000
    max_array_depth: int = 4
    max_dimensions: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tensors:
    count: int = 0
    parameters: int = 0
    types: tuple[str, ...] = ()
    last_offset: int = 0


class GgufReader:
    """Reads GGUF.

    Args:
        bounds: Bounds of the header.
    """

    name = "gguf"
    version = 1

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """The four letters at the start; or the name together with binary content."""
        return source.head.startswith(b"GGUF") or (source.suffix == ".gguf" and not source.is_text)

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read metadata and tensor infos; what was read before a fault is kept."""
        pairs: dict[str, object] = {}
        tensors: _Tensors | None = None
        gaps: list[Gap] = []
        try:
            header = _Header(source.data, bounds=self._bounds)
            header.read_pairs(pairs)
            tensors = header.read_tensors()
            gaps.extend(_placement(source, header, tensors, pairs))
        except KeelmarkError as error:
            gaps.append(gap_of(source, error))
        return reading(_model(pairs, tensors), *gaps)


class _Header:
    """Reads one header in order: version, counts, pairs, tensor infos."""

    def __init__(self, data: memoryview, *, bounds: Bounds) -> None:
        if bytes(data[:4]) != b"GGUF":
            raise ParseError("no GGUF magic at the start")
        version = int.from_bytes(data[4:8], "little")
        # Version 3 also exists in big endian; a small number in the high half tells.
        swapped = version > 0xFFFF
        self._cursor = Cursor(data, position=4, order="big" if swapped else "little")
        self._bounds = bounds
        self.version = self._cursor.unsigned(4)
        if self.version not in {1, 2, 3}:
            raise ParseError(f"GGUF version {self.version} is not known")
        self._size_width = 4 if self.version == 1 else 8
        self._tensor_count = self._size()
        self._pair_count = self._size()
        self._texts = 0

    @property
    def position(self) -> int:
        """Where the next read starts."""
        return self._cursor.position

    def _size(self) -> int:
        return self._cursor.unsigned(self._size_width)

    def _text(self) -> str:
        length = self._size()
        if length > self._bounds.max_kept_text:
            if length > self._bounds.max_text_bytes:
                raise LimitExceededError(
                    f"text of {length} bytes is longer than {self._bounds.max_text_bytes}"
                )
            kept = self._cursor.text(self._bounds.max_kept_text, max_bytes=self._bounds.max_kept_text)
            self._cursor.skip(length - self._bounds.max_kept_text)
            return kept
        return self._cursor.text(length, max_bytes=self._bounds.max_kept_text)

    def read_pairs(self, pairs: dict[str, object]) -> None:
        """Read the metadata into `pairs`."""
        if self._pair_count > self._bounds.max_pairs:
            raise LimitExceededError(
                f"{self._pair_count} metadata pairs are more than {self._bounds.max_pairs}"
            )
        for _ in range(self._pair_count):
            key = self._text()
            pairs[key] = self._value(self._cursor.unsigned(4), depth=0)

    def _value(self, kind: int, *, depth: int) -> object:
        if kind == _STRING:
            return self._text()
        if kind == _ARRAY:
            return self._array(depth=depth + 1)
        width = _WIDTHS.get(kind)
        if width is None:
            raise ParseError(f"metadata value has the unknown type {kind}")
        if kind in _REAL:
            return self._cursor.real(width)
        if kind == _BOOL:
            return bool(self._cursor.unsigned(1))
        return self._cursor.signed(width) if kind in _SIGNED else self._cursor.unsigned(width)

    def _array(self, *, depth: int) -> int:
        """Step over an array; its length stands for it."""
        if depth > self._bounds.max_array_depth:
            raise LimitExceededError("metadata arrays are nested too deeply")
        kind, count = self._cursor.unsigned(4), self._size()
        if kind in _WIDTHS:
            self._cursor.skip(count * _WIDTHS[kind])
            return count
        self._texts += count
        if self._texts > self._bounds.max_array_texts:
            raise LimitExceededError(f"metadata arrays hold more than {self._bounds.max_array_texts} texts")
        for _ in range(count):
            if kind == _STRING:
                self._cursor.skip(self._size())
            else:
                self._value(kind, depth=depth)
        return count

    def read_tensors(self) -> _Tensors:
        """Read the tensor infos."""
        if self._tensor_count > self._bounds.max_tensors:
            raise LimitExceededError(f"{self._tensor_count} tensors are more than {self._bounds.max_tensors}")
        types: Counter[str] = Counter()
        parameters = last = 0
        for _ in range(self._tensor_count):
            self._cursor.skip(self._size())
            dimensions = self._cursor.unsigned(4)
            if dimensions > self._bounds.max_dimensions:
                raise ParseError(f"tensor with {dimensions} dimensions")
            parameters += product([self._size() for _ in range(dimensions)])
            kind = self._cursor.unsigned(4)
            types[_TYPES.get(kind, f"type-{kind}")] += 1
            last = max(last, self._cursor.unsigned(8))
        return _Tensors(
            count=self._tensor_count, parameters=parameters, types=tuple(sorted(types)), last_offset=last
        )


def _placement(source: Source, header: _Header, tensors: _Tensors, pairs: dict[str, object]) -> list[Gap]:
    alignment = pairs.get("general.alignment", 32)
    step = alignment if isinstance(alignment, int) and 0 < alignment <= 2**20 else 32
    start = -(-header.position // step) * step
    if tensors.count and start + tensors.last_offset >= source.size:
        return [gap(source, GapReason.TRUNCATED, "tensors lie outside of the file")]
    return []


def _model(pairs: dict[str, object], tensors: _Tensors | None) -> ModelFile:
    quantisation = pairs.get("general.file_type")
    shown: list[tuple[str, object]] = [(key.removeprefix("general."), pairs.get(key)) for key in _SHOWN]
    if isinstance(quantisation, int):
        shown.append(("quantisation", _FILE_TYPES.get(quantisation, f"file type {quantisation}")))
    templates = [key for key in pairs if key.startswith("tokenizer.chat_template.")]
    shown.append(("more chat templates", ", ".join(key.rsplit(".", 1)[1] for key in templates)))
    role = ModelRole.ADAPTER if pairs.get("general.type") == "adapter" else ModelRole.WEIGHTS
    return ModelFile(
        format="gguf",
        role=role,
        parameters=tensors.parameters if tensors else None,
        tensors=tensors.count if tensors else None,
        dtypes=tensors.types if tensors else (),
        architecture=str(pairs.get("general.architecture", ""))[:200],
        metadata=metadata(shown),
        can_execute=False,
        template=str(pairs.get("tokenizer.chat_template", ""))[:MAX_TEMPLATE],
    )


READER = GgufReader()

"""GGUF 1 to 3: key-value metadata and tensor infos. Tensors are never parsed.

What native readers refuse, because older ones wrote or read out of bounds with it, is a contradiction: counts and
lengths that no file can hold, keys and tensors that stand twice, an alignment that is none, tensors that overlap or
have shapes beyond all numbers. What merely ends early is a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from keelmark.core.facts import GapReason, ModelFile, ModelRole, Reading, Technique
from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats.cursor import Cursor
from keelmark.formats.models.facts import MAX_TEMPLATE, gap, gap_of, metadata
from keelmark.formats.models.gguf_tensors import MAX_DIMENSIONS, Tensor, TensorTable, alignment_of
from keelmark.formats.models.hazard_list import HazardList
from keelmark.formats.models.hub_hazards import hazards_of_other_texts, hazards_of_templates
from keelmark.formats.models.templates import MAX_CHARACTERS, too_long

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Gap, Hazard
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "GgufReader"]

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

_TEMPLATE = "tokenizer.chat_template"
_MAX_TEMPLATES = 32
# Arrays of texts that are no vocabulary are short.
_VOCABULARY = "tokenizer.ggml."
_MAX_LISTED = 256
_MIN_ABSURD = 2**31
_OTHERS = (
    (b"PK\x03\x04", "a zip archive"), (b"\x80\x02", "a pickle"), (b"\x80\x03", "a pickle"), (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"), (b"\x7fELF", "a program"), (b"\x89HDF", "HDF5"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a header."""

    max_pairs: int = 65_536
    max_tensors: int = 300_000
    max_text_bytes: int = 16 * 1024**2
    max_kept_text: int = 4 * MAX_CHARACTERS
    max_array_texts: int = 4_000_000
    max_array_depth: int = 4
    max_dimensions: int = 64


class GgufReader:
    """Reads GGUF.

    Args:
        bounds: Bounds of the header.
    """

    name = "gguf"
    version = 2

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """The four letters at the start; or the name together with binary content."""
        return source.head.startswith(b"GGUF") or (source.suffix == ".gguf" and not source.is_text)

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read metadata and tensor infos; what was read before a fault is kept."""
        pairs: dict[str, object] = {}
        tensors: TensorTable | None = None
        gaps: list[Gap] = []
        found = HazardList()
        too_long_ones: list[Hazard] = []
        header: _Header | None = None
        try:
            header = _Header(source.data, bounds=self._bounds, found=found)
            header.read_pairs(pairs)
            too_long_ones = [too_long(key[:200], MAX_CHARACTERS) for key in header.cut]
            tensors = header.read_tensors()
            alignment = alignment_of(pairs, found)
            if tensors.place(header.position, alignment=alignment, size=source.size, found=found):
                gaps.append(gap(source, GapReason.TRUNCATED, "tensors lie outside of the file"))
        except KeelmarkError as error:
            gaps.append(gap_of(source, error))
        models = (_model(pairs, tensors), *_more_templates(pairs))
        templates, errors = hazards_of_templates(
            (key, value)
            for key, value in pairs.items()
            if key.startswith(_TEMPLATE) and isinstance(value, str)
        )
        gaps.extend(gap_of(source, error) for error in errors)
        listed = header.listed if header is not None else []
        templates += hazards_of_other_texts(chain(_other_texts(pairs), listed))
        stated = {hazard.subject for hazard in templates}
        templates += tuple(hazard for hazard in too_long_ones if hazard.subject not in stated)
        hazards = (*found.close(), *templates)
        return (Reading(format="gguf", models=models, gaps=tuple(gaps), hazards=hazards),)


class _Header:
    """Reads one header in order: version, counts, pairs, tensor infos."""

    def __init__(self, data: memoryview, *, bounds: Bounds, found: HazardList) -> None:
        if bytes(data[:4]) != b"GGUF":
            _disguised(bytes(data[:8]), found)
            raise ParseError("no GGUF magic at the start")
        self._found = found
        version = int.from_bytes(data[4:8], "little")
        # Version 3 also exists in big endian; a small number in the high half tells.
        swapped = version > 0xFFFF
        self._cursor = Cursor(data, position=4, order="big" if swapped else "little")
        self._bounds = bounds
        self.version = self._cursor.unsigned(4)
        if self.version not in {1, 2, 3}:
            raise ParseError(f"GGUF version {self.version} is not known")
        self._size_width = 4 if self.version == 1 else 8
        self._tensor_count = self._count("tensors")
        self._pair_count = self._count("metadata pairs")
        self._texts = 0
        self.has_cut_text = False
        self.cut: list[str] = []
        self.listed: list[tuple[str, str]] = []
        self._key = ""

    @property
    def position(self) -> int:
        """Where the next read starts."""
        return self._cursor.position

    def _size(self) -> int:
        return self._cursor.unsigned(self._size_width)

    def _count(self, what: str) -> int:
        """A count or length; one that no file can hold is a lie, not a file cut short."""
        count = self._size()
        if count > max(len(self._cursor.data), _MIN_ABSURD):
            detail = f"the header announces {count} {what}, more than a file of {len(self._cursor.data)} bytes can hold"
            self._found.add(Technique.CONTRADICTORY_HEADER, detail, subject=what)
        return count

    def _text(self) -> str:
        length = self._count("bytes of text")
        if length > self._bounds.max_kept_text:
            if length > self._bounds.max_text_bytes:
                raise LimitExceededError(
                    f"text of {length} bytes is longer than {self._bounds.max_text_bytes}"
                )
            kept = self._cursor.text(self._bounds.max_kept_text, max_bytes=self._bounds.max_kept_text)
            self._cursor.skip(length - self._bounds.max_kept_text)
            self.has_cut_text = True
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
            if key in pairs:
                detail = f"the key `{key[:100]}` stands twice, and readers differ in which value they take"
                self._found.add(Technique.CONTRADICTORY_HEADER, detail, subject=key)
            self.has_cut_text, self._key = False, key
            pairs[key] = self._value(self._cursor.unsigned(4), depth=0)
            if self.has_cut_text and key.startswith(_TEMPLATE):
                self.cut.append(key)

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
        kind, count = self._cursor.unsigned(4), self._count("items")
        if kind in _WIDTHS:
            self._cursor.skip(count * _WIDTHS[kind])
            return count
        self._texts += count
        if self._texts > self._bounds.max_array_texts:
            raise LimitExceededError(f"metadata arrays hold more than {self._bounds.max_array_texts} texts")
        keeps = kind == _STRING and count <= _MAX_LISTED and not self._key.startswith(_VOCABULARY)
        for _ in range(count):
            if keeps and len(self.listed) < _MAX_LISTED:
                self.listed.append((self._key, self._text()))
            elif kind == _STRING:
                self._cursor.skip(self._count("bytes of text"))
            else:
                self._value(kind, depth=depth)
        return count

    def read_tensors(self) -> TensorTable:
        """Read the tensor infos."""
        if self._tensor_count > self._bounds.max_tensors:
            raise LimitExceededError(f"{self._tensor_count} tensors are more than {self._bounds.max_tensors}")
        table = TensorTable()
        for _ in range(self._tensor_count):
            name = self._text()
            dimensions = self._cursor.unsigned(4)
            if dimensions > MAX_DIMENSIONS:
                detail = f"tensor `{name[:80]}` states {dimensions} dimensions; native readers keep {MAX_DIMENSIONS}"
                self._found.add(Technique.CONTRADICTORY_HEADER, detail, subject=name)
                if dimensions > self._bounds.max_dimensions:
                    raise ParseError(f"tensor with {dimensions} dimensions")
            shape = [self._size() for _ in range(dimensions)]
            kind = self._cursor.unsigned(4)
            table.add(Tensor(name, tuple(shape), kind, self._cursor.unsigned(8)), self._found)
        return table


def _other_texts(pairs: dict[str, object]) -> Iterator[tuple[str, str]]:
    return (
        (key, value)
        for key, value in pairs.items()
        if isinstance(value, str) and not key.startswith(_TEMPLATE)
    )


def _disguised(start: bytes, found: HazardList) -> None:
    other = next((what for magic, what in _OTHERS if start.startswith(magic)), "")
    if other:
        detail = f"the name says GGUF, the content is {other}: tools that look at the content load it as that"
        found.add(Technique.DISGUISED_FORMAT, detail, subject=other)


def _model(pairs: dict[str, object], tensors: TensorTable | None) -> ModelFile:
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


def _more_templates(pairs: dict[str, object]) -> list[ModelFile]:
    """Templates beside the first one: a loader takes them by name, so each is judged."""
    named = [
        (key, value)
        for key, value in pairs.items()
        if key.startswith(f"{_TEMPLATE}.") and isinstance(value, str)
    ]
    return [
        ModelFile(
            format="chat-template",
            role=ModelRole.TOKENIZER,
            metadata=metadata([("name", key.removeprefix(f"{_TEMPLATE}."))]),
            can_execute=False,
            template=value[:MAX_TEMPLATE],
        )
        for key, value in named[:_MAX_TEMPLATES]
    ]


READER = GgufReader()

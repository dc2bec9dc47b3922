"""OpenVINO: the graph in XML. Documents that declare entities are refused, so none is ever expanded.

The weights stand in a file beside it and are numbers. Operators of the official sets and those of the tokenizers that
OpenVINO publishes come with its own packages; every other version of an operator is one that an extension library
registers before the model is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import ModelFile, Technique
from keelmark.errors import KeelmarkError
from keelmark.formats.models import xml_tree
from keelmark.formats.models.facts import gap_of, metadata, product, reading, unique
from keelmark.formats.models.hazard_list import HazardList, way_out
from keelmark.formats.models.xml_tree import Bounds

if TYPE_CHECKING:
    from keelmark.core.facts import Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "OpenvinoReader"]

_OPSET = re2.compile(
    r"opset\d{1,3}|experimental|type_relaxed_opset|ie_internal_opset|util|cpu_plugin_opset|gpu_opset|internal_opset"
)
_EXTENSION = "extension"
# Operators of the set `extension` that come with OpenVINO: its own, and those of its tokenizers.
_SHIPPED = frozenset({
    "PagedAttentionExtension", "BPETokenizer", "BytesToChars", "CharsToBytes", "CaseFold", "CharsMapNormalization",
    "CombineSegments", "EqualStr", "FuzeRagged", "NormalizeUnicode", "RaggedTensorPack", "RaggedToDense",
    "RaggedToRagged", "RaggedToSparse", "RegexNormalization", "RegexSplit", "SentencepieceDetokenizer",
    "SentencepieceStreamDetokenizer", "SentencepieceTokenizer", "SpecialTokensSplit", "StringTensorPack",
    "StringTensorUnpack", "StringToHashBucket", "TrieTokenizer", "Truncate", "UTF8Validate", "UnigramTokenizer",
    "VocabDecoder", "VocabEncoder", "WordpieceTokenizer", "UnigramDetokenizer", "ByteFallback",
})  # fmt: skip
# Attributes by which extensions and old readers found weights in other files.
_PATHS = frozenset({"path", "file", "filename", "file_path", "weights", "weights_path"})
_LIBRARY = re2.compile(r"(?i).*\.(so(\.\d+)*|dll|dylib)")
_WIDTHS = {
    "F64": 64, "I64": 64, "U64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16, "I16": 16, "U16": 16,
    "I8": 8, "U8": 8, "BOOLEAN": 8,
}  # fmt: skip
# Files of weights have less than a tebibyte.
_MAX_WEIGHTS = 2**40


class OpenvinoReader:
    """Reads the graph of an OpenVINO model.

    Args:
        bounds: Bounds of the document.
    """

    name = "openvino"
    version = 2

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """By the root element; without layers below it nothing is read."""
        return xml_tree.looks_like(source, "net")

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read layers and constants."""
        graph = _Graph()
        try:
            xml_tree.walk(source, graph, graph.found, bounds=self._bounds)
        except KeelmarkError as error:
            if not graph.has_layers and not graph.found:
                return ()  # A document that merely calls its root so.
            return reading(graph.facts(), gap_of(source, error), hazards=graph.found.close())
        if not graph.has_layers:
            return ()
        return reading(graph.facts(), hazards=graph.found.close())


@dataclass(slots=True)
class _Graph:
    """What is gathered while the elements pass."""

    found: HazardList = field(default_factory=HazardList)
    said: list[tuple[str, object]] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    types: set[str] = field(default_factory=set)
    constants: int = 0
    parameters: int = 0
    has_layers: bool = False
    is_constant: bool = False

    def start(self, name: str, attributes: dict[str, str], depth: int) -> None:
        if name == "net" and depth == 1:
            self.said += [("name", attributes.get("name")), ("version", attributes.get("version"))]
        elif name == "layer":
            self._layer(attributes)
        elif name == "data":
            self._libraries(attributes)
            if self.is_constant:
                self._constant(attributes)

    def _layer(self, attributes: dict[str, str]) -> None:
        self.has_layers = True
        kind, opset = attributes.get("type", ""), attributes.get("version", "")
        self.is_constant = kind == "Const"
        self._libraries(attributes)
        if kind.lower() == "python":
            detail = "a layer calls Python when the model runs"
            self.found.add(Technique.PYTHON_OPERATOR, detail, subject=kind)
        elif opset and not _OPSET.fullmatch(opset) and not (opset == _EXTENSION and kind in _SHIPPED):
            name = f"{opset[:100]}.{kind[:100]}"
            self.foreign.append(name)
            detail = f"the graph needs the operator `{name}`, which an extension library registers before it is loaded"
            self.found.add(Technique.CUSTOM_OPERATOR, detail, subject=name)

    def _libraries(self, attributes: dict[str, str]) -> None:
        for key, value in attributes.items():
            if key.lower() in _PATHS and (way := way_out(value[:4096])):
                detail = f"attribute `{key[:80]}` of the graph names the file `{value[:200]}`, which {way}"
                self.found.add(Technique.OUTSIDE_PATH, detail, subject=value)
            if key not in {"name", "id"} and _LIBRARY.fullmatch(value[:4096]):
                detail = f"attribute `{key[:80]}` of the graph names the native library `{value[:200]}`"
                self.found.add(Technique.NATIVE_LIBRARY, detail, subject=value)

    def _constant(self, attributes: dict[str, str]) -> None:
        self.constants += 1
        kind = attributes.get("element_type", attributes.get("precision", "")).upper()[:16]
        self.types.update([kind] if kind else [])
        sizes = [part.strip() for part in attributes.get("shape", "").split(",")[:64]]
        count = 0
        if all(size.isascii() and size.isdigit() and len(size) < 19 for size in sizes if size):
            count = product(int(size) for size in sizes if size)
            self.parameters += count
        offset, length = _number(attributes.get("offset")), _number(attributes.get("size"))
        if offset is None or length is None or offset + length >= _MAX_WEIGHTS:
            detail = "a constant is placed where no file of weights has any bytes"
            self.found.add(Technique.CONTRADICTORY_HEADER, detail, subject="offset")
        elif "size" in attributes and length < count * _WIDTHS.get(kind, 0) // 8:
            detail = f"a constant of {count} {kind} takes {length} bytes of the weights"
            self.found.add(Technique.CONTRADICTORY_HEADER, detail, subject="size")

    def text(self, content: str) -> None:
        """Text between elements says nothing here."""

    def end(self, name: str) -> None:
        if name == "layer":
            self.is_constant = False

    def facts(self) -> ModelFile:
        return ModelFile(
            format="openvino",
            parameters=self.parameters,
            tensors=self.constants,
            dtypes=tuple(sorted(self.types)),
            metadata=metadata(self.said),
            # An operator of another opset is native code in an extension library.
            can_execute=None if self.foreign else False,
            unknown=unique(self.foreign),
        )


def _number(text: str | None) -> int | None:
    if text is None:
        return 0
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


READER = OpenvinoReader()

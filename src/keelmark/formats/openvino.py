"""OpenVINO: the graph in XML. Documents that declare a document type are refused, so no entity is ever expanded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.parsers import expat

import re2

from keelmark.core.facts import ModelFile
from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats.model_facts import gap_of, metadata, product, reading, unique

if TYPE_CHECKING:
    from keelmark.core.facts import Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "OpenvinoReader"]

_ROOT = re2.compile(rb"(?:^|>)\s*<net\s")
_CHUNK_BYTES = 256 * 1024
_OPSET = re2.compile(r"opset\d{1,3}|experimental|extension|type_relaxed_opset|ie_internal_opset|util")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a document."""

    max_bytes: int = 256 * 1024**2
    max_elements: int = 5_000_000
    max_depth: int = 200


class OpenvinoReader:
    """Reads the graph of an OpenVINO model.

    Args:
        bounds: Bounds of the document.
    """

    name = "openvino"
    version = 1

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """By the root element, together with the layers below it."""
        head = source.head[:16384]
        if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            return False
        return b"<layer" in source.head and _ROOT.search(head) is not None

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read layers and constants."""
        walk = _Walk(self._bounds)
        try:
            walk.feed(source.data)
        except KeelmarkError as error:
            return reading(walk.facts(), gap_of(source, error))
        return reading(walk.facts())


@dataclass(slots=True)
class _Walk:
    """What is gathered while the elements pass."""

    bounds: Bounds
    said: list[tuple[str, object]] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    types: set[str] = field(default_factory=set)
    constants: int = 0
    parameters: int = 0
    elements: int = 0
    depth: int = 0
    is_constant: bool = False

    def feed(self, data: memoryview) -> None:
        if len(data) > self.bounds.max_bytes:
            raise LimitExceededError(f"document of {len(data)} bytes is longer than {self.bounds.max_bytes}")
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = _refuse
        parser.EntityDeclHandler = _refuse
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        try:
            for position in range(0, len(data), _CHUNK_BYTES):
                parser.Parse(bytes(data[position : position + _CHUNK_BYTES]), False)  # noqa: FBT003 - its signature
            parser.Parse(b"", True)  # noqa: FBT003 - its signature
        except expat.ExpatError as error:
            raise ParseError(f"no XML: {error}") from error
        finally:
            parser.StartElementHandler = parser.EndElementHandler = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        self.depth += 1
        if self.elements > self.bounds.max_elements or self.depth > self.bounds.max_depth:
            raise LimitExceededError("document has more elements than are read")
        if name == "net" and self.depth == 1:
            self.said += [("name", attributes.get("name")), ("version", attributes.get("version"))]
        elif name == "layer":
            self.is_constant = attributes.get("type") == "Const"
            opset = attributes.get("version", "")
            if opset and not _OPSET.fullmatch(opset):
                self.foreign.append(f"{opset[:100]}.{attributes.get('type', '')[:100]}")
        elif name == "data" and self.is_constant:
            self.constants += 1
            kind = attributes.get("element_type", attributes.get("precision", "")).upper()[:16]
            self.types.update([kind] if kind else [])
            sizes = [part.strip() for part in attributes.get("shape", "").split(",")[:64]]
            if all(size.isascii() and size.isdigit() and len(size) < 19 for size in sizes if size):
                self.parameters += product(int(size) for size in sizes if size)

    def end(self, name: str) -> None:
        self.depth -= 1
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


def _refuse(*_: object) -> None:
    raise ParseError("document declares a document type; it is not read")


READER = OpenvinoReader()

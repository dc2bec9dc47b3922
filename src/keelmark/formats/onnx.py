"""ONNX: operators, opsets, initialisers and outside data of a protobuf model. Tensors are never parsed.

ONNX has no magic. A file is ONNX when all its top-level fields are those of a `ModelProto` and a graph is among them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keelmark.core.facts import ModelFile
from keelmark.errors import KeelmarkError, LimitExceededError
from keelmark.formats import protobuf
from keelmark.formats.model_facts import gap_of, leaves_folder, metadata, product, reading, unique
from keelmark.formats.protobuf import Budget, Wire

if TYPE_CHECKING:
    from keelmark.core.facts import Gap, Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "OnnxReader"]

_MODEL_WIRES = {
    1: Wire.VARINT, 2: Wire.BYTES, 3: Wire.BYTES, 4: Wire.BYTES, 5: Wire.VARINT, 6: Wire.BYTES, 7: Wire.BYTES,
    8: Wire.BYTES, 14: Wire.BYTES, 20: Wire.BYTES, 25: Wire.BYTES, 26: Wire.BYTES,
}  # fmt: skip
_IR_VERSION, _GRAPH, _OPSET, _PROPERTY, _FUNCTION = 1, 7, 8, 14, 25
_MAX_IR_VERSION = 99
_TYPES = {
    1: "F32", 2: "U8", 3: "I8", 4: "U16", 5: "I16", 6: "I32", 7: "I64", 8: "STRING", 9: "BOOL", 10: "F16", 11: "F64",
    12: "U32", 13: "U64", 14: "C64", 15: "C128", 16: "BF16", 17: "F8_E4M3", 18: "F8_E4M3FNUZ", 19: "F8_E5M2",
    20: "F8_E5M2FNUZ", 21: "U4", 22: "I4", 23: "F4", 24: "F8_E8M0",
}  # fmt: skip
_TRAINED = frozenset({"F32", "F16", "F64", "BF16", "F8_E4M3", "F8_E5M2"})
# Domains whose operators every common runtime carries itself; others need a native library.
_KNOWN_DOMAINS = frozenset({
    "", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview", "ai.onnx.preview.training",
    "com.microsoft", "com.microsoft.experimental", "com.microsoft.nchwc", "com.ms.internal.nhwc",
    "com.microsoft.dml", "org.pytorch.aten", "org.openvinotoolkit",
})  # fmt: skip
_MAX_TOP_FIELDS = 10_000
_MAX_DIMENSIONS = 64


class OnnxReader:
    """Reads ONNX."""

    name = "onnx"
    version = 1

    def recognises(self, source: Source) -> bool:
        """The first key is one of a model; or the name together with binary content."""
        head = source.head
        if source.suffix == ".onnx" and not source.is_text:
            return True
        first = head[0] if head else 0
        return _MODEL_WIRES.get(first >> 3) == first & 7 and _is_model(source.data)

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the model; what was read before a fault is kept."""
        walk = _Walk()
        gaps: tuple[Gap, ...] = ()
        try:
            walk.model(source.data)
        except KeelmarkError as error:
            gaps = (gap_of(source, error),)
        return reading(walk.facts(), *gaps)


def _is_model(data: memoryview) -> bool:
    budget = Budget(fields=_MAX_TOP_FIELDS)
    seen: set[int] = set()
    try:
        for item in protobuf.fields(data, budget):
            if _MODEL_WIRES.get(item.number) != item.wire:
                return False
            if item.number == _IR_VERSION and not 0 < item.value <= _MAX_IR_VERSION:
                return False
            seen.add(item.number)
    except KeelmarkError:
        return False
    return _GRAPH in seen and bool(seen & {_IR_VERSION, _OPSET})


@dataclass(slots=True)
class _Walk:
    """What is gathered while the model is walked."""

    budget: Budget = field(default_factory=Budget)
    said: list[tuple[str, str]] = field(default_factory=list)
    properties: list[tuple[str, str]] = field(default_factory=list)
    opsets: list[str] = field(default_factory=list)
    local: set[tuple[str, str]] = field(default_factory=set)
    foreign: set[tuple[str, str]] = field(default_factory=set)
    outside: dict[str, None] = field(default_factory=dict)
    types: set[str] = field(default_factory=set)
    tensors: int = 0
    parameters: int = 0

    def model(self, data: memoryview) -> None:
        for item in protobuf.fields(data, self.budget):
            match item.number:
                case 1 | 5:
                    self.said.append(({1: "ir_version", 5: "model_version"}[item.number], str(item.value)))
                case 2 | 3 | 4:
                    name = {2: "producer", 3: "producer_version", 4: "domain"}[item.number]
                    self.said.append((name, protobuf.text(item.view)))
                case 7:
                    self.graph(item.view, depth=1)
                case 8:
                    self.opsets.append(self.opset(item.view))
                case 14:
                    self.properties.append(self.pair(item.view))
                case 25:
                    self.function(item.view)
                case _:
                    pass

    def opset(self, view: memoryview) -> str:
        domain, version = "", 0
        for item in protobuf.fields(view, self.budget):
            if item.number == 1:
                domain = protobuf.text(item.view, max_bytes=200)
            elif item.number == 2:
                version = item.value
        return f"{domain or 'ai.onnx'} {version}"

    def pair(self, view: memoryview) -> tuple[str, str]:
        key = value = ""
        for item in protobuf.fields(view, self.budget):
            if item.number == 1:
                key = protobuf.text(item.view)
            elif item.number == 2:
                value = protobuf.text(item.view)
        return key, value

    def graph(self, view: memoryview, *, depth: int) -> None:
        if depth > self.budget.depth:
            raise LimitExceededError("graphs are nested too deeply")
        for item in protobuf.fields(view, self.budget):
            if item.number == 1:
                self.node(item.view, depth=depth)
            elif item.number == 5:
                self.tensor(item.view)
            elif item.number == 15:  # sparse initialiser: its values are a tensor
                for part in protobuf.fields(item.view, self.budget):
                    if part.number == 1:
                        self.tensor(part.view)

    def function(self, view: memoryview) -> None:
        name = domain = ""
        for item in protobuf.fields(view, self.budget):
            if item.number == 1:
                name = protobuf.text(item.view, max_bytes=200)
            elif item.number == 7:
                self.node(item.view, depth=1)
            elif item.number == 10:
                domain = protobuf.text(item.view, max_bytes=200)
        self.local.add((domain, name))

    def node(self, view: memoryview, *, depth: int) -> None:
        operator = domain = ""
        attributes: list[memoryview] = []
        for item in protobuf.fields(view, self.budget):
            if item.number == 4:
                operator = protobuf.text(item.view, max_bytes=200)
            elif item.number == 5:
                attributes.append(item.view)
            elif item.number == 7:
                domain = protobuf.text(item.view, max_bytes=200)
        if domain not in _KNOWN_DOMAINS:
            self.foreign.add((domain, operator))
        for attribute in attributes:
            self.attribute(attribute, depth=depth)

    def attribute(self, view: memoryview, *, depth: int) -> None:
        for item in protobuf.fields(view, self.budget):
            if item.wire != Wire.BYTES:
                continue
            if item.number in {6, 11}:  # graph, graphs: bodies of If, Loop and Scan
                self.graph(item.view, depth=depth + 1)
            elif item.number in {5, 10}:  # tensor, tensors: some exporters keep weights in Constant nodes
                self.tensor(item.view, is_constant=True)

    def tensor(self, view: memoryview, *, is_constant: bool = False) -> None:
        shape: list[int] = []
        kind = ""
        for item in protobuf.fields(view, self.budget):
            if item.number == 1 and item.wire == Wire.VARINT:
                shape.append(item.value)
            elif item.number == 1 and item.wire == Wire.BYTES:
                shape.extend(protobuf.packed_varints(item.view, limit=_MAX_DIMENSIONS))
            elif item.number == 2:
                kind = _TYPES.get(item.value, f"type-{item.value}")
            elif item.number == 13:
                key, value = self.pair(item.view)
                if key == "location":
                    self.outside[value] = None
            if len(shape) > _MAX_DIMENSIONS:
                raise LimitExceededError(f"tensor has more than {_MAX_DIMENSIONS} dimensions")
        if is_constant and kind not in _TRAINED:
            return
        self.tensors += 1
        self.parameters += product(shape)
        if kind:
            self.types.add(kind)

    def facts(self) -> ModelFile:
        unknown = unique(f"{domain}.{name}" for domain, name in sorted(self.foreign - self.local))
        shown = [*self.said, ("opsets", ", ".join(dict.fromkeys(self.opsets)))]
        shown += [("outside data", name) for name in list(self.outside)[:8]] + self.properties
        return ModelFile(
            format="onnx",
            parameters=self.parameters,
            tensors=self.tensors,
            dtypes=tuple(sorted(self.types)),
            metadata=metadata(shown),
            # Operators outside the known domains are native code that somebody has to register first.
            can_execute=None if unknown else False,
            dangerous=unique(
                f"outside data `{name}`: the path leaves the folder of the model"
                for name in self.outside
                if leaves_folder(name)
            ),
            unknown=unknown,
        )


READER = OnnxReader()

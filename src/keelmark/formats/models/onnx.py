"""ONNX: operators, opsets, initialisers and outside data of a protobuf model. Tensors are never parsed.

ONNX has no magic. A file is ONNX when all its top-level fields are those of a `ModelProto` and a graph is among them.
The optimised form of its runtime (`.ort`) is a flatbuffer of the same graph: it is recognised by its mark, and its
operators were fixed when it was written; native ones still have to be registered by whoever loads it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keelmark.core.facts import ModelFile, Technique
from keelmark.errors import KeelmarkError
from keelmark.formats.cursor import contains
from keelmark.formats.models import protobuf
from keelmark.formats.models.facts import gap_of, leaves_folder, metadata, reading, unique
from keelmark.formats.models.hazard_list import HazardList
from keelmark.formats.models.onnx_graph import Graphs
from keelmark.formats.models.protobuf import Budget, Wire

if TYPE_CHECKING:
    from keelmark.core.facts import Gap, Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "READERS", "OnnxReader", "OrtReader"]

_MODEL_WIRES = {
    1: Wire.VARINT, 2: Wire.BYTES, 3: Wire.BYTES, 4: Wire.BYTES, 5: Wire.VARINT, 6: Wire.BYTES, 7: Wire.BYTES,
    8: Wire.BYTES, 14: Wire.BYTES, 20: Wire.BYTES, 25: Wire.BYTES, 26: Wire.BYTES,
}  # fmt: skip
_IR_VERSION, _GRAPH, _OPSET = 1, 7, 8
_MAX_IR_VERSION = 99
_MAX_TOP_FIELDS = 10_000
_ORT_MARK = b"ORTM"
_MAX_SEARCH = 32 * 1024**2


class OnnxReader:
    """Reads ONNX."""

    name = "onnx"
    version = 2

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
        model = walk.facts()
        return reading(model, *gaps, hazards=walk.graphs.hazards.close())


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

    graphs: Graphs = field(default_factory=Graphs)
    said: list[tuple[str, str]] = field(default_factory=list)
    properties: list[tuple[str, str]] = field(default_factory=list)

    def model(self, data: memoryview) -> None:
        for item in protobuf.fields(data, self.graphs.budget):
            match item.number:
                case 1 | 5:
                    self.said.append(({1: "ir_version", 5: "model_version"}[item.number], str(item.value)))
                case 2 | 3 | 4:
                    name = {2: "producer", 3: "producer_version", 4: "domain"}[item.number]
                    self.said.append((name, protobuf.text(item.view)))
                case 7:
                    self.graphs.graph(item.view, depth=1)
                case 8:
                    self.graphs.opset(item.view)
                case 14:
                    self.properties.append(self.graphs.pair(item.view))
                case 20:
                    self.graphs.training(item.view)
                case 25:
                    self.graphs.function(item.view)
                case _:
                    pass

    def facts(self) -> ModelFile:
        graphs = self.graphs
        foreign = graphs.foreign()
        for domain, operator in foreign:
            graphs.hazards.add(
                Technique.CUSTOM_OPERATOR,
                f"the graph needs the operator `{operator}` of domain `{domain or 'ai.onnx'}`, which comes from a "
                f"library that has to be registered before the model is loaded",
                subject=f"{domain or 'ai.onnx'}.{operator}",
            )
        unknown = unique(f"{domain or 'ai.onnx'}.{operator}" for domain, operator in foreign)
        opsets = ", ".join(f"{domain or 'ai.onnx'} {version}" for domain, version in graphs.opsets.items())
        shown = [*self.said, ("opsets", opsets)]
        shown += [("outside data", name) for name in list(graphs.outside)[:8]] + self.properties
        return ModelFile(
            format="onnx",
            parameters=graphs.parameters,
            tensors=graphs.tensors,
            dtypes=tuple(sorted(graphs.types)),
            metadata=metadata(shown),
            # Operators outside the known domains are native code that somebody has to register first.
            can_execute=None if unknown else False,
            dangerous=unique(
                f"outside data `{name}`: the path leaves the folder of the model"
                for name in graphs.outside
                if leaves_folder(name)
            ),
            unknown=unknown,
        )


class OrtReader:
    """Recognises models of ONNX Runtime in their optimised form."""

    name = "ort"
    version = 1

    def recognises(self, source: Source) -> bool:
        """The mark of the flatbuffer."""
        return source.head[4:8] == _ORT_MARK

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Say what it is, and look for the texts that name operators of Python."""
        found = HazardList()
        for name in (b"PyOp", b"PythonOp", b"PyCustomOp"):
            text = len(name).to_bytes(4, "little") + name + b"\x00"
            if contains(source.data, text, stop=_MAX_SEARCH):
                title = name.decode()
                detail = f"operator `{title}` calls Python when the model runs"
                found.add(Technique.PYTHON_OPERATOR, detail, subject=title)
        model = ModelFile(format="ort", can_execute=bool(found))
        return reading(model, hazards=found.close())


READER = OnnxReader()
READERS = (READER, OrtReader())

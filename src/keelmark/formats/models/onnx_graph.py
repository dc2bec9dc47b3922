"""The inside of an ONNX model: graphs, nodes, functions and tensors, walked with the wire format alone.

Rules of what is named, each proven in the tests:

1. Data outside of the file is read by every runtime: a location that is absolute, climbs, or is an address leaves the
   folder, wherever the tensor stands (initialiser, sparse, attribute, subgraph, function, training graph). The file
   itself holds numbers only, so that its absence is no gap.
2. Loaders of Python set the other entries of outside data as attributes of an object; names with two underscores
   change its class.
3. An operator of a domain that no runtime carries is native code that somebody has to register. A name that an
   official domain does not have is none of its operators either, unless the model asks for a newer set than ours.
   The names of `com.microsoft` change with each build of its runtime and stay inside of it: they are not compared.
4. Operators that call Python are named with what they call.
   The domain `org.pytorch.aten` hands over to PyTorch whatever function its attribute names: runtimes do not carry it.
5. Functions of the model itself are no foreign operators, whatever their domain.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import NamedTuple

from keelmark.core.facts import Technique
from keelmark.errors import LimitExceededError
from keelmark.formats.models import protobuf
from keelmark.formats.models.facts import product
from keelmark.formats.models.hazard_list import HazardList, way_out
from keelmark.formats.models.protobuf import Budget, Field, Wire

__all__ = ["KNOWN_DOMAINS", "Graphs"]

_TYPES = {
    1: "F32", 2: "U8", 3: "I8", 4: "U16", 5: "I16", 6: "I32", 7: "I64", 8: "STRING", 9: "BOOL", 10: "F16", 11: "F64",
    12: "U32", 13: "U64", 14: "C64", 15: "C128", 16: "BF16", 17: "F8_E4M3", 18: "F8_E4M3FNUZ", 19: "F8_E5M2",
    20: "F8_E5M2FNUZ", 21: "U4", 22: "I4", 23: "F4", 24: "F8_E8M0", 25: "U2", 26: "I2",
}  # fmt: skip
_BITS = {
    1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64, 15: 128, 16: 16,
    17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2,
}  # fmt: skip
_TRAINED = frozenset({"F32", "F16", "F64", "BF16", "F8_E4M3", "F8_E5M2"})
# Domains whose operators common runtimes carry themselves; others need a native library.
KNOWN_DOMAINS = frozenset({
    "", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview", "ai.onnx.preview.training",
    "ai.onnx.contrib", "com.microsoft", "com.microsoft.experimental", "com.microsoft.nchwc",
    "com.ms.internal.nhwc", "com.microsoft.dml", "com.microsoft.extensions",
    "org.openvinotoolkit",
})  # fmt: skip
"""Official domains of operators."""
_NEWEST = {"": 28, "ai.onnx.ml": 5, "ai.onnx.contrib": 1}
_PYTHON = frozenset({"PyOp", "PyCustomOp", "PythonOp", "PythonOpGrad"})
_REMOTE = frozenset({"OpenAIAudioToText", "AzureAudioToText", "AzureTextToText", "AzureTritonInvoker"})
_MAX_DIMENSIONS = 64
_MAX_ELEMENTS = 2**62
# Operators whose output is as large as one of their inputs says.
_SHAPES = {"ConstantOfShape": 0, "Expand": 1}
_INT64 = 7
_MAX_INPUTS = 16
_MAX_FILLED = 2**38
_IN_MEMORY = "*/_ORT_MEM_ADDR_/*"


@cache
def _operators() -> dict[str, frozenset[str]]:
    raw = resources.files("keelmark.formats.models").joinpath("onnx_operators.json").read_bytes()
    return {domain: frozenset(names) for domain, names in json.loads(raw).items()}


@dataclass(slots=True)
class _Tensor:
    """The head of one tensor; `raw` is how many bytes stand in the file, 0 when they stand elsewhere."""

    name: str = ""
    kind: int = 0
    raw: int = 0
    shape: list[int] = field(default_factory=list)
    numbers: tuple[int, ...] = ()
    outside: list[tuple[str, str]] = field(default_factory=list)


class _Node(NamedTuple):
    domain: str
    operator: str
    attributes: list[memoryview]
    inputs: list[str]


@dataclass(slots=True)
class Graphs:
    """Walks the parts of one model and gathers what they hold and name."""

    budget: Budget = field(default_factory=Budget)
    hazards: HazardList = field(default_factory=HazardList)
    opsets: dict[str, int] = field(default_factory=dict)
    local: set[tuple[str, str]] = field(default_factory=set)
    used: dict[tuple[str, str], None] = field(default_factory=dict)
    outside: dict[str, None] = field(default_factory=dict)
    types: set[str] = field(default_factory=set)
    _numbers: dict[str, tuple[int, ...]] = field(default_factory=dict)
    _shaped: list[tuple[str, str]] = field(default_factory=list)
    tensors: int = 0
    parameters: int = 0

    def opset(self, view: memoryview) -> None:
        """Note one opset that the model asks for."""
        domain, version = "", 0
        for item in protobuf.fields(view, self.budget):
            if item.number == 1 and item.wire == Wire.BYTES:
                domain = protobuf.text(item.view, max_bytes=200)
            elif item.number == 2:
                version = item.value
        self.opsets[domain] = version

    def graph(self, view: memoryview, *, depth: int) -> None:
        """Walk a graph and those below it.

        Raises:
            ParseError: No protobuf.
            LimitExceededError: Nested too deeply, or too many fields.
        """
        if depth > self.budget.depth:
            raise LimitExceededError("graphs are nested too deeply")
        for item in protobuf.fields(view, self.budget):
            if item.wire != Wire.BYTES:
                continue
            if item.number == 1:
                self.node(item.view, depth=depth)
            elif item.number == 5:
                self.tensor(item.view)
            elif item.number == 15:
                self.sparse(item.view)
        if depth == 1:
            self._check_shapes()

    def training(self, view: memoryview) -> None:
        """Walk the graphs that start and train a model."""
        for item in protobuf.fields(view, self.budget):
            if item.number in {1, 2} and item.wire == Wire.BYTES:
                self.graph(item.view, depth=1)

    def function(self, view: memoryview) -> None:
        """Walk a function of the model itself, and keep its name."""
        name = domain = ""
        for item in protobuf.fields(view, self.budget):
            if item.wire != Wire.BYTES:
                continue
            if item.number == 1:
                name = protobuf.text(item.view, max_bytes=200)
            elif item.number == 7:
                self.node(item.view, depth=1)
            elif item.number == 10:
                domain = protobuf.text(item.view, max_bytes=200)
            elif item.number == 11:
                self._attribute(item.view, depth=1)
        self.local.add((domain, name))

    def node(self, view: memoryview, *, depth: int) -> None:
        """Walk one node."""
        node = self._parts(view)
        self.used[node.domain, node.operator] = None
        texts: dict[str, str] = {}
        for attribute in node.attributes:
            name, value = self._attribute(attribute, depth=depth)
            texts[name] = value
        place = _SHAPES.get(node.operator)
        if place is not None and not node.domain and place < len(node.inputs):
            self._shaped.append((node.operator, node.inputs[place]))
        if node.operator in _PYTHON:
            self._python(node, texts)
        elif node.operator == "EPContext" and texts.get("embed_mode") == "0":
            self._location(texts.get("ep_cache_context", ""), what="compiled part")
        elif node.domain == "com.microsoft.extensions" and node.operator in _REMOTE:
            address = texts.get("model_uri", "")
            self.hazards.add(
                Technique.OUTSIDE_ADDRESS,
                f"operator `{node.operator}` sends its inputs to `{address[:200]}` when the model runs",
                subject=address or node.operator,
            )

    def _parts(self, view: memoryview) -> _Node:
        operator = domain = ""
        attributes: list[memoryview] = []
        inputs: list[str] = []
        for item in protobuf.fields(view, self.budget):
            if item.wire != Wire.BYTES:
                continue
            if item.number == 1 and len(inputs) < _MAX_INPUTS:
                inputs.append(protobuf.text(item.view, max_bytes=200))
            elif item.number == 4:
                operator = protobuf.text(item.view, max_bytes=200)
            elif item.number == 5:
                attributes.append(item.view)
            elif item.number == 7:
                domain = protobuf.text(item.view, max_bytes=200)
        return _Node("" if domain == "ai.onnx" else domain, operator, attributes, inputs)

    def _python(self, node: _Node, texts: dict[str, str]) -> None:
        module = texts.get("module", "")
        name = texts.get("class_name", "") or texts.get("func_name", "") or texts.get("name", "")
        target = ".".join(part for part in (module, name) if part) or node.operator
        self.hazards.add(
            Technique.PYTHON_OPERATOR,
            f"operator `{node.operator}` of domain `{node.domain}` calls Python (`{target[:200]}`) when the model runs",
            subject=target,
            code=f"{target}(...)",
        )

    def _attribute(self, view: memoryview, *, depth: int) -> tuple[str, str]:
        """Walk one attribute; its name, and its text or number."""
        name = value = ""
        for item in protobuf.fields(view, self.budget):
            if item.wire != Wire.BYTES:
                if item.number == 3:
                    value = str(item.value)
            elif item.number == 1:
                name = protobuf.text(item.view, max_bytes=200)
            elif item.number == 4:
                value = protobuf.text(item.view)
            elif item.number in {6, 11}:  # graph, graphs: bodies of If, Loop and Scan
                self.graph(item.view, depth=depth + 1)
            elif item.number in {5, 10}:  # tensor, tensors: some exporters keep weights in Constant nodes
                self.tensor(item.view, is_constant=True)
            elif item.number in {22, 23}:
                self.sparse(item.view)
        return name, value

    def sparse(self, view: memoryview) -> None:
        """Walk a sparse tensor: its values and its indices are tensors."""
        for part in protobuf.fields(view, self.budget):
            if part.number in {1, 2} and part.wire == Wire.BYTES:
                self.tensor(part.view, is_constant=part.number == 2)

    def tensor(self, view: memoryview, *, is_constant: bool = False) -> None:
        """Read the head of one tensor.

        Raises:
            ParseError: No protobuf.
            LimitExceededError: More dimensions than are read.
        """
        tensor = self._tensor(view)
        self._check(tensor)
        if tensor.kind == _INT64 and tensor.numbers and not is_constant:
            self._numbers[tensor.name] = tensor.numbers
        title = _TYPES.get(tensor.kind, f"type-{tensor.kind}") if tensor.kind else ""
        if is_constant and title not in _TRAINED:
            return
        self.tensors += 1
        self.parameters += min(product(tensor.shape), _MAX_ELEMENTS)
        if title:
            self.types.add(title)

    def _tensor(self, view: memoryview) -> _Tensor:
        tensor = _Tensor()
        for item in protobuf.fields(view, self.budget):
            if item.wire == Wire.VARINT:
                if item.number == 1:
                    tensor.shape.append(item.value)
                elif item.number == 2:
                    tensor.kind = item.value
            elif item.wire == Wire.BYTES:
                self._part_of_tensor(tensor, item)
            if len(tensor.shape) > _MAX_DIMENSIONS:
                raise LimitExceededError(f"tensor has more than {_MAX_DIMENSIONS} dimensions")
        return tensor

    def _part_of_tensor(self, tensor: _Tensor, item: Field) -> None:
        if item.number == 1:
            tensor.shape.extend(protobuf.packed_varints(item.view, limit=_MAX_DIMENSIONS))
        elif item.number == 8:
            tensor.name = protobuf.text(item.view, max_bytes=200)
        elif item.number == 9:
            tensor.raw = len(item.view)
            if tensor.raw <= 8 * _MAX_INPUTS:
                whole = bytes(item.view[: tensor.raw // 8 * 8])
                tensor.numbers = tuple(number for (number,) in struct.iter_unpack("<q", whole))
        elif item.number == 7 and len(item.view) <= 8 * _MAX_INPUTS:
            stated = protobuf.packed_varints(item.view, limit=8 * _MAX_INPUTS)
            tensor.numbers = tuple(number - (number >> 63 << 64) for number in stated)
        elif item.number == 13:
            tensor.outside.append(self.pair(item.view))

    def pair(self, view: memoryview) -> tuple[str, str]:
        """A key with its value."""
        key = value = ""
        for item in protobuf.fields(view, self.budget):
            if item.wire == Wire.BYTES and item.number == 1:
                key = protobuf.text(item.view)
            elif item.wire == Wire.BYTES and item.number == 2:
                value = protobuf.text(item.view)
        return key, value

    def _check(self, tensor: _Tensor) -> None:
        """Compare what one tensor says of itself."""
        name, count = tensor.name, product(tensor.shape)
        needed = -(-count * _BITS.get(tensor.kind, 0) // 8)
        # A negative dimension is a huge number on the wire.
        if any(size >= 2**63 for size in tensor.shape) or count >= _MAX_ELEMENTS:
            self._contradiction(f"tensor `{name}` has a shape that no tensor can have", name)
        elif 0 < tensor.raw < needed:
            self._contradiction(f"tensor `{name}` needs {needed} bytes and holds {tensor.raw}", name)
        stated = dict(tensor.outside)
        for key, value in tensor.outside:
            if key == "location":
                self.outside[value] = None
                self._location(value, what="tensor data")
            elif key.startswith("__"):
                self.hazards.add(
                    Technique.CLASS_CHANGED,
                    f"tensor `{name}` sets the attribute `{key[:100]}` of the object that loads its data",
                    subject=key,
                )
        offset, length = _number(stated.get("offset")), _number(stated.get("length"))
        if offset is None or length is None or offset + length >= 2**63:
            self._contradiction(f"tensor `{name}` places its outside data where no file has any", name)
        elif "length" in stated and length < needed < _MAX_ELEMENTS:
            self._contradiction(f"tensor `{name}` needs {needed} bytes and takes {length} from outside", name)

    def _check_shapes(self) -> None:
        """Compare the sizes that operators are told by tensors of the model itself with what any machine holds."""
        for operator, name in self._shaped:
            count = product(self._numbers.get(name, ()))
            if count > _MAX_FILLED:
                detail = (
                    f"operator `{operator}` fills a tensor of {count} numbers, more than any machine holds"
                )
                self.hazards.add(Technique.BOMB, detail, subject=f"{operator} {name}")
        self._shaped.clear()

    def _contradiction(self, detail: str, subject: str) -> None:
        self.hazards.add(Technique.CONTRADICTORY_HEADER, detail, subject=subject)

    def _location(self, path: str, *, what: str) -> None:
        if path == _IN_MEMORY:
            self.hazards.add(
                Technique.OUTSIDE_PATH,
                f"the {what} is taken from an address in the memory of the loading process",
                subject=path,
            )
        elif way := way_out(path):
            self.hazards.add(
                Technique.OUTSIDE_PATH,
                f"the {what} is read from `{path[:200]}`, which {way}, when the model is loaded",
                subject=path,
            )

    def foreign(self) -> tuple[tuple[str, str], ...]:
        """Operators that no official domain has and the model does not define."""
        wanted = [item for item in self.used if item not in self.local and not self._is_official(*item)]
        return tuple(sorted(wanted))

    def _is_official(self, domain: str, operator: str) -> bool:
        if domain not in KNOWN_DOMAINS:
            return domain in {"TRT", "trt.plugins"} and operator in _operators()[""]
        known = _operators().get(domain)
        asked = max(self.opsets.get(domain, 0), self.opsets.get("ai.onnx", 0) if not domain else 0)
        return known is None or asked > _NEWEST[domain] or operator in known or not operator


def _number(text: str | None) -> int | None:
    if text is None:
        return 0
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None

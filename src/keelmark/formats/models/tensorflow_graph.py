"""Walks graphs of TensorFlow: operators, the constants that they take for paths, and what SavedModels keep beside them.

The graph is not run and no tensor is read but short texts. A path that an operator gets from outside of the graph (an
argument, a placeholder) is for the caller to choose, and none of ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keelmark.core.facts import Technique
from keelmark.errors import KeelmarkError
from keelmark.formats import strict_json
from keelmark.formats.models import keras_walk, protobuf, tensorflow_operators
from keelmark.formats.models.hazard_list import HazardList, way_out
from keelmark.formats.models.protobuf import Budget, Wire
from keelmark.formats.models.tensorflow_operators import PATH_INPUTS

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from keelmark.formats.models.protobuf import Field

__all__ = ["GraphWalk", "Node"]

_STRING = 7
_MAX_TEXT = 4096
_MAX_TAGS = 16
_MAX_CONSTANTS = 50_000
_MAX_STEPS = 32
_MAX_METADATA = 64 * 1024**2
# Operators that hand a text on, or put one together of those that they are given.
_PASSING = frozenset({"Identity", "StopGradient", "PlaceholderWithDefault", "Reshape", "Pack", "ExpandDims", "Squeeze",
                      "StringJoin", "ShardedFilename", "EnsureShape", "ConcatV2", "StringStrip"})  # fmt: skip
# Operators that hand values to functions: what is done with them stands elsewhere in the file.
_HANDING = frozenset({"TensorSliceDataset", "TensorDataset", "PartitionedCall", "StatefulPartitionedCall", "If",
                      "StatelessIf", "While", "StatelessWhile", "Case", "StatelessCase"})  # fmt: skip
_MAX_HANDED = 16
_MIN_PATH = 2
_PRINTS = frozenset({"PrintV2"})
_DEBUG = (
    "DebugIdentity",
    "DebugIdentityV2",
    "DebugIdentityV3",
    "DebugNanCount",
    "DebugNumericSummary",
    "DebugNumericSummaryV2",
)
_ADDRESSES = ("debug_urls", "tensor_debug_urls", "address", "server_address", "data_service_address")


@dataclass(slots=True)
class Node:
    """What is kept of one node of a graph until the whole graph was met."""

    name: str = ""
    operator: str = ""
    inputs: list[str] = field(default_factory=list)
    texts: tuple[str, ...] = ()


@dataclass(slots=True)
class GraphWalk:
    """What is gathered while the graphs of one file are walked."""

    found: HazardList = field(default_factory=HazardList)
    budget: Budget = field(default_factory=Budget)
    operators: dict[str, None] = field(default_factory=dict)
    functions: set[str] = field(default_factory=set)
    tags: list[str] = field(default_factory=list)
    layers: keras_walk.Layers = field(default_factory=keras_walk.Layers)
    dangerous: list[str] = field(default_factory=list)
    version: str = ""
    nodes: int = 0
    problems: list[KeelmarkError] = field(default_factory=list)
    _assets: set[str] = field(default_factory=set)
    _handed: dict[str, None] = field(default_factory=dict)
    _open_readers: dict[str, None] = field(default_factory=dict)

    def saved_model(self, data: memoryview) -> None:
        """A `SavedModel`: every meta graph in it."""
        for item in self._parts(data, 2):
            self.meta_graph(item)

    def meta_graph(self, view: memoryview) -> None:
        """A `MetaGraphDef`: graph, files beside it, and objects of Keras."""
        for asset in self._parts(view, 6):
            for tensor in self._parts(asset, 1):
                self._assets.update(protobuf.text(name).partition(":")[0] for name in self._parts(tensor, 1))
        for item in protobuf.fields(view, self.budget):
            if item.wire != Wire.BYTES:
                continue
            match item.number:
                case 1:
                    self._about(item.view)
                case 2:
                    self.graph(item.view)
                case 6:
                    self._asset(item.view)
                case 7:
                    self._objects(item.view)
                case _:
                    continue

    def _parts(self, view: memoryview, number: int) -> Iterator[memoryview]:
        for item in protobuf.fields(view, self.budget):
            if item.number == number and item.wire == Wire.BYTES:
                yield item.view

    def _about(self, view: memoryview) -> None:
        for item in protobuf.fields(view, self.budget):
            if item.number == 4 and len(self.tags) < _MAX_TAGS:
                self.tags.append(protobuf.text(item.view, max_bytes=100))
            elif item.number == 5:
                self.version = protobuf.text(item.view, max_bytes=100)

    def _asset(self, view: memoryview) -> None:
        for name in self._parts(view, 2):
            file = protobuf.text(name, max_bytes=_MAX_TEXT)
            way = way_out(file)
            if way:
                detail = f"the asset `{file[:150]}` of the model {way}"
                self.found.add(Technique.OUTSIDE_PATH, detail, subject=file)

    def _objects(self, view: memoryview) -> None:
        """The object graph, in which Keras kept the configuration of each layer until TensorFlow 2.6."""
        for node in self._parts(view, 1):
            for user in self._parts(node, 4):
                for item in self._parts(user, 3):
                    self.configuration(item)

    def configuration(self, view: memoryview) -> None:
        """Metadata of a layer of Keras."""
        if bytes(view[:64]).lstrip()[:1] != b"{":
            return
        try:
            value = strict_json.parse(view, max_bytes=_MAX_METADATA).value
            seen = keras_walk.look_at(value, self.found, revives=True)
        except KeelmarkError as error:
            self.problems.append(error)
            return
        self.layers.architecture = self.layers.architecture or seen.architecture
        self.layers.count += seen.count
        self.layers.dangerous.extend(seen.dangerous)
        self.layers.unknown.extend(seen.unknown)

    def graph(self, view: memoryview) -> None:
        """A `GraphDef` with its library of functions."""
        nodes: dict[str, Node] = {}
        for item in protobuf.fields(view, self.budget):
            if item.wire != Wire.BYTES:
                continue
            if item.number == 1:
                self._keep(item.view, nodes)
            elif item.number == 2:
                for function in self._parts(item.view, 1):
                    self._function(function)
        self.judge(nodes)

    def _function(self, view: memoryview) -> None:
        nodes: dict[str, Node] = {}
        for item in protobuf.fields(view, self.budget):
            if item.wire != Wire.BYTES:
                continue
            if item.number == 1:
                self.functions.update(
                    protobuf.text(name, max_bytes=_MAX_TEXT) for name in self._parts(item.view, 1)
                )
            elif item.number == 3:
                self._keep(item.view, nodes)
        self.judge(nodes)

    def _keep(self, view: memoryview, nodes: dict[str, Node]) -> None:
        node = Node()
        attributes: list[memoryview] = []
        for item in protobuf.fields(view, self.budget):
            if item.wire != Wire.BYTES:
                continue
            if item.number == 1:
                node.name = protobuf.text(item.view, max_bytes=_MAX_TEXT)
            elif item.number == 2:
                node.operator = protobuf.text(item.view, max_bytes=200)
                self.operators[node.operator] = None
            elif item.number == 3 and len(node.inputs) < _MAX_STEPS:
                node.inputs.append(protobuf.text(item.view, max_bytes=_MAX_TEXT))
            elif item.number == 5:
                attributes.append(item.view)
        self.nodes += 1
        if (
            node.operator == "Const"
            or node.operator in _PRINTS
            or node.operator in _DEBUG
            or not self._is_plain(node)
        ):
            node.texts = tuple(text for each in attributes for text in self._texts(each, node.operator))
        nodes[node.name] = node

    def _is_plain(self, node: Node) -> bool:
        return "Dataset" not in node.operator and "Rpc" not in node.operator

    def _texts(self, view: memoryview, operator: str) -> Iterator[str]:
        """Texts of one attribute: values of a constant, or of an attribute that may be an address."""
        key, values = "", []
        for item in protobuf.fields(view, self.budget):
            if item.number == 1:
                key = protobuf.text(item.view, max_bytes=200)
            elif item.number == 2 and item.wire == Wire.BYTES:
                values.append(item.view)
        for value in values:
            if operator == "Const":
                if key == "value":
                    yield from self._constant(value)
            elif key in _ADDRESSES or key == "output_stream":
                for item in protobuf.fields(value, self.budget):
                    if item.wire == Wire.BYTES and item.number in {1, 2}:
                        yield from self._listed(item)

    def _listed(self, item: Field) -> Iterator[str]:
        if item.number == 2:
            yield protobuf.text(item.view, max_bytes=_MAX_TEXT)
        else:
            for text in self._parts(item.view, 2):
                yield protobuf.text(text, max_bytes=_MAX_TEXT)

    def _constant(self, view: memoryview) -> Iterator[str]:
        """Texts of a tensor of text."""
        for tensor in self._parts(view, 8):
            if len(tensor) > _MAX_CONSTANTS:
                continue
            parts = list(protobuf.fields(tensor, self.budget))
            if any(item.number == 1 and item.value == _STRING for item in parts):
                for item in parts:
                    if item.number == 8 and item.wire == Wire.BYTES:
                        yield protobuf.text(item.view, max_bytes=_MAX_TEXT)

    def judge(self, nodes: dict[str, Node]) -> None:
        """Judge what the nodes of one graph or function do with texts that stand in it."""
        for node in nodes.values():
            place = PATH_INPUTS.get(node.operator)
            if place is not None and place[0] < len(node.inputs):
                self._paths(node, node.inputs[place[0]], nodes)
            elif node.operator in _HANDING or node.operator in self.functions:
                self._hand_on(node, nodes)
            elif node.operator in _PRINTS:
                for text in node.texts:
                    if text.startswith("file:"):
                        detail = f"the operator `{node.operator}` writes to `{text[:150]}`"
                        self.found.add(
                            Technique.FILE_OPERATOR,
                            detail,
                            subject=text,
                            code=f"{node.operator}(..., {text!r})",
                        )
            else:
                for text in node.texts if node.operator != "Const" else ():
                    if way_out(text):
                        self._path(node.operator, text, "sends values")

    def _paths(self, node: Node, name: str, nodes: dict[str, Node]) -> None:
        """Texts that reach the path of an operator. What a loader puts into an asset it takes from the folder."""
        reason = PATH_INPUTS[node.operator][1]
        is_known = False
        for text in _texts_at(name, nodes, without=self._assets):
            is_known = True
            self._path(node.operator, text, reason)
        if not is_known and "Dataset" in node.operator:
            self._open_readers[node.operator] = None

    def _hand_on(self, node: Node, nodes: dict[str, Node]) -> None:
        """Keep paths that a graph hands to a function of its own: a few texts, for words of a model are many."""
        for name in node.inputs:
            texts = list(_texts_at(name, nodes, without=self._assets))
            if len(texts) <= _MAX_HANDED and len(self._handed) < _MAX_CONSTANTS:
                self._handed.update(
                    dict.fromkeys(text for text in texts if len(text) > _MIN_PATH and way_out(text))
                )

    def _path(self, operator: str, text: str, reason: str) -> None:
        way = way_out(text)
        if not way:
            return
        is_file = way != "is an address" or text.lower().startswith("file:")
        technique = Technique.OUTSIDE_PATH if is_file else Technique.OUTSIDE_ADDRESS
        detail = f"the operator `{operator}` {reason} at `{text[:150]}`, which {way}"
        self.found.add(technique, detail, subject=text, code=f"{operator}({text!r}, ...)")

    def close(self) -> None:
        """Judge the operators, once all functions are known by which nodes may be called."""
        for operator in self._open_readers:
            for text in self._handed:
                self._path(operator, text, PATH_INPUTS[operator][1])
        for operator in self.operators:
            if operator in self.functions:
                continue
            technique, reason = tensorflow_operators.judge(operator)
            if technique is None:
                continue
            detail = f"the graph holds the operator `{operator[:150]}`, which {reason}"
            self.found.add(technique, detail, subject=operator, code=f"{operator}(...)")
            if technique is not Technique.CUSTOM_OPERATOR:
                self.dangerous.append(f"operator `{operator}`: {reason}")


def _texts_at(name: str, nodes: dict[str, Node], *, without: Container[str] = ()) -> Iterator[str]:
    """Texts that reach an input, through operators that hand them on."""
    pending, steps = [name], 0
    while pending and steps < _MAX_STEPS:
        steps += 1
        node = nodes.get(pending.pop().removeprefix("^").partition(":")[0])
        if node is None or node.name in without:
            continue
        if node.operator == "Const":
            yield from node.texts
        elif node.operator in _PASSING:
            pending.extend(node.inputs)

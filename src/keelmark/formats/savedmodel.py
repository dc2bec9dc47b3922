"""TensorFlow graphs: `saved_model.pb` and frozen `GraphDef` files, by the operators of their graphs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keelmark.core.facts import ModelFile
from keelmark.errors import KeelmarkError
from keelmark.formats import protobuf
from keelmark.formats.cursor import contains
from keelmark.formats.model_facts import gap_of, metadata, reading, unique
from keelmark.formats.protobuf import Budget, Wire

if TYPE_CHECKING:
    from keelmark.core.facts import Gap, Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "SavedModelReader"]

_DANGEROUS = {
    "PyFunc": "calls a Python function",
    "PyFuncStateless": "calls a Python function",
    "EagerPyFunc": "calls a Python function",
    "NumpyFunction": "calls a Python function",
    "ReadFile": "reads files",
    "WriteFile": "writes files",
    "MatchingFiles": "reads folders",
    "LoadDataset": "reads files",
    "SaveDataset": "writes files",
    "SaveDatasetV2": "writes files",
    "DebugIdentity": "sends values to an address",
    "DebugIdentityV2": "sends values to an address",
    "RpcCall": "calls another machine",
    "RpcServerStart": "opens a port",
}
_LAMBDA = (b'"class_name": "Lambda"', b'"class_name":"Lambda"', b'"class_name": "__lambda__"')
_MAX_TOP_FIELDS = 64


class SavedModelReader:
    """Reads TensorFlow graphs."""

    name = "savedmodel"
    version = 1

    def recognises(self, source: Source) -> bool:
        """A protobuf whose fields are those of a saved model or a graph, with a first node that has an operator."""
        head = source.head
        if not head or head[0] not in {0x08, 0x0A, 0x12, 0x22} or source.size < 8:
            return False
        return _kind(source.data) != ""

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Walk every graph and function."""
        walk = _Walk()
        gaps: tuple[Gap, ...] = ()
        kind = _kind(source.data)
        try:
            (walk.saved_model if kind == "savedmodel" else walk.graph)(source.data)
        except KeelmarkError as error:
            gaps = (gap_of(source, error),)
        dangerous = [
            f"operator `{name}`: {_DANGEROUS[name]}" for name in walk.operators if name in _DANGEROUS
        ]
        if any(contains(source.data, mark) for mark in _LAMBDA):
            dangerous.append("Lambda layer: runs code carried in the file")
        model = ModelFile(
            format=kind or "savedmodel",
            metadata=metadata(
                [("tensorflow", walk.version), ("tags", ", ".join(walk.tags)), ("nodes", walk.nodes)]
            ),
            can_execute=bool(dangerous) or (None if gaps else False),
            dangerous=unique(dangerous),
        )
        return reading(model, *gaps)


def _kind(data: memoryview) -> str:
    """`savedmodel`, `tensorflow-graph`, or nothing."""
    graphs: list[memoryview] = []
    nodes: list[memoryview] = []
    try:
        for count, item in enumerate(protobuf.fields(data, Budget())):
            if item.number == 1 and item.wire == Wire.VARINT and not graphs:
                continue
            if item.number == 2 and item.wire == Wire.BYTES:
                graphs.append(item.view)
            elif item.number == 1 and item.wire == Wire.BYTES:
                nodes.append(item.view)
                if count > _MAX_TOP_FIELDS:
                    break
            elif not (item.number in {3, 4} and nodes):
                return ""
        if nodes:
            return "tensorflow-graph" if _is_node(nodes[0]) and _is_node(nodes[-1]) else ""
        return "savedmodel" if graphs and any(_is_meta_graph(view) for view in graphs) else ""
    except KeelmarkError:
        return ""


def _is_meta_graph(view: memoryview) -> bool:
    for item in protobuf.fields(view, Budget()):
        if item.wire != Wire.BYTES or item.number > 16:
            return False
        if item.number == 2:
            first = next(protobuf.fields(item.view, Budget()), None)
            return first is None or first.number in {2, 3, 4} or (first.number == 1 and _is_node(first.view))
    return False


def _is_node(view: memoryview) -> bool:
    found = {1: "", 2: ""}
    for item in protobuf.fields(view, Budget()):
        if item.wire != Wire.BYTES or item.number > 8:
            return False
        if item.number in found:
            found[item.number] = protobuf.text(item.view, max_bytes=200)
    return bool(found[1]) and found[2].replace(">", "").isidentifier()


@dataclass(slots=True)
class _Walk:
    """What is gathered while graphs are walked."""

    budget: Budget = field(default_factory=Budget)
    operators: dict[str, None] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    version: str = ""
    nodes: int = 0

    def saved_model(self, data: memoryview) -> None:
        for item in protobuf.fields(data, self.budget):
            if item.number != 2:
                continue
            for part in protobuf.fields(item.view, self.budget):
                if part.number == 1 and part.wire == Wire.BYTES:
                    self.about(part.view)
                elif part.number == 2 and part.wire == Wire.BYTES:
                    self.graph(part.view)

    def about(self, view: memoryview) -> None:
        for item in protobuf.fields(view, self.budget):
            if item.number == 4 and len(self.tags) < 16:
                self.tags.append(protobuf.text(item.view, max_bytes=100))
            elif item.number == 5:
                self.version = protobuf.text(item.view, max_bytes=100)

    def graph(self, view: memoryview) -> None:
        for item in protobuf.fields(view, self.budget):
            if item.number == 1 and item.wire == Wire.BYTES:
                self.node(item.view)
            elif item.number == 2 and item.wire == Wire.BYTES:
                for part in protobuf.fields(item.view, self.budget):
                    if part.number == 1 and part.wire == Wire.BYTES:
                        self.function(part.view)

    def function(self, view: memoryview) -> None:
        for item in protobuf.fields(view, self.budget):
            if item.number == 3 and item.wire == Wire.BYTES:
                self.node(item.view)

    def node(self, view: memoryview) -> None:
        self.nodes += 1
        for item in protobuf.fields(view, self.budget):
            if item.number == 2 and item.wire == Wire.BYTES:
                self.operators[protobuf.text(item.view, max_bytes=200)] = None


READER = SavedModelReader()

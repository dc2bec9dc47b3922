"""TensorFlow graphs: SavedModels, meta graphs and frozen graphs, and the metadata of Keras beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import ModelFile
from keelmark.errors import KeelmarkError
from keelmark.formats.models import protobuf
from keelmark.formats.models.facts import gap_of, metadata, reading, unique
from keelmark.formats.models.protobuf import Budget, Wire
from keelmark.formats.models.tensorflow_graph import GraphWalk

if TYPE_CHECKING:
    from keelmark.core.facts import Gap, Reading
    from keelmark.formats.source import Source

__all__ = ["READERS", "KerasMetadataReader", "SavedModelReader", "told"]

_MAX_TOP_FIELDS = 64
_MAX_LOOKED_AT = 200_000
_NODE_OF_FUNCTION = 3
_LAST_OF_GRAPH, _LAST_OF_META, _LAST_OF_NODE = 5, 16, 8


class SavedModelReader:
    """Reads TensorFlow graphs."""

    name = "savedmodel"
    version = 2

    def recognises(self, source: Source) -> bool:
        """A protobuf whose fields are those of a saved model or a graph, with a first node that has an operator."""
        if source.size < 8 or (source.suffix not in {".pb", ".meta"} and source.head[:1] not in _FIRST):
            return False
        return _kind(source.data) != ""

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Walk every graph and function."""
        walk = GraphWalk()
        problem: KeelmarkError | None = None
        kind = _kind(source.data)
        try:
            match kind:
                case "savedmodel":
                    walk.saved_model(source.data)
                case "tensorflow-meta":
                    walk.meta_graph(source.data)
                case _:
                    walk.graph(source.data)
        except KeelmarkError as error:
            problem = error
        return told(source, walk, kind, problem)


def told(source: Source, walk: GraphWalk, kind: str, problem: KeelmarkError | None) -> tuple[Reading, ...]:
    """What a walk found, as a reading."""
    walk.close()
    problems = [*walk.problems, *([problem] if problem is not None else [])]
    gaps: tuple[Gap, ...] = tuple(dict.fromkeys(gap_of(source, error) for error in problems))
    hazards = walk.found.close()
    dangerous = [*walk.dangerous, *walk.layers.dangerous]
    runs = bool(dangerous or walk.layers.unknown or hazards)
    model = ModelFile(
        format=kind or "savedmodel",
        architecture=walk.layers.architecture,
        metadata=metadata(
            [("tensorflow", walk.version), ("tags", ", ".join(walk.tags)), ("nodes", walk.nodes)]
        ),
        can_execute=runs or (None if gaps else False),
        dangerous=unique(dangerous),
        unknown=unique(walk.layers.unknown),
    )
    return reading(model, *gaps, hazards=hazards)


# Keys of fields that such files start with when TensorFlow writes them.
_FIRST = frozenset({b"\x08", b"\x0a", b"\x12", b"\x22"})


def _kind(data: memoryview) -> str:
    """`savedmodel`, `tensorflow-meta`, `tensorflow-graph`, or nothing."""
    first: list[memoryview] = []
    second: list[memoryview] = []
    try:
        for count, item in enumerate(protobuf.fields(data, Budget(fields=_MAX_LOOKED_AT))):
            if item.wire == Wire.BYTES and item.number == 2:
                second.append(item.view)
            elif item.wire == Wire.BYTES and item.number == 1:
                first.append(item.view)
            elif first and not second and item.number > _LAST_OF_GRAPH:
                return ""
            if count > _MAX_TOP_FIELDS and first and not second:
                break
    except KeelmarkError:
        # A graph that breaks off later is one all the same; its reader says where it breaks.
        if not first and not second:
            return ""
    if _is_whole_graph(first, second):
        return "tensorflow-graph"
    if any(map(_is_meta_graph, second[:_MAX_TOP_FIELDS])):
        return "savedmodel"
    return "tensorflow-meta" if first and any(map(_is_graph, second[:1])) and _is_meta_graph(data) else ""


def _is_whole_graph(first: list[memoryview], second: list[memoryview]) -> bool:
    """Whether these fields are nodes, or a library of functions alone."""
    if first:
        return _is_node(first[0]) and _is_node(first[-1])
    return len(second) == 1 and _is_library(second[0])


def _is_meta_graph(view: memoryview) -> bool:
    try:
        for item in protobuf.fields(view, Budget(fields=_MAX_LOOKED_AT)):
            if item.number == 2 and item.wire == Wire.BYTES:
                return _is_graph(item.view)
    except KeelmarkError:
        return False
    return False


def _is_graph(view: memoryview) -> bool:
    """Whether a message is a graph: its first node is one, or it begins with its library or versions."""
    try:
        first = next(protobuf.fields(view, Budget()), None)
    except KeelmarkError:
        return False
    if first is None:
        return True
    return first.number in {2, 3, 4} or (
        first.number == 1 and first.wire == Wire.BYTES and _is_node(first.view)
    )


def _is_library(view: memoryview) -> bool:
    """Whether a message is a library of functions: the first has a name and a node."""
    try:
        for function in protobuf.fields(view, Budget(fields=_MAX_LOOKED_AT)):
            if function.number != 1 or function.wire != Wire.BYTES:
                return False
            parts = list(protobuf.fields(function.view, Budget(fields=_MAX_LOOKED_AT)))
            signature = next(
                (part.view for part in parts if part.number == 1 and part.wire == Wire.BYTES), None
            )
            nodes = [
                part.view for part in parts if part.number == _NODE_OF_FUNCTION and part.wire == Wire.BYTES
            ]
            return signature is not None and bool(nodes) and _is_node(nodes[0])
    except KeelmarkError:
        return False
    return False


def _is_node(view: memoryview) -> bool:
    found = {1: "", 2: ""}
    try:
        for item in protobuf.fields(view, Budget()):
            if item.number in found and item.wire == Wire.BYTES:
                found[item.number] = protobuf.text(item.view, max_bytes=200)
            elif item.number in found or (item.number == 3 and item.wire != Wire.BYTES):
                return False
    except KeelmarkError:
        return False
    return bool(found[1]) and found[2].replace(">", "").isidentifier()


class KerasMetadataReader:
    """Reads `keras_metadata.pb` beside a SavedModel: the configuration of each layer."""

    name = "keras-metadata"
    version = 1

    def recognises(self, source: Source) -> bool:
        """Nodes with an identifier of Keras and JSON, near the start."""
        head = source.head
        return head[:1] == b"\x0a" and (b"_tf_keras_" in head[:512] or b'"_tf_keras' in head) and b"{" in head

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Judge every configuration."""
        walk = GraphWalk()
        problem: KeelmarkError | None = None
        try:
            for item in protobuf.fields(source.data, walk.budget):
                if item.number == 1 and item.wire == Wire.BYTES:
                    for part in protobuf.fields(item.view, walk.budget):
                        if part.wire == Wire.BYTES:
                            walk.configuration(part.view)
        except KeelmarkError as error:
            problem = error
        if problem is not None and not walk.layers.count:
            return ()
        return told(source, walk, "keras-metadata", problem)


READERS = (SavedModelReader(), KerasMetadataReader())

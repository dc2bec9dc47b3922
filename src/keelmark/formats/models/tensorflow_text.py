"""Graphs of TensorFlow as text: SavedModels, meta graphs and graphs that were written for people and are loaded all the same.

The fields that the judgement looks at are turned into the wire format, and judged as if they had been read from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.errors import KeelmarkError, LimitExceededError
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.models.protobuf_text import Known, to_wire
from keelmark.formats.models.savedmodel import told
from keelmark.formats.models.tensorflow_graph import GraphWalk

if TYPE_CHECKING:
    from keelmark.core.facts import Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "TextGraphReader"]

_SUFFIXES = frozenset({".pbtxt", ".textproto", ".pb_txt", ".prototxt", ".txt"})
# Numbers in a graph are one long text each, so that length alone costs little.
_MAX_BYTES = 32 * 1024**2
_OWN_SUFFIX = ".pbtxt"
_START = bytes_pattern(
    rb"(?m)^[ \t]*(node|library|meta_graphs|meta_info_def|graph_def)[ \t]*:?[ \t\r\n]*[{<\[]"
)
_OPERATOR = bytes_pattern(rb"""\b(op|node_def|tensorflow_version|graph_def)[ \t]*[:{<]""")
_TENSOR = {"dtype": Known(1, words={"DT_STRING": 7, "7": 7}), "string_val": Known(8)}
_VALUE = {"s": Known(2), "list": Known(1, {"s": Known(2)}), "tensor": Known(8, _TENSOR)}
_NODE = {"name": Known(1), "op": Known(2), "input": Known(3), "attr": Known(5, {"key": Known(1), "value": Known(2, _VALUE)})}  # fmt: skip
_FUNCTION = {"signature": Known(1, {"name": Known(1)}), "node_def": Known(3, _NODE)}
_GRAPH = {"node": Known(1, _NODE), "library": Known(2, {"function": Known(1, _FUNCTION)})}
_ASSET = {"tensor_info": Known(1, {"name": Known(1)}), "filename": Known(2)}
_OBJECTS = {"nodes": Known(1, {"user_object": Known(4, {"metadata": Known(3)})})}
_META = {
    "meta_info_def": Known(1, {"tags": Known(4), "tensorflow_version": Known(5)}),
    "graph_def": Known(2, _GRAPH),
    "asset_file_def": Known(6, _ASSET),
    "object_graph_def": Known(7, _OBJECTS),
}
_SAVED = {"meta_graphs": Known(2, _META)}


class TextGraphReader:
    """Reads such texts."""

    name = "tensorflow-text"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By the name, and by the fields that stand in the head."""
        if source.suffix not in _SUFFIXES or not source.is_text:
            return False
        return _START.search(source.head) is not None and _OPERATOR.search(source.head) is not None

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Judge it as the binary form is judged."""
        walk = GraphWalk()
        start = _START.search(source.head)
        first = start.group(1) if start is not None else b""
        problem: KeelmarkError | None = None
        try:
            if source.size > _MAX_BYTES:
                raise LimitExceededError(f"text of {source.size} bytes is longer than {_MAX_BYTES}")
            text = bytes(source.data)
            if first == b"meta_graphs":
                walk.saved_model(memoryview(to_wire(text, _SAVED)))
            elif first in {b"node", b"library"}:
                walk.graph(memoryview(to_wire(text, _GRAPH)))
            else:
                walk.meta_graph(memoryview(to_wire(text, _META)))
        except KeelmarkError as error:
            problem = error
        if not walk.nodes and (problem is None or source.suffix != _OWN_SUFFIX):
            return ()
        kind = {b"meta_graphs": "savedmodel", b"node": "tensorflow-graph", b"library": "tensorflow-graph"}
        return told(source, walk, kind.get(first, "tensorflow-meta"), problem)


READER = TextGraphReader()

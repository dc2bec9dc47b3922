"""MXNet: the graph in JSON. Operators are built in, except those that call Python or native code of the process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.facts import ModelFile, Technique
from keelmark.errors import KeelmarkError
from keelmark.formats import strict_json
from keelmark.formats.models.facts import gap_of, metadata, reading, unique
from keelmark.formats.models.hazard_list import HazardList
from keelmark.formats.strict_json import as_mapping, as_text

if TYPE_CHECKING:
    from keelmark.core.facts import Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "MxnetReader"]

_MAX_BYTES = 128 * 1024**2
_PYTHON = frozenset({"Custom", "_Native", "_NDArray", "_CustomFunction"})
_MAX_DEPTH = 32


class MxnetReader:
    """Reads graphs of MXNet."""

    name = "mxnet"
    version = 1

    def recognises(self, source: Source) -> bool:
        """An object that starts with its nodes, each with an operator."""
        head = source.head[:2048]
        return (
            head.lstrip()[:1] == b"{"
            and b'"nodes"' in head
            and b'"op"' in head
            and b'"inputs"' in source.head
        )

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the operators; nothing when it only looked like a graph."""
        try:
            value = as_mapping(strict_json.parse(source.data, max_bytes=_MAX_BYTES).value)
        except KeelmarkError as error:
            if b'"arg_nodes"' not in source.head and b'"mxnet_version"' not in source.head:
                return ()
            return reading(ModelFile(format="mxnet"), gap_of(source, error))
        if not isinstance(value.get("nodes"), list) or not {"arg_nodes", "heads"} <= set(value):
            return ()
        found = HazardList()
        count = _nodes(value["nodes"], found, depth=0)
        version = as_mapping(value.get("attrs")).get("mxnet_version")
        said = [
            ("operators", count),
            ("mxnet", as_text(version[1] if isinstance(version, list) and version[1:] else "")),
        ]
        dangerous = unique(hazard.detail for hazard in found.close())
        model = ModelFile(
            format="mxnet", metadata=metadata(said), can_execute=bool(found), dangerous=dangerous
        )
        return reading(model, hazards=found.close())


def _nodes(nodes: list[Any], found: HazardList, *, depth: int) -> int:
    count = 0
    for node in map(as_mapping, nodes):
        operator = as_text(node.get("op"))
        count += operator not in {"", "null"}
        if operator in _PYTHON:
            settings = {
                **as_mapping(node.get("param")),
                **as_mapping(node.get("attr")),
                **as_mapping(node.get("attrs")),
            }
            target = as_text(settings.get("op_type")) or as_text(settings.get("info")) or operator
            detail = f"operator `{operator}` calls Python (`{target[:150]}`) when the model runs"
            found.add(Technique.PYTHON_OPERATOR, detail, subject=target, code=f"{target}(...)")
        inner = node.get("subgraphs")
        for graph in inner if isinstance(inner, list) and depth < _MAX_DEPTH else ():
            below = as_mapping(graph).get("nodes")
            count += _nodes(below, found, depth=depth + 1) if isinstance(below, list) else 0
    return count


READER = MxnetReader()

"""Small readings of YAML nodes that several formats share: text, lists, pairs, flattened attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.formats.yaml_tree import Mapping, Node, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["children", "flatten", "is_true", "key_line", "pairs", "text", "texts"]

MAX_VALUE_CHARS = 200


def text(node: Node | None) -> str:
    """The scalar as written, "" for anything else."""
    return node.text if isinstance(node, Scalar) else ""


def texts(node: Node | None) -> tuple[str, ...]:
    """The scalars of a list, or a single scalar as a tuple of one; an empty scalar is nothing."""
    if isinstance(node, Sequence):
        return tuple(item.text for item in node.items if isinstance(item, Scalar))
    return (node.text,) if isinstance(node, Scalar) and node.value is not None else ()


def is_true(node: Node | None) -> bool:
    """Whether the scalar says true; a quoted `"true"` counts, because compose and Kubernetes tools coerce it."""
    return isinstance(node, Scalar) and node.text.lower() == "true"


def children(node: Node | None) -> tuple[tuple[str, Node], ...]:
    """Entries of a mapping, () for anything else."""
    return tuple(node.entries.items()) if isinstance(node, Mapping) else ()


def key_line(node: Node | None, key: str) -> int:
    """Line of a key in a mapping; the line of the mapping when the key came by a merge."""
    if isinstance(node, Mapping):
        return node.key_lines.get(key, node.line)
    return node.line if node is not None else 0


def pairs(node: Node | None) -> tuple[tuple[str, str], ...]:
    """Variables as (name, value): from a mapping, or from a list of `NAME=value`."""
    if isinstance(node, Mapping):
        return tuple((key, text(value)[:MAX_VALUE_CHARS]) for key, value in node.entries.items())
    found = []
    for entry in texts(node) if isinstance(node, Sequence) else ():
        name, _, value = entry.partition("=")
        found.append((name.strip(), value[:MAX_VALUE_CHARS]))
    return tuple(found)


def flatten(node: Node | None, prefix: str = "") -> Iterator[tuple[str, str, int]]:
    """Scalars below a node as (`a.b.0.c`, value, line), in order of the text."""
    if isinstance(node, Scalar):
        yield prefix, node.text[:MAX_VALUE_CHARS], node.line
    elif isinstance(node, Mapping):
        for key, value in node.entries.items():
            yield from flatten(value, f"{prefix}.{key}" if prefix else key)
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from flatten(item, f"{prefix}.{index}" if prefix else str(index))

"""Terraform and OpenTofu: blocks of `.tf` files as resources. Expressions are kept as text, nothing is evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tree_sitter_hcl
from tree_sitter import Language

from keelmark.core.facts import Gap, GapReason, Reading, Resource
from keelmark.errors import LimitExceededError
from keelmark.formats import syntax_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from keelmark.formats.source import Reader, Source

__all__ = ["READER", "Bounds"]

Attribute = tuple[str, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one Terraform file."""

    max_bytes: int = 256 * 1024
    max_blocks: int = 2_000
    max_attributes: int = 500
    max_value_chars: int = 1_000
    max_depth: int = 40


_LANGUAGE = Language(tree_sitter_hcl.language())
_SUFFIXES = (".tf", ".tfvars", ".tofu")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    name: str = "terraform"
    version: int = 1
    bounds: Bounds = Bounds()

    def recognises(self, source: Source) -> bool:
        return source.name.endswith(_SUFFIXES) and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        if source.size > self.bounds.max_bytes:
            raise LimitExceededError(f"Terraform of {source.size} bytes is too long", path=source.path)
        # The text is decoded first, so that what the parser sees is valid UTF-8.
        root = syntax_tree.parse(
            source.text.encode("utf-8", "replace"), _LANGUAGE, path=source.path
        ).root_node
        gaps = []
        if root.has_error:
            line = next(_faults(root), 1)
            detail = "terraform: part of the file is no HCL"
            gaps.append(Gap(path=source.path, reason=GapReason.MALFORMED, detail=detail, line=line))
        blocks = [node for body in _typed(root, "body") for node in _typed(body, "block")]
        if len(blocks) > self.bounds.max_blocks:
            detail = f"{len(blocks)} blocks; read were {self.bounds.max_blocks}"
            gaps.append(Gap(path=source.path, reason=GapReason.TOO_MANY, detail=detail))
        walk = _Walk(self.bounds)
        resources = [walk.block(node) for node in blocks[: self.bounds.max_blocks]]
        values = tuple(
            item
            for body in _typed(root, "body")
            for item in walk.limited(walk.body(body, "", 0, blocks=False))
        )
        if values:
            resources.append(
                Resource(system="terraform", kind="values", name=source.name, line=1, attributes=values)
            )
        return (Reading(format=self.name, resources=tuple(resources), gaps=tuple(gaps)),)


def _typed(node: Node, kind: str) -> list[Node]:
    return [child for child in node.children if child.type == kind]


def _faults(root: Node) -> Iterator[int]:
    stack = [root]
    while stack:
        node = stack.pop()
        if node.is_error or node.is_missing:
            yield node.start_point.row + 1
        stack.extend(child for child in reversed(node.children) if child.has_error)


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _line(node: Node) -> int:
    return node.start_point.row + 1


class _Walk:
    """Flattens blocks and expressions, within depth and count."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds

    def block(self, node: Node) -> Resource:
        """A block of the top level as a resource."""
        words = [_label(child) for child in node.children if child.type in {"identifier", "string_lit"}]
        kind, labels = words[0] if words else "", words[1:]
        if kind == "resource" and labels:
            kind, labels = labels[0], labels[1:]
        elif kind == "data" and labels:
            kind, labels = f"data.{labels[0]}", labels[1:]
        attributes = [item for body in _typed(node, "body") for item in self.limited(self.body(body, "", 0))]
        return Resource(
            system="terraform",
            kind=kind,
            name=".".join(labels),
            line=_line(node),
            attributes=tuple(attributes[: self._bounds.max_attributes]),
        )

    def limited(self, items: Iterator[Attribute]) -> Iterator[Attribute]:
        """At most the named number of attributes."""
        for number, item in enumerate(items):
            if number >= self._bounds.max_attributes:
                return
            yield item

    def body(self, node: Node, prefix: str, depth: int, *, blocks: bool = True) -> Iterator[Attribute]:
        """Attributes and nested blocks; nested blocks are counted from 0 by their name."""
        if depth > self._bounds.max_depth:
            return
        counts: dict[str, int] = {}
        for child in node.children:
            if child.type == "attribute":
                name = _text(child.children[0])
                yield from self._value(child.children[-1], f"{prefix}{name}", depth + 1)
            elif child.type == "block" and blocks:
                words = [_label(part) for part in child.children if part.type in {"identifier", "string_lit"}]
                name = ".".join(words)
                number = counts.get(name, 0)
                counts[name] = number + 1
                inner = _typed(child, "body")
                for part in inner:
                    yield from self.body(part, f"{prefix}{name}.{number}.", depth + 1)
                if not inner:
                    yield f"{prefix}{name}.{number}", "", _line(child)

    def _value(self, node: Node, key: str, depth: int) -> Iterator[Attribute]:
        inner = _only(node)
        if depth <= self._bounds.max_depth:
            if inner.type == "tuple":
                for number, item in enumerate(_typed(inner, "expression")):
                    yield from self._value(item, f"{key}.{number}", depth + 1)
                return
            if inner.type == "object":
                for item in _typed(inner, "object_elem"):
                    name = item.child_by_field_name("key")
                    value = item.child_by_field_name("val")
                    if name is not None and value is not None:
                        yield from self._value(value, f"{key}.{_plain(name)}", depth + 1)
                return
        yield key, _plain(node)[: self._bounds.max_value_chars], _line(node)


def _only(node: Node) -> Node:
    # Expression, literal value, string: wrappers with a single child are looked through.
    while (
        node.type in {"expression", "collection_value", "literal_value", "template_expr"}
        and node.child_count == 1
    ):
        node = node.children[0]
    return node


def _plain(node: Node) -> str:
    inner = _only(node)
    if inner.type in {"string_lit", "quoted_template"}:
        return _label(inner)
    if inner.type == "heredoc_template":
        return "\n".join(_text(inner).split("\n")[1:-1])
    return _text(inner)


def _label(node: Node) -> str:
    text = _text(node)
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] == '"' else text


READER: Reader = _Reader()

"""YAML as a tree that knows its lines. Nothing is constructed: tags are kept as text, aliases are bounded.

Scalars follow the YAML 1.2 core schema (`on`, `yes` and `no` are strings), because that is what GitHub Actions,
Kubernetes and compose mean, and because it keeps keys such as `on:` what they look like.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import re2
import yaml

from keelmark.errors import LimitExceededError, ParseError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Bounds", "Mapping", "Node", "Scalar", "Sequence", "parse", "parse_all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one YAML text; aliases count each time they are used, so that they cannot explode."""

    max_bytes: int = 8 * 1024**2
    max_nodes: int = 400_000
    max_depth: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node with its place; `tag` is the tag as written, "" when there is none."""

    line: int
    column: int = 1
    tag: str = ""

    def plain(self) -> object:
        """The value without places: dict, list, str, int, float, bool or None."""
        raise NotImplementedError

    def find(self, *keys: str | int) -> Node | None:
        """The node below, following mapping keys and list indexes; None when there is none."""
        node: Node | None = self
        for key in keys:
            node = node.child(key) if node is not None else None
        return node

    def child(self, key: str | int) -> Node | None:  # noqa: ARG002 - scalars have no children
        """The node at one key or index; None when there is none."""
        return None

    def walk(self) -> Iterator[Node]:
        """This node and all below, in order of the text."""
        yield self


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar(Node):
    """A single value; `text` is as written, `value` is typed."""

    text: str
    value: str | int | float | bool | None
    is_quoted: bool = False

    def plain(self) -> object:
        """The typed value."""
        return self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence(Node):
    """A list."""

    items: tuple[Node, ...]

    def plain(self) -> object:
        """A list of plain values."""
        return [item.plain() for item in self.items]

    def child(self, key: str | int) -> Node | None:
        """The item at an index."""
        return self.items[key] if isinstance(key, int) and -len(self.items) <= key < len(self.items) else None

    def walk(self) -> Iterator[Node]:
        """This node and all below."""
        yield self
        for item in self.items:
            yield from item.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping(Node):
    """A mapping. Keys are text; `duplicates` holds the lines of keys that stand twice (the last one wins)."""

    entries: dict[str, Node]
    key_lines: dict[str, int] = field(default_factory=dict)
    duplicates: tuple[tuple[str, int], ...] = ()

    def plain(self) -> object:
        """A dict of plain values."""
        return {key: value.plain() for key, value in self.entries.items()}

    def child(self, key: str | int) -> Node | None:
        """The value of a key."""
        return self.entries.get(str(key))

    def walk(self) -> Iterator[Node]:
        """This node and all below."""
        yield self
        for value in self.entries.values():
            yield from value.walk()


def parse(text: str, *, path: str = "", bounds: Bounds | None = None) -> Node | None:
    """Parse one YAML document; None for an empty text.

    Raises:
        ParseError: No YAML, or more than one document; with the line.
        LimitExceededError: A bound was reached.
    """
    documents = parse_all(text, path=path, bounds=bounds)
    if len(documents) > 1:
        raise ParseError("more than one YAML document where one was expected", path=path)
    return documents[0] if documents else None


def parse_all(text: str, *, path: str = "", bounds: Bounds | None = None) -> tuple[Node, ...]:
    """Parse all documents of a YAML stream; empty documents are left out.

    Raises:
        ParseError: No YAML; with the line.
        LimitExceededError: A bound was reached.
    """
    limits = bounds or Bounds()
    if len(text) > limits.max_bytes:
        raise LimitExceededError(f"YAML of {len(text)} characters is too long", path=path)
    _check_depth(text, path=path, bounds=limits)
    builder = _Builder(path=path, bounds=limits)
    loader = yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader
    try:
        return tuple(builder.build(node, depth=0) for node in yaml.compose_all(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else None
        raise ParseError(f"no YAML: {error.problem or error.context}", path=path, line=line) from error
    except (yaml.YAMLError, ValueError) as error:
        raise ParseError(f"no YAML: {error}", path=path) from error


def _check_depth(text: str, *, path: str, bounds: Bounds) -> None:
    # The composer recurses once per level; reading the flat events first keeps hostile nesting out of it.
    depth = count = 0
    loader = yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader
    try:
        for event in yaml.parse(text, Loader=loader):
            count += 1
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > bounds.max_depth:
                raise LimitExceededError(f"YAML is nested deeper than {bounds.max_depth}", path=path)
            if count > 2 * bounds.max_nodes:
                raise LimitExceededError(f"YAML has more than {bounds.max_nodes} nodes", path=path)
    except yaml.YAMLError:
        return  # The composer meets the same fault and names it with its line.


class _Builder:
    """Turns PyYAML nodes into ours, counting every use of an alias."""

    def __init__(self, *, path: str, bounds: Bounds) -> None:
        self._path = path
        self._bounds = bounds
        self._nodes = 0

    def build(self, node: yaml.Node, *, depth: int) -> Node:
        self._nodes += 1
        if self._nodes > self._bounds.max_nodes:
            raise LimitExceededError(f"YAML has more than {self._bounds.max_nodes} nodes", path=self._path)
        if depth > self._bounds.max_depth:
            raise LimitExceededError(f"YAML is nested deeper than {self._bounds.max_depth}", path=self._path)
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        tag = node.tag if node.tag and not node.tag.startswith("tag:yaml.org,2002:") else _standard_tag(node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, line=line, column=column, tag=tag, depth=depth)
        if isinstance(node, yaml.SequenceNode):
            items = tuple(self.build(item, depth=depth + 1) for item in node.value)
            return Sequence(line=line, column=column, tag=tag, items=items)
        quoted = isinstance(node, yaml.ScalarNode) and node.style in {"'", '"', "|", ">"}
        value = node.value if quoted or tag else _typed(node.value)
        return Scalar(line=line, column=column, tag=tag, text=node.value, value=value, is_quoted=quoted)

    def _mapping(self, node: yaml.MappingNode, *, line: int, column: int, tag: str, depth: int) -> Mapping:
        entries: dict[str, Node] = {}
        key_lines: dict[str, int] = {}
        duplicates: list[tuple[str, int]] = []
        merged: dict[str, Node] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
            value = self.build(value_node, depth=depth + 1)
            if key == "<<" and not getattr(key_node, "style", None):
                for source in value.items if isinstance(value, Sequence) else (value,):
                    if isinstance(source, Mapping):
                        merged = {**source.entries, **merged}
                continue
            if key in entries:
                duplicates.append((key, key_node.start_mark.line + 1))
            entries[key] = value
            key_lines[key] = key_node.start_mark.line + 1
        return Mapping(
            line=line,
            column=column,
            tag=tag,
            entries={**merged, **entries},
            key_lines=key_lines,
            duplicates=tuple(duplicates),
        )


_IMPLICIT = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "seq", "map", "null", "bool", "int", "float", "timestamp", "merge", "value")
)


def _standard_tag(node: yaml.Node) -> str:
    # Language tags such as `!!python/object/apply:os.system` expand below the standard prefix and must stay visible.
    return "" if node.tag in _IMPLICIT or not node.tag else str(node.tag)


_INT = re2.compile(r"[-+]?[0-9]{1,18}")
_OCTAL = re2.compile(r"0o[0-7]{1,20}")
_HEX = re2.compile(r"0x[0-9a-fA-F]{1,16}")
_FLOAT = re2.compile(r"[-+]?(\.[0-9]{1,32}|[0-9]{1,32}(\.[0-9]{0,32})?)([eE][-+]?[0-9]{1,4})?")
_WORDS: dict[str, float | bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    ".nan": math.nan,
    ".inf": math.inf,
    "-.inf": -math.inf,
}


def _typed(text: str) -> str | float | bool | None:
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text, base=0)
    if _HEX.fullmatch(text):
        return int(text, base=0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text

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
    """Bounds of one YAML text; keys count, and aliases each time they are used, so that they cannot explode."""

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
    loader = yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader
    builder = _Builder(path=path, bounds=limits)
    try:
        for event in yaml.parse(text, Loader=loader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else None
        raise ParseError(f"no YAML: {error.problem or error.context}", path=path, line=line) from error
    except (yaml.YAMLError, ValueError) as error:
        raise ParseError(f"no YAML: {error}", path=path) from error
    return tuple(builder.documents)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Built:
    """A finished node, how many nodes it is, and how many levels."""

    node: Node
    size: int
    height: int


@dataclass(slots=True, kw_only=True)
class _Open:
    """A list or mapping whose end has not come yet; `parts` holds its items, or keys and values by turns."""

    line: int
    column: int
    tag: str
    anchor: str
    is_mapping: bool
    first_node: int
    parts: list[Node] = field(default_factory=list)
    height: int = 0


class _Builder:
    """Builds our nodes straight from the events of the parser, without recursion, counting every use of an alias."""

    def __init__(self, *, path: str, bounds: Bounds) -> None:
        self.documents: list[Node] = []
        self._path = path
        self._bounds = bounds
        self._nodes = 0
        self._open: list[_Open] = []
        self._anchors: dict[str, _Built] = {}

    def take(self, event: yaml.Event) -> None:
        """Take the next event.

        Raises:
            ParseError: An alias of nothing.
            LimitExceededError: Too many nodes, nested too deeply, or a node inside of itself.
        """
        if isinstance(event, yaml.ScalarEvent):
            self._count(1, 0)
            self._add(_scalar(event), event.anchor, size=1)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._count(1, 1)
            line, column = _place(event)
            self._open.append(
                _Open(
                    line=line,
                    column=column,
                    tag=_shown_tag(event.tag),
                    anchor=event.anchor or "",
                    is_mapping=isinstance(event, yaml.MappingStartEvent),
                    first_node=self._nodes,
                )
            )
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._anchors.clear()

    def _count(self, nodes: int, levels: int) -> None:
        self._nodes += nodes
        if self._nodes > self._bounds.max_nodes:
            raise LimitExceededError(f"YAML has more than {self._bounds.max_nodes} nodes", path=self._path)
        if len(self._open) + levels > self._bounds.max_depth:
            raise LimitExceededError(f"YAML is nested deeper than {self._bounds.max_depth}", path=self._path)

    def _alias(self, event: yaml.AliasEvent) -> None:
        known = self._anchors.get(event.anchor or "")
        if known is None:
            line, _ = _place(event)
            if any(opened.anchor == event.anchor for opened in self._open):
                raise LimitExceededError("YAML holds a node inside of itself", path=self._path, line=line)
            detail = f"no YAML: found undefined alias {event.anchor!r}"
            raise ParseError(detail, path=self._path, line=line)
        self._count(known.size, known.height)
        self._add(known.node, None, size=known.size, height=known.height)

    def _add(self, node: Node, anchor: str | None, *, size: int, height: int = 0) -> None:
        if anchor:
            self._anchors[anchor] = _Built(node=node, size=size, height=height)
        if self._open:
            parent = self._open[-1]
            parent.parts.append(node)
            parent.height = max(parent.height, height)
        else:
            self.documents.append(node)

    def _close(self) -> None:
        done = self._open.pop()
        node = _mapping(done) if done.is_mapping else _sequence(done)
        self._add(node, done.anchor, size=self._nodes - done.first_node + 1, height=done.height + 1)


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)


def _scalar(event: yaml.ScalarEvent) -> Scalar:
    tag = _shown_tag(event.tag)
    quoted = event.style in {"'", '"', "|", ">"}
    line, column = _place(event)
    return Scalar(
        line=line,
        column=column,
        tag=tag,
        text=event.value,
        value=event.value if quoted or tag else _typed(event.value),
        is_quoted=quoted,
    )


def _sequence(done: _Open) -> Sequence:
    return Sequence(line=done.line, column=done.column, tag=done.tag, items=tuple(done.parts))


def _mapping(done: _Open) -> Mapping:
    entries: dict[str, Node] = {}
    key_lines: dict[str, int] = {}
    duplicates: list[tuple[str, int]] = []
    merged: dict[str, Node] = {}
    for key_node, value in zip(done.parts[::2], done.parts[1::2], strict=True):
        key = key_node.text if isinstance(key_node, Scalar) else "?"
        if key == "<<" and isinstance(key_node, Scalar) and not key_node.is_quoted:
            for source in value.items if isinstance(value, Sequence) else (value,):
                if isinstance(source, Mapping):
                    merged = {**source.entries, **merged}
            continue
        if key in entries:
            duplicates.append((key, key_node.line))
        entries[key] = value
        key_lines[key] = key_node.line
    return Mapping(
        line=done.line,
        column=done.column,
        tag=done.tag,
        entries={**merged, **entries},
        key_lines=key_lines,
        duplicates=tuple(duplicates),
    )


_IMPLICIT = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "seq", "map", "null", "bool", "int", "float", "timestamp", "merge", "value")
)


def _shown_tag(tag: str | None) -> str:
    # Language tags such as `!!python/object/apply:os.system` expand below the standard prefix and must stay visible.
    return "" if not tag or tag == "!" or tag in _IMPLICIT else tag


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
    if text[0] not in "+-.0123456789":
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text, base=0)
    if _HEX.fullmatch(text):
        return int(text, base=0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text

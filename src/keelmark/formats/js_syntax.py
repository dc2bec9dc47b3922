"""Syntax of JavaScript and TypeScript: a bounded walk over the tree, and what single nodes say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import tree_sitter_javascript
import tree_sitter_typescript
from tree_sitter import Language, Node

from keelmark.core.facts import Argument
from keelmark.errors import LimitExceededError
from keelmark.formats import syntax_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Bounds",
    "Tree",
    "argument_nodes",
    "argument_of",
    "dotted",
    "entries",
    "line_of",
    "literal",
    "parse",
    "scope_of",
    "target_of",
    "text_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one source file in JavaScript or TypeScript."""

    max_bytes: int = 2 * 1024**2
    parse: syntax_tree.Bounds = syntax_tree.BOUNDS
    max_depth: int = 1_000
    max_calls: int = 3_000
    max_facts: int = 500
    max_ancestors: int = 200
    max_entries: int = 500
    max_name: int = 500


BOUNDS = Bounds()
_JAVASCRIPT = Language(tree_sitter_javascript.language())
_TYPESCRIPT = Language(tree_sitter_typescript.language_typescript())
_TSX = Language(tree_sitter_typescript.language_tsx())
_LANGUAGES = {
    ".js": _JAVASCRIPT, ".mjs": _JAVASCRIPT, ".cjs": _JAVASCRIPT, ".jsx": _JAVASCRIPT,
    ".ts": _TYPESCRIPT, ".mts": _TYPESCRIPT, ".cts": _TYPESCRIPT, ".tsx": _TSX,
}  # fmt: skip
_KEPT = frozenset(
    {"import_statement", "variable_declarator", "call_expression", "new_expression", "pair", "string",
     "template_string", "export_statement", "comment", "required_parameter", "optional_parameter", "assignment_expression"}
)  # fmt: skip
_FUNCTIONS = frozenset(
    {
        "function_declaration",
        "function_expression",
        "arrow_function",
        "method_definition",
        "generator_function_declaration",
    }
)


@dataclass(slots=True, kw_only=True)
class Tree:
    """Nodes of the kinds that carry facts, in order of the text.

    Attributes:
        fault_line: First line that is no valid source, 0 when there is none.
    """

    kinds: dict[str, list[Node]] = field(default_factory=dict)
    fault_line: int = 0

    def of(self, kind: str) -> list[Node]:
        """Nodes of one kind."""
        return self.kinds.get(kind, [])


def parse(content: str, suffix: str, *, path: str, bounds: Bounds = BOUNDS) -> Tree:
    """Parse source and collect its nodes, without recursion.

    Raises:
        LimitExceededError: Too many words and marks, nested too deeply, or not parsed in time.
    """
    data = content.encode("utf-8", "replace")
    root = syntax_tree.parse(data, _LANGUAGES[suffix], path=path, bounds=bounds.parse).root_node
    tree = Tree()
    has_fault = root.has_error
    stack = [(root, 0)]
    while stack:
        node, depth = stack.pop()
        if depth > bounds.max_depth:
            raise LimitExceededError(f"source is nested deeper than {bounds.max_depth}", path=path)
        if node.type in _KEPT:
            tree.kinds.setdefault(node.type, []).append(node)
        if has_fault and not tree.fault_line and (node.is_error or node.is_missing):
            tree.fault_line = line_of(node)
        # Punctuation is two thirds of all nodes and carries nothing, unless a piece of it is what is missing.
        below = node.children if has_fault else node.named_children
        stack.extend([(child, depth + 1) for child in reversed(below)])
    return tree


def line_of(node: Node) -> int:
    """Line of a node, counted from 1."""
    return int(node.start_point.row) + 1


def text_of(node: Node | None) -> str:
    """Source text of a node."""
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""


def dotted(node: Node | None) -> str:
    """Dotted name of an identifier or a chain of members; "" when it is anything else."""
    parts: list[str] = []
    while node is not None and node.type == "member_expression":
        parts.append(text_of(node.child_by_field_name("property")))
        node = node.child_by_field_name("object")
    if node is None or node.type not in {"identifier", "this"}:
        return f"?.{'.'.join(reversed(parts))}" if parts else ""
    return ".".join((text_of(node), *reversed(parts)))


def literal(node: Node | None) -> tuple[bool, str | float | bool | None]:
    """Whether a node is a constant, and its value."""
    if node is None:
        return False, None
    match node.type:
        case "string":
            return True, _unescaped(text_of(node)[1:-1])
        case "template_string" if not any(child.type == "template_substitution" for child in node.children):
            return True, _unescaped(text_of(node)[1:-1])
        case "binary_expression":
            return _joined(node)
        case "true" | "false":
            return True, node.type == "true"
        case "null" | "undefined":
            return True, None
        case "number":
            try:
                return True, float(text_of(node)) if "." in text_of(node) else int(text_of(node), 0)
            except ValueError:
                return False, None
    return False, None


def _joined(node: Node) -> tuple[bool, str | None]:
    """Texts joined by `+`; the chain leans to the left, so it is followed there without recursion."""
    parts: list[str] = []
    left: Node | None = node
    while left is not None and left.type == "binary_expression":
        right = left.child_by_field_name("right")
        if (
            text_of(left.child_by_field_name("operator")) != "+"
            or right is None
            or right.type == "binary_expression"
        ):
            return False, None
        parts.append(_constant_text(right) or "\x00")
        left = left.child_by_field_name("left")
    parts.append((_constant_text(left) if left is not None else None) or "\x00")
    whole = "".join(reversed(parts))
    return ("\x00" not in whole), (None if "\x00" in whole else whole)


def _constant_text(node: Node) -> str | None:
    is_literal, value = literal(node)
    return value if is_literal and isinstance(value, str) else None


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def _unescaped(raw: str) -> str:
    if "\\" not in raw:
        return raw
    kept: list[str] = []
    at = 0
    while at < len(raw):
        if raw[at] == "\\" and at + 1 < len(raw):
            kept.append(_ESCAPES.get(raw[at + 1], raw[at + 1]))
            at += 2
        else:
            kept.append(raw[at])
            at += 1
    return "".join(kept)


def entries(node: Node | None) -> Iterator[tuple[str, Node]]:
    """Keys and values of an object, and its methods under their names; of a long object the first ones."""
    listed = node.named_children if node is not None and node.type == "object" else []
    for child in listed[: BOUNDS.max_entries]:
        if child.type == "pair":
            key, value = child.child_by_field_name("key"), child.child_by_field_name("value")
            if key is not None and value is not None:
                yield text_of(key).strip("\"'"), value
        elif child.type == "method_definition":
            yield text_of(child.child_by_field_name("name")), child
        elif child.type == "shorthand_property_identifier":
            yield text_of(child), child


def argument_nodes(call: Node) -> list[Node]:
    """The arguments of a call, comments left out."""
    listed = call.child_by_field_name("arguments")
    if listed is None or listed.type != "arguments":
        return []
    return [child for child in listed.named_children if child.type != "comment"]


def argument_of(node: Node, position: int, reference: str, *, constant: Node | None = None) -> Argument:
    """One positional argument; the keys of an object and the constants of an array are its items.

    Args:
        node: The argument as written.
        position: Its index.
        reference: Its resolved name, "" when it has none.
        constant: What it stands for, when it is a constant of the module.
    """
    meant = constant or node
    is_literal, value = literal(meant)
    items: tuple[str, ...] = ()
    if meant.type == "object":
        items = tuple(key for key, _ in entries(meant))
    elif meant.type == "array":
        found = [literal(child) for child in meant.named_children]
        items = tuple(str(item) for is_constant, item in found if is_constant)
    return Argument(
        name="*" if node.type == "spread_element" else "",
        position=position,
        is_literal=is_literal,
        literal=value[:2_000] if isinstance(value, str) else value,
        items=items[:100],
        reference=reference,
        text=text_of(node)[:200],
    )


def scope_of(node: Node) -> str:
    """Names of the functions and classes around a node, outermost first."""
    names: list[str] = []
    parent = node.parent
    for _ in range(BOUNDS.max_ancestors):
        if parent is None:
            break
        if parent.type in _FUNCTIONS or parent.type == "class_declaration":
            name = text_of(parent.child_by_field_name("name")) or target_of(parent)
            if name:
                names.append(name)
        parent = parent.parent
    return ".".join(reversed(names))


def target_of(node: Node) -> str:
    """Variable that a value is assigned to; `await` and type assertions in between are looked through."""
    parent = node.parent
    while parent is not None and parent.type in {
        "await_expression",
        "as_expression",
        "satisfies_expression",
        "parenthesized_expression",
    }:
        parent = parent.parent
    if parent is None:
        return ""
    if parent.type == "variable_declarator":
        name = parent.child_by_field_name("name")
        return text_of(name) if name is not None and name.type == "identifier" else ""
    if parent.type == "assignment_expression":
        return dotted(parent.child_by_field_name("left"))
    if parent.type == "pair":
        return text_of(parent.child_by_field_name("key")).strip("\"'")
    return ""

"""Names in JavaScript: what is imported under which name, and what the variables of a module stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import Import
from keelmark.formats.js_syntax import BOUNDS, Tree, argument_nodes, dotted, line_of, literal, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

__all__ = ["Names"]

_WRAPPERS = {
    "await_expression",
    "parenthesized_expression",
    "as_expression",
    "satisfies_expression",
    "non_null_expression",
}


class Names:
    """Resolves names of one module; scopes inside the module are not told apart.

    Attributes:
        imports: Imported names in order.
    """

    def __init__(self, tree: Tree) -> None:
        self.imports: list[Import] = []
        self._bound: dict[str, str] = {}
        self._constants: dict[str, Node] = {}
        for node in tree.of("import_statement"):
            self._import(node)
        for node in tree.of("variable_declarator"):
            self._declare(node)
        for kind in ("required_parameter", "optional_parameter"):
            for node in tree.of(kind):
                self._annotated(node, node.child_by_field_name("pattern"))
        required = {entry.name for entry in self.imports}
        for node in tree.of("call_expression"):
            module = _module_of(node)
            if module and module not in required:
                required.add(module)
                self.imports.append(Import(name=module, line=line_of(node)))

    def resolve(self, node: Node | None) -> str:
        """Full name of a callee or value; "" when its head is not known."""
        name = dotted(node)
        head, _, rest = name.partition(".")
        if head not in self._bound:
            return ""
        return f"{self._bound[head]}.{rest}"[: BOUNDS.max_name] if rest else self._bound[head]

    def constant(self, node: Node) -> Node:
        """The literal or object that a constant of the module stands for; the node itself when it is none."""
        return self._constants.get(text_of(node), node) if node.type == "identifier" else node

    def packages(self) -> set[str]:
        """Packages that are imported, without the path inside them."""
        return {_package(entry.name) for entry in self.imports}

    def _import(self, node: Node) -> None:
        module = _clean(text_of(node.child_by_field_name("source")).strip("\"'`"))
        clause = next((child for child in node.children if child.type == "import_clause"), None)
        found = list(_imported(clause, module)) if clause is not None else []
        for local, full in found:
            self._bound[local] = full
            self.imports.append(Import(name=full, line=line_of(node)))
        if not found and module:
            self.imports.append(Import(name=module, line=line_of(node)))

    def _declare(self, node: Node) -> None:
        target, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        while value is not None and value.type in _WRAPPERS and value.named_children:
            value = value.named_children[0]
        if target is None or value is None:
            return
        if target.type == "identifier" and value.type in {"string", "template_string", "object", "number"}:
            self._constants.setdefault(text_of(target), value)
            return
        full = self._value(value)
        if not full:
            return
        if target.type == "identifier":
            self._bound.setdefault(text_of(target), full)
        elif target.type == "object_pattern":
            for local, name in _pattern(target):
                self._bound.setdefault(local, f"{full}.{name}"[: BOUNDS.max_name])

    def _annotated(self, node: Node, pattern: Node | None) -> None:
        # `server: McpServer`: a parameter stands for its imported class. A later variable of that name yields to it.
        annotation = node.child_by_field_name("type")
        types = annotation.named_children if annotation is not None else []
        if pattern is None or pattern.type != "identifier" or not types or types[0].type != "type_identifier":
            return
        full = self._bound.get(text_of(types[0]))
        if full:
            self._bound.setdefault(text_of(pattern), full)

    def _value(self, node: Node) -> str:
        if node.type == "new_expression":
            return self.resolve(node.child_by_field_name("constructor"))
        if node.type == "call_expression":
            return _module_of(node) or self.resolve(node.child_by_field_name("function"))
        return self.resolve(node) if node.type in {"member_expression", "identifier"} else ""


def _clean(module: str) -> str:
    return module.removeprefix("node:")


def _package(name: str) -> str:
    parts = name.split("/")
    return "/".join(parts[:2]) if name.startswith("@") else parts[0].split(".")[0]


def _module_of(call: Node) -> str:
    """Module of `require("x")` or `import("x")`."""
    callee = call.child_by_field_name("function")
    if callee is None or text_of(callee) not in {"require", "import"}:
        return ""
    arguments = argument_nodes(call)
    _, value = literal(arguments[0]) if arguments else (False, None)
    return _clean(value) if isinstance(value, str) else ""


def _imported(clause: Node, module: str) -> Iterator[tuple[str, str]]:
    for child in clause.children:
        if child.type == "identifier":
            yield text_of(child), module
        elif child.type == "namespace_import":
            yield text_of(child.named_children[-1]) if child.named_children else "", module
        elif child.type == "named_imports":
            for entry in child.named_children:
                name = text_of(entry.child_by_field_name("name")).strip("\"'")
                local = text_of(entry.child_by_field_name("alias")) or name
                if name:
                    yield local, module if name == "default" else f"{module}.{name}"


def _pattern(node: Node) -> Iterator[tuple[str, str]]:
    for child in node.named_children:
        if child.type == "shorthand_property_identifier_pattern":
            yield text_of(child), text_of(child)
        elif child.type == "pair_pattern":
            key, value = child.child_by_field_name("key"), child.child_by_field_name("value")
            if value is not None and value.type == "identifier":
                yield text_of(value), text_of(key)

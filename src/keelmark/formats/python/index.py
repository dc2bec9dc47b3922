"""What one walk over a module found: flat lists of calls, assignments, dicts, functions and classes.

`callee` holds the resolved name of each call; readers of facts take from these lists and walk no tree themselves.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.formats.python.names import NO_VALUE, CallSite, Class, Constant, Function, Names, Scope

if TYPE_CHECKING:
    from keelmark.core.facts import Import
    from keelmark.formats.python.bounds import Bounds
    from keelmark.formats.python.text import Text

__all__ = ["Assignment", "DictSite", "Index"]

_MAX_CONSTANT_DEPTH = 40


@dataclass(slots=True, eq=False, kw_only=True)
class Assignment:
    """One name or attribute that a value is assigned to; `name` is the last part."""

    name: str
    value: ast.expr
    scope: Scope
    line: int
    annotation: ast.expr | None = None


@dataclass(slots=True, eq=False, kw_only=True)
class DictSite:
    """A dict literal with its constant keys."""

    node: ast.Dict
    scope: Scope
    keys: dict[str, ast.expr]


class Index:
    """What one walk found. `callee` holds the resolved name of each call."""

    def __init__(self, text: Text, bounds: Bounds) -> None:
        self.text = text
        self.bounds = bounds
        self.names = Names(bounds.max_name)
        self.module = Scope(qualname="")
        self.imports: list[Import] = []
        self.sites: list[CallSite] = []
        self.assignments: list[Assignment] = []
        self.dicts: list[DictSite] = []
        self.functions: list[Function] = []
        self.lambdas: dict[ast.Lambda, Function] = {}
        self.classes: list[Class] = []
        self.scope_of: dict[ast.Call, Scope] = {}
        self.callee: dict[ast.Call, str] = {}
        self.docstrings: set[ast.expr] = set()
        self.body: list[ast.stmt] = []

    def constant(self, node: ast.expr | None, scope: Scope, depth: int = 0) -> Constant:
        """Value of an expression when the source states it, else `NO_VALUE`."""
        if isinstance(node, ast.Constant):
            stated = node.value
            return stated if isinstance(stated, str | int | float | bool) or stated is None else NO_VALUE
        if depth > _MAX_CONSTANT_DEPTH or node is None:
            return NO_VALUE
        if isinstance(node, ast.Name):
            return scope.constant(node.id)
        if isinstance(node, ast.Attribute):
            return self._member_constant(node, scope, depth)
        if isinstance(node, ast.JoinedStr):
            return self._joined(node, scope, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left = self.constant(node.left, scope, depth + 1)
            right = self.constant(node.right, scope, depth + 1)
            return left + right if isinstance(left, str) and isinstance(right, str) else NO_VALUE
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            value = self.constant(node.operand, scope, depth + 1)
            return -value if isinstance(value, int | float) else NO_VALUE
        return NO_VALUE

    def string(self, node: ast.expr | None, scope: Scope) -> str:
        """Text of an expression when the source states it, else ""."""
        value = self.constant(node, scope)
        return value if isinstance(value, str) else ""

    def resolve(self, node: ast.expr | None, scope: Scope) -> str:
        """Dotted name of an expression."""
        return self.names.resolve(node, scope)

    def local_function(self, node: ast.expr | None, scope: Scope) -> Function | None:
        """Function of this module that an expression names (or a lambda that it is)."""
        if isinstance(node, ast.Lambda):
            return self.lambdas.get(node)
        return self.names.function_of(self.resolve(node, scope))

    def _member_constant(self, node: ast.Attribute, scope: Scope, depth: int) -> Constant:
        if isinstance(node.value, ast.Name) and scope.owner is not None and node.value.id == scope.self_name:
            value = scope.owner.values.get(node.attr)
        else:
            holder = self.names.class_of(self.resolve(node.value, scope))
            if holder is None and node.attr == "value" and isinstance(node.value, ast.Attribute):
                return self._enum_value(node.value, scope, depth)
            value = holder.values.get(node.attr) if holder else None
        return self.constant(value, scope, depth + 1) if value is not None else NO_VALUE

    def _enum_value(self, node: ast.Attribute, scope: Scope, depth: int) -> Constant:
        """`Tools.READ.value`: what the member of an enumeration of this module stands for."""
        holder = self.names.class_of(self.resolve(node.value, scope))
        is_enum = holder is not None and any(base.endswith("Enum") for base in holder.bases)
        return self._member_constant(node, scope, depth + 1) if is_enum else NO_VALUE

    def _joined(self, node: ast.JoinedStr, scope: Scope, depth: int) -> Constant:
        parts: list[str] = []
        for piece in node.values:
            inner = piece.value if isinstance(piece, ast.FormattedValue) else piece
            value = self.constant(inner, scope, depth + 1)
            if isinstance(value, str) and not getattr(piece, "format_spec", None):
                parts.append(value)
            else:
                return NO_VALUE
        return "".join(parts)

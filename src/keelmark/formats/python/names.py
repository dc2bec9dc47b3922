"""What names stand for: scopes, functions and classes of a module, and the resolution of expressions to dotted names.

A name stands for what was imported or assigned: `np` is `numpy`, `app = FastAPI()` is `fastapi.FastAPI`, and the result
of any call is named like its callee, so that `requests.get(url).json` can be spoken of. Functions and classes of the
module itself begin with `LOCAL`.
"""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass, field

from keelmark.formats.python.table_names import RESULTS, SAME_CLASS

__all__ = ["LOCAL", "NO_VALUE", "CallSite", "Class", "Function", "Names", "Scope"]

LOCAL = "<local>."
_BUILTINS = frozenset(name for name in dir(builtins) if not name.startswith("_")) | {"__import__"}
_MAX_HOPS = 8

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class _NoValue:
    """Marks that an expression has no value known from the source."""


NO_VALUE = _NoValue()
Constant = str | int | float | bool | None | _NoValue


@dataclass(slots=True, eq=False, kw_only=True)
class Scope:
    """Names bound in a module, class or function."""

    qualname: str
    parent: Scope | None = None
    is_class: bool = False
    owner: Class | None = None
    self_name: str = ""
    names: dict[str, str] = field(default_factory=dict)
    constants: dict[str, Constant] = field(default_factory=dict)
    values: dict[str, ast.expr] = field(default_factory=dict)

    def lookup(self, name: str) -> str:
        """Dotted name that a name stands for here, or ""."""
        scope: Scope | None = self
        while scope is not None:
            if (not scope.is_class or scope is self) and (found := scope.names.get(name)) is not None:
                return found
            scope = scope.parent
        return f"builtins.{name}" if name in _BUILTINS else ""

    def constant(self, name: str) -> Constant:
        """Constant that a name holds here."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.constants:
                return scope.constants[name]
            if name in scope.names:
                return NO_VALUE
            scope = scope.parent
        return NO_VALUE

    def value(self, name: str) -> ast.expr | None:
        """Expression that was last assigned to a name."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.parent
        return None


@dataclass(slots=True, eq=False, kw_only=True)
class CallSite:
    """One call expression with its place among the scopes.

    Attributes:
        is_instance: Whether what is called is the result of the call that `name` names, `load()(x)`.
    """

    node: ast.Call
    name: str
    scope: Scope
    target: str = ""
    is_decorator: bool = False
    guards: tuple[ast.expr, ...] = ()
    is_endless: bool = False
    is_instance: bool = False


@dataclass(slots=True, eq=False, kw_only=True)
class Function:
    """A function, method or lambda of the module; `decorators` are (expression, resolved name)."""

    node: FunctionNode
    name: str
    scope: Scope
    owner: Class | None = None
    decorators: list[tuple[ast.expr, str]] = field(default_factory=list)
    sites: list[CallSite] = field(default_factory=list)

    @property
    def qualname(self) -> str:
        """Name with its enclosing functions and classes."""
        return self.scope.qualname

    @property
    def line(self) -> int:
        """Line of the `def`."""
        return self.node.lineno

    @property
    def body(self) -> list[ast.stmt]:
        """Statements; none for a lambda."""
        return [] if isinstance(self.node, ast.Lambda) else self.node.body

    @property
    def docstring(self) -> str:
        """Docstring, or ""."""
        return "" if isinstance(self.node, ast.Lambda) else ast.get_docstring(self.node) or ""

    @property
    def parameters(self) -> list[tuple[ast.arg, ast.expr | None]]:
        """Parameters that hold one value each, with their defaults; `self` and `cls` of methods left out."""
        spec = self.node.args
        ordered = [*spec.posonlyargs, *spec.args]
        defaults: list[ast.expr | None] = [None] * (len(ordered) - len(spec.defaults))
        pairs = list(zip(ordered, [*defaults, *spec.defaults], strict=True))
        is_static = any(name == "builtins.staticmethod" for _, name in self.decorators)
        if self.owner is not None and pairs and not is_static:
            pairs = pairs[1:]
        return [*pairs, *zip(spec.kwonlyargs, spec.kw_defaults, strict=True)]


@dataclass(slots=True, eq=False, kw_only=True)
class Class:
    """A class of the module."""

    node: ast.ClassDef
    qualname: str
    bases: list[str] = field(default_factory=list)
    methods: dict[str, Function] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, ast.expr] = field(default_factory=dict)
    values: dict[str, ast.expr] = field(default_factory=dict)

    @property
    def foreign_base(self) -> str:
        """First base class that the module does not define itself."""
        return next((base for base in self.bases if base and not base.startswith(LOCAL)), "")


class Names:
    """Resolves expressions of one module."""

    def __init__(self, max_name: int) -> None:
        self.functions: dict[str, Function] = {}
        self.classes: dict[str, Class] = {}
        self._max_name = max_name
        self._hops = 0

    def resolve(self, node: ast.expr | None, scope: Scope) -> str:
        """Dotted name of an expression, or "" when it is not known."""
        if isinstance(node, ast.Name):
            return scope.lookup(node.id)
        if isinstance(node, ast.Attribute):
            return self._attribute(node, scope)
        if isinstance(node, ast.Call):
            return self._result(node, scope)
        if isinstance(node, ast.Await | ast.NamedExpr):
            return self.resolve(node.value, scope)
        if isinstance(node, ast.IfExp):
            return self.resolve(node.body, scope) or self.resolve(node.orelse, scope)
        if isinstance(node, ast.BoolOp):
            return next((name for value in node.values if (name := self.resolve(value, scope))), "")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            left = self.resolve(node.left, scope)
            return left if left == "pathlib.Path" else ""
        return ""

    def annotation(self, node: ast.expr | None, scope: Scope) -> str:
        """Dotted name of the class that an annotation speaks of, through Optional, Annotated and unions with None."""
        if isinstance(node, ast.Subscript):
            outer = self.resolve(node.value, scope)
            if outer.endswith((".Optional", ".Annotated")):
                inner = (
                    node.slice.elts[0]
                    if isinstance(node.slice, ast.Tuple) and node.slice.elts
                    else node.slice
                )
                return self.annotation(inner, scope)
            return outer
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self.annotation(node.left, scope) or self.annotation(node.right, scope)
        if isinstance(node, ast.Constant):
            text = node.value if isinstance(node.value, str) and node.value.isidentifier() else ""
            return scope.lookup(text) if text else ""
        return self.resolve(node, scope)

    def function_of(self, name: str) -> Function | None:
        """The function, method or constructor of this module that a resolved name means."""
        if not name.startswith(LOCAL):
            return None
        local = name.removeprefix(LOCAL)
        if local in self.functions:
            return self.functions[local]
        if local in self.classes:
            return self.classes[local].methods.get("__init__")
        return None

    def class_of(self, name: str) -> Class | None:
        """The class of this module that a resolved name means."""
        return self.classes.get(name.removeprefix(LOCAL)) if name.startswith(LOCAL) else None

    def _attribute(self, node: ast.Attribute, scope: Scope) -> str:
        base = node.value
        if isinstance(base, ast.Name) and scope.self_name and base.id == scope.self_name and scope.owner:
            return self.member(scope.owner, node.attr)
        name = self.resolve(base, scope)
        if not name or len(name) > self._max_name:
            return ""
        holder = self.class_of(name)
        if holder is not None:
            return self.member(holder, node.attr)
        if name.startswith(LOCAL):
            return ""
        if name in {"pathlib.Path", "pathlib.Path.cwd", "pathlib.Path.home"} and node.attr in {
            "parent",
            "parents",
        }:
            return "pathlib.Path"
        return f"{name}.{node.attr}"

    def member(self, holder: Class, attribute: str) -> str:
        """What an attribute of a class of this module stands for, through its bases in this module."""
        seen: set[str] = set()
        queue = [holder]
        while queue and len(seen) < _MAX_HOPS:
            current = queue.pop(0)
            seen.add(current.qualname)
            if attribute in current.attributes:
                return current.attributes[attribute]
            if attribute in current.methods:
                return f"{LOCAL}{current.qualname}.{attribute}"
            bases = [self.class_of(base) for base in current.bases]
            queue.extend(base for base in bases if base is not None and base.qualname not in seen)
            if not any(bases) and current.foreign_base and attribute not in current.annotations:
                return f"{current.foreign_base}.{attribute}"
        return ""

    def _result(self, node: ast.Call, scope: Scope) -> str:
        name = self.resolve(node.func, scope)
        if not name:
            return ""
        if name == "functools.partial" and node.args:
            return self.resolve(node.args[0], scope)
        if name.startswith(LOCAL):
            return self._local_result(name)
        if name in RESULTS:
            return RESULTS[name]
        head, _, last = name.rpartition(".")
        return head if last in SAME_CLASS and head else name

    def _local_result(self, name: str) -> str:
        local = name.removeprefix(LOCAL)
        if local in self.classes:
            return name
        function = self.functions.get(local)
        if function is None or isinstance(function.node, ast.Lambda) or self._hops > _MAX_HOPS:
            return ""
        outer = function.scope.parent or function.scope
        declared = self.annotation(function.node.returns, outer)
        if declared and not declared.startswith(("builtins.", "typing.")):
            return declared
        self._hops += 1
        try:
            returned = (node.value for node in function.node.body if isinstance(node, ast.Return))
            return next((found for value in returned if (found := self.resolve(value, function.scope))), "")
        finally:
            self._hops -= 1

"""The walk over the tree: binds names, resolves callees, and fills the lists of an `Index`.

Bodies of functions are walked after the scope around them, because they run after it: a function sees what the module
binds below it. `__init__` is walked before other methods, so that `self.x` is known in them.
"""

from __future__ import annotations

import ast
from collections import deque
from typing import TYPE_CHECKING

from keelmark.core.facts import Import
from keelmark.errors import LimitExceededError
from keelmark.formats.python.index import Assignment, DictSite, Index
from keelmark.formats.python.loops import is_endless
from keelmark.formats.python.names import LOCAL, NO_VALUE, CallSite, Class, Function, Scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.formats.python.bounds import Bounds
    from keelmark.formats.python.text import Text

__all__ = ["index"]

_LEAVES = frozenset(
    {
        ast.Constant,
        ast.Name,
        ast.Load,
        ast.Store,
        ast.Del,
        ast.Pass,
        ast.Break,
        ast.Continue,
        ast.Global,
        ast.Nonlocal,
        *ast.operator.__subclasses__(),
        *ast.unaryop.__subclasses__(),
        *ast.boolop.__subclasses__(),
        *ast.cmpop.__subclasses__(),
    }
)
_FIRST_METHODS = ("__init__", "__post_init__", "__new__", "setup", "__enter__", "__aenter__")


def index(tree: ast.Module, text: Text, bounds: Bounds) -> Index:
    """Walk a tree.

    Raises:
        LimitExceededError: More nodes than allowed, or nested too deeply.
    """
    result = Index(text, bounds)
    try:
        _Walker(result).walk(tree)
    except RecursionError as error:
        raise LimitExceededError("source is nested too deeply") from error
    return result


class _Walker:
    def __init__(self, result: Index) -> None:
        self._index = result
        self._names = result.names
        self._scope = result.module
        self._function: Function | None = None
        self._guards: tuple[ast.expr, ...] = ()
        self._target, self._is_endless = "", False
        self._left = result.bounds.max_nodes
        self._deferred: deque[Function] = deque()
        self._handlers: dict[type[ast.AST], Callable[..., None]] = {
            ast.Import: self._import,
            ast.ImportFrom: self._import_from,
            ast.Assign: self._assign,
            ast.AnnAssign: self._annotated,
            ast.NamedExpr: self._walrus,
            ast.For: self._for,
            ast.AsyncFor: self._for,
            ast.comprehension: self._comprehension,
            ast.With: self._with,
            ast.AsyncWith: self._with,
            ast.If: self._if,
            ast.While: self._while,
            ast.FunctionDef: self._define,
            ast.AsyncFunctionDef: self._define,
            ast.Lambda: self._lambda,
            ast.ClassDef: self._class,
            ast.Call: self._call,
            ast.Dict: self._dict,
            ast.Expr: self._expression,
        }

    def walk(self, tree: ast.Module) -> None:
        self._index.body = tree.body
        self._note_docstring(tree.body)
        self._all(tree.body)
        while self._deferred:
            function = self._deferred.popleft()
            self._scope, self._function, self._guards, self._is_endless = function.scope, function, (), False
            self._all(function.body)

    def _visit(self, node: ast.AST) -> None:
        kind = type(node)
        if kind in _LEAVES:
            return
        self._left -= 1
        if self._left < 0:
            raise LimitExceededError(f"more than {self._index.bounds.max_nodes} nodes")
        handler = self._handlers.get(kind)
        if handler is not None:
            handler(node)
        else:
            self._children(node)

    def _children(self, node: ast.AST) -> None:
        for name in node._fields:
            value = getattr(node, name, None)
            if value.__class__ is list:
                for item in value:
                    if isinstance(item, ast.AST):
                        self._visit(item)
            elif isinstance(value, ast.AST):
                self._visit(value)

    def _all(self, nodes: list[ast.stmt] | list[ast.expr]) -> None:
        for node in nodes:
            self._visit(node)

    # --- binding names

    def _bind(self, target: ast.expr, value: ast.expr | None) -> None:
        if isinstance(target, ast.Name):
            self._bind_name(target.id, value)
        elif isinstance(target, ast.Attribute):
            self._bind_member(target, value)
        elif isinstance(target, ast.Tuple | ast.List):
            values = value.elts if isinstance(value, ast.Tuple | ast.List) else []
            paired = len(values) == len(target.elts)
            for position, item in enumerate(target.elts):
                self._bind(item, values[position] if paired else None)
        elif isinstance(target, ast.Starred):
            self._bind(target.value, None)

    def _bind_name(self, name: str, value: ast.expr | None) -> None:
        scope = self._scope
        resolved = self._names.resolve(value, scope) if value is not None else ""
        if not resolved and value is not None:
            constant = self._index.constant(value, scope)
            known = scope.constants.get(name, constant)
            scope.constants[name] = (
                constant if known == constant and type(known) is type(constant) else NO_VALUE
            )
            scope.values[name] = value
            if isinstance(value, ast.Constant) and value.value is None:
                scope.names.setdefault(name, "")
                return
        else:
            scope.constants.pop(name, None)
            if value is not None:
                scope.values[name] = value
        if resolved or name not in scope.names or scope.parent is not None:
            scope.names[name] = resolved
        if scope.is_class and scope.owner is not None and value is not None:
            scope.owner.values[name] = value
            if resolved:
                scope.owner.attributes.setdefault(name, resolved)

    def _bind_member(self, target: ast.Attribute, value: ast.expr | None) -> None:
        scope = self._scope
        if value is None or scope.owner is None or not isinstance(target.value, ast.Name):
            return
        if target.value.id == scope.self_name:
            resolved = self._names.resolve(value, scope)
            if resolved:
                scope.owner.attributes.setdefault(target.attr, resolved)
            scope.owner.values.setdefault(target.attr, value)

    def _assign(self, node: ast.Assign) -> None:
        outer, self._target = self._target, _last_name(node.targets[0])
        self._visit(node.value)
        self._target = outer
        for target in node.targets:
            self._bind(target, node.value)
            self._note(target, node.value, node.lineno)
            if not isinstance(target, ast.Name):
                self._visit(target)

    def _annotated(self, node: ast.AnnAssign) -> None:
        scope = self._scope
        if scope.is_class and scope.owner is not None and isinstance(node.target, ast.Name):
            scope.owner.annotations[node.target.id] = node.annotation
        if node.value is None:
            if isinstance(node.target, ast.Name):
                scope.names.setdefault(node.target.id, self._names.annotation(node.annotation, scope))
            return
        outer, self._target = self._target, _last_name(node.target)
        self._visit(node.value)
        self._target = outer
        self._bind(node.target, node.value)
        self._note(node.target, node.value, node.lineno, node.annotation)

    def _walrus(self, node: ast.NamedExpr) -> None:
        self._visit(node.value)
        self._bind(node.target, node.value)

    def _note(self, target: ast.expr, value: ast.expr, line: int, annotation: ast.expr | None = None) -> None:
        name = _last_name(target)
        if name:
            self._index.assignments.append(
                Assignment(name=name, value=value, scope=self._scope, line=line, annotation=annotation)
            )

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        self._visit(node.iter)
        self._bind(node.target, None)
        self._all(node.body)
        self._all(node.orelse)

    def _comprehension(self, node: ast.comprehension) -> None:
        self._visit(node.iter)
        for condition in node.ifs:
            self._visit(condition)

    # --- blocks

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        outer = self._guards
        for item in node.items:
            name = _last_name(item.optional_vars) if item.optional_vars else ""
            kept, self._target = self._target, name
            self._visit(item.context_expr)
            self._target = kept
            if item.optional_vars is not None:
                self._bind(item.optional_vars, item.context_expr)
            self._guards = (*self._guards, item.context_expr)
        self._all(node.body)
        self._guards = outer

    def _if(self, node: ast.If) -> None:
        self._visit(node.test)
        outer = self._guards
        self._guards = (*outer, node.test)
        self._all(node.body)
        self._guards = outer
        self._all(node.orelse)

    def _while(self, node: ast.While) -> None:
        self._visit(node.test)
        outer = self._is_endless
        self._is_endless = outer or is_endless(node)
        self._all(node.body)
        self._is_endless = outer
        self._all(node.orelse)

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        outer = self._scope
        qualname = f"{outer.qualname}.{node.name}" if outer.qualname else node.name
        owner = outer.owner if outer.is_class else None
        scope = Scope(qualname=qualname, parent=outer, owner=owner or outer.owner, self_name=outer.self_name)
        function = Function(node=node, name=node.name, scope=scope, owner=owner)
        for decorator in node.decorator_list:
            function.decorators.append((decorator, self._names.resolve(decorator, outer)))
            self._decorator(decorator)
        self._signature(function)
        self._note_docstring(node.body)
        outer.names[node.name] = f"{LOCAL}{qualname}"
        outer.constants.pop(node.name, None)
        self._names.functions[qualname] = function
        self._index.functions.append(function)
        if owner is not None:
            owner.methods[node.name] = function
        if owner is not None and node.name in _FIRST_METHODS:
            self._deferred.appendleft(function)
        else:
            self._deferred.append(function)

    def _decorator(self, node: ast.expr) -> None:
        if isinstance(node, ast.Call):
            self._record(node, is_decorator=True)
            self._call_children(node)
        else:
            self._visit(node)

    def _signature(self, function: Function) -> None:
        spec, scope, outer = function.node.args, function.scope, self._scope
        for default in (*spec.defaults, *(value for value in spec.kw_defaults if value is not None)):
            self._visit(default)
        every = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]
        every.extend(extra for extra in (spec.vararg, spec.kwarg) if extra is not None)
        for argument in every:
            if argument.annotation is not None:
                self._visit(argument.annotation)
            scope.names[argument.arg] = self._names.annotation(argument.annotation, outer)
            if scope.names[argument.arg].startswith(("builtins.", "typing.")):
                scope.names[argument.arg] = ""
        first = next(iter((*spec.posonlyargs, *spec.args)), None)
        if function.owner is not None and first is not None:
            scope.self_name = first.arg

    def _lambda(self, node: ast.Lambda) -> None:
        outer, before = self._scope, self._function
        qualname = f"{outer.qualname}.<lambda>" if outer.qualname else "<lambda>"
        scope = Scope(qualname=qualname, parent=outer, owner=outer.owner, self_name=outer.self_name)
        function = Function(node=node, name="<lambda>", scope=scope)
        self._signature(function)
        self._index.lambdas[node] = function
        self._scope, self._function = scope, function
        self._visit(node.body)
        self._scope, self._function = outer, before

    def _class(self, node: ast.ClassDef) -> None:
        outer = self._scope
        for decorator in node.decorator_list:
            self._decorator(decorator)
        for expression in (*node.bases, *(keyword.value for keyword in node.keywords)):
            self._visit(expression)
        qualname = f"{outer.qualname}.{node.name}" if outer.qualname else node.name
        holder = Class(node=node, qualname=qualname)
        holder.bases = [self._names.annotation(base, outer) for base in node.bases]
        outer.names[node.name] = f"{LOCAL}{qualname}"
        self._names.classes[qualname] = holder
        self._index.classes.append(holder)
        self._note_docstring(node.body)
        self._scope = Scope(qualname=qualname, parent=outer, is_class=True, owner=holder)
        self._all(node.body)
        self._scope = outer

    # --- expressions

    def _call(self, node: ast.Call) -> None:
        self._record(node)
        outer, self._target = self._target, ""
        self._call_children(node)
        self._target = outer

    def _call_children(self, node: ast.Call) -> None:
        self._visit(node.func)
        self._all(node.args)
        for keyword in node.keywords:
            self._visit(keyword.value)

    def _record(self, node: ast.Call, *, is_decorator: bool = False) -> None:
        name = self._names.resolve(node.func, self._scope)
        site = CallSite(
            node=node,
            name=name,
            scope=self._scope,
            target=self._target,
            is_decorator=is_decorator,
            guards=self._guards,
            is_endless=self._is_endless,
            is_instance=self._is_instance(node.func),
        )
        self._index.callee[node] = name
        self._index.sites.append(site)
        if self._function is not None and not is_decorator:
            self._function.sites.append(site)

    def _is_instance(self, function: ast.expr) -> bool:
        # `model(x)` after `model = load()` calls what `load` gave back, not `load` again.
        if isinstance(function, ast.Name):
            function = self._scope.value(function.id) or function
        if isinstance(function, ast.Await):
            function = function.value
        return (
            isinstance(function, ast.Call)
            and self._names.resolve(function.func, self._scope) != "functools.partial"
        )

    def _dict(self, node: ast.Dict) -> None:
        keys = {
            key.value: value
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant) and isinstance(key.value, str)
        }
        if keys:
            self._index.dicts.append(DictSite(node=node, scope=self._scope, keys=keys))
        self._children(node)

    def _expression(self, node: ast.Expr) -> None:
        self._visit(node.value)

    def _note_docstring(self, body: list[ast.stmt]) -> None:
        if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            self._index.docstrings.add(body[0].value)

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._index.imports.append(Import(name=alias.name, line=node.lineno))
            bound = alias.asname or alias.name.split(".", 1)[0]
            self._scope.names[bound] = alias.name if alias.asname else bound

    def _import_from(self, node: ast.ImportFrom) -> None:
        prefix = "." * node.level + (node.module or "")
        joint = "" if not node.module else "."
        for alias in node.names:
            name = f"{prefix}{joint}{alias.name}"
            self._index.imports.append(Import(name=name, line=node.lineno))
            if alias.name != "*":
                self._scope.names[alias.asname or alias.name] = name


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)[:80]
    return ""

"""What an expression carries, given what its variables carry; arrivals at sinks are noted on the way."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Sink, Trust
from keelmark.formats.python.names import NO_VALUE
from keelmark.formats.python.taint.calls import CallEvaluator
from keelmark.formats.python.taint.checks import checks_of, path_of
from keelmark.formats.python.taint.entries import is_harmless_type
from keelmark.formats.python.taint.strings import fixed_host, pieces_of
from keelmark.formats.python.taint.table_sources import (
    FLASK_REQUEST,
    REQUEST_PARTS,
    SOURCE_ATTRIBUTES,
    UPLOAD_CONTENT,
)
from keelmark.formats.python.taint.values import EMPTY, EXEMPT, Hit, Taint, Value, cleaned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from keelmark.formats.python.taint.checks import Check
    from keelmark.formats.python.taint.machine import Frame, Machine

__all__ = ["Evaluator"]

_SHELLS = re2.compile(r"^(/usr)?(/bin/)?(ba|z|da|k)?sh$|^(cmd|powershell|pwsh)(\.exe)?$|^python[0-9.]*$")
_SHELL_FLAGS = frozenset({"-c", "/c", "/C", "-Command", "-lc", "-ic"})
_HARMLESS_PATH_PARTS = frozenset({"name", "stem", "suffix"})
_NUMBER_PARTS = frozenset({"status_code", "usage", "created", "size", "ok", "elapsed", "lineno"})


class Evaluator:
    """Evaluates expressions of one function."""

    def __init__(self, machine: Machine, frame: Frame) -> None:
        self.machine = machine
        self.frame = frame
        self.index = machine.index
        self.calls = CallEvaluator(self)
        self._handlers: dict[type[ast.AST], Callable[..., Value]] = {
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Subscript: self._subscript,
            ast.Call: self.calls.call,
            ast.BinOp: self._string,
            ast.JoinedStr: self._string,
            ast.FormattedValue: self._inner,
            ast.Await: self._inner,
            ast.Starred: self._inner,
            ast.NamedExpr: self._walrus,
            ast.BoolOp: self._either,
            ast.IfExp: self._choice,
            ast.List: self._sequence,
            ast.Tuple: self._sequence,
            ast.Set: self._sequence,
            ast.Dict: self._dict,
            ast.ListComp: self._comprehension,
            ast.SetComp: self._comprehension,
            ast.GeneratorExp: self._comprehension,
            ast.DictComp: self._comprehension,
            ast.Compare: self._compare,
            ast.UnaryOp: self._unary,
            ast.Yield: self._yield,
            ast.YieldFrom: self._yield,
        }

    def value(self, node: ast.expr | None) -> Value:
        """What an expression carries."""
        if node is None or self.machine.is_spent():
            return EMPTY
        handler = self._handlers.get(type(node))
        return self._bounded(handler(node)) if handler is not None else EMPTY

    def assign(self, target: ast.expr, value: Value, *, origin: ast.expr | None = None) -> None:
        """Let a target carry a value."""
        if isinstance(target, ast.Tuple | ast.List):
            elements = origin.elts if isinstance(origin, ast.Tuple | ast.List) else []
            for position, item in enumerate(target.elts):
                part = self.value(elements[position]) if len(elements) == len(target.elts) else value
                self.assign(item, part)
            return
        if isinstance(target, ast.Starred):
            self.assign(target.value, value)
            return
        path = path_of(target)
        if path:
            self._set(path, value)
        elif isinstance(target, ast.Subscript) and value:
            self.add(path_of(target.value), value)
            self.value(target.slice)

    def add(self, path: str, value: Value) -> None:
        """Let a container carry a value beside what it carries."""
        if path and value:
            self._set(path, self._bounded(self.frame.values.get(path, EMPTY) | value), is_whole=False)

    def apply(self, checks: Iterable[Check], by: str) -> None:
        """Remember that variables passed a check."""
        for check in checks:
            paths = {check.path, *self.frame.derived.get(check.path, ())}
            for path in paths:
                carried = self.lookup(path)
                if carried and check.sinks != frozenset():
                    self.frame.values[path] = cleaned(carried, by, check.sinks)

    def lookup(self, path: str) -> Value:
        """What a remembered name carries."""
        found = self.frame.values.get(path)
        if found is not None:
            return found
        scope = self.frame.scope
        if scope.owner is not None and path.startswith(f"{scope.self_name}."):
            return self.machine.member_values.get((scope.owner.qualname, path.partition(".")[2]), EMPTY)
        return EMPTY if path in scope.names else self.machine.module_values.get(path, EMPTY)

    def hit(self, value: Value, sink: Sink, callee: str, line: int) -> None:
        """Note what arrives at a sink."""
        for taint in value:
            if taint.cleaner(sink) != EXEMPT:
                self.frame.hits.add(
                    Hit(taint=taint, sink=sink, callee=callee, line=line, scope=self.frame.scope.qualname)
                )

    def source(self, trust: Trust, origin: str, line: int) -> Value:
        """A new origin."""
        return frozenset({Taint(source=trust, origin=origin, line=line)})

    def _bounded(self, value: Value) -> Value:
        limit = self.index.bounds.max_taints
        if len(value) <= limit:
            return value
        order = sorted(value, key=lambda taint: (len(taint.cleanings), taint.line, taint.origin))
        return frozenset(order[:limit])

    def _set(self, path: str, value: Value, *, is_whole: bool = True) -> None:
        values = self.frame.values
        self.machine.charge(len(values))
        if self.machine.left < 0:
            return  # The bound is reached and named; what variables carry is no longer followed.
        if is_whole:
            for known in [name for name in values if name.startswith((f"{path}.", f"{path}["))]:
                del values[known]
        values[path] = value
        scope = self.frame.scope
        concrete = frozenset(taint for taint in value if taint.source is not None)
        if concrete and scope.owner is not None and path.startswith(f"{scope.self_name}."):
            self.machine.member_values[scope.owner.qualname, path.partition(".")[2]] |= concrete

    def _inner(self, node: ast.Await) -> Value:
        return self.value(node.value)

    def _name(self, node: ast.Name) -> Value:
        return self._whole(node.id)

    def _whole(self, path: str) -> Value:
        value = self.lookup(path)
        prefix = (f"{path}[", f"{path}.")
        self.machine.charge(len(self.frame.values))
        parts = [part for name, part in self.frame.values.items() if part and name.startswith(prefix)]
        return value.union(*parts) if parts else value

    def _attribute(self, node: ast.Attribute) -> Value:
        path = path_of(node)
        if path and path in self.frame.values:
            return self._whole(path)
        name = self.index.resolve(node, self.frame.scope)
        if name.startswith(FLASK_REQUEST) and node.attr in REQUEST_PARTS:
            return self.source(Trust.REQUEST, f"`{name}`", node.lineno)
        if name in SOURCE_ATTRIBUTES:
            return self.source(SOURCE_ATTRIBUTES[name], f"`{name}`", node.lineno)
        if path and self.is_request(node.value):
            part = node.attr in REQUEST_PARTS
            return self.source(Trust.REQUEST, f"`{path}`", node.lineno) if part else EMPTY
        value = self.lookup(path) or self.value(node.value) if path else self.value(node.value)
        return self._part(node, value) if value else EMPTY

    def _part(self, node: ast.Attribute, value: Value) -> Value:
        if node.attr in _NUMBER_PARTS:
            return EMPTY
        if node.attr in UPLOAD_CONTENT:
            return cleaned(value, EXEMPT, frozenset({Sink.PATH, Sink.URL}))
        if node.attr in _HARMLESS_PATH_PARTS and self.index.resolve(node.value, self.frame.scope).startswith(
            "pathlib."
        ):
            return cleaned(value, f"`.{node.attr}`", frozenset({Sink.PATH}))
        holder = self.index.names.class_of(self.index.resolve(node.value, self.frame.scope))
        if holder is not None and node.attr in holder.annotations:
            annotation = holder.annotations[node.attr]
            scope = self.frame.scope.parent or self.frame.scope
            if is_harmless_type(annotation, self.index, scope):
                return cleaned(value, f"type of `{node.attr}`")
        return value

    def is_request(self, node: ast.expr) -> bool:
        """Whether an expression is a request object."""
        if isinstance(node, ast.Name):
            return node.id in self.frame.requests
        if not isinstance(node, ast.Attribute) or node.attr != "request" or not self.frame.scope.self_name:
            return False
        return isinstance(node.value, ast.Name) and node.value.id == self.frame.scope.self_name

    def _subscript(self, node: ast.Subscript) -> Value:
        path = path_of(node)
        if path and path in self.frame.values:
            return self._whole(path)
        self.value(node.slice)
        base = path_of(node.value)
        value = self.lookup(base) if base and base in self.frame.values else self.value(node.value)
        if isinstance(node.slice, ast.Constant) and node.slice.value == 0 and value:
            # The first element of an argument list is the program; what stands behind it stays behind it.
            return value
        return value

    def _string(self, node: ast.expr) -> Value:
        pieces = pieces_of(node)
        values = [self.value(piece) if not isinstance(piece, ast.Constant) else EMPTY for piece in pieces]
        total = EMPTY.union(*values)
        if not total:
            return EMPTY
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and isinstance(node.left, ast.List):
            return frozenset(_rest(taint) for taint in total)
        if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Add | ast.Mod | ast.Div):
            return EMPTY
        fixed = fixed_host(pieces, values, self.index, self.frame.scope)
        harmless = cleaned(EMPTY.union(*values[fixed:]), EXEMPT, frozenset({Sink.URL}))
        return EMPTY.union(*values[:fixed]) | harmless

    def _walrus(self, node: ast.NamedExpr) -> Value:
        value = self.value(node.value)
        self.assign(node.target, value)
        return value

    def _either(self, node: ast.BoolOp) -> Value:
        return EMPTY.union(*(self.value(item) for item in node.values))

    def _choice(self, node: ast.IfExp) -> Value:
        self.value(node.test)
        checks = checks_of(node.test, self.index, self.frame.scope)
        by = self.index.text.segment(node.test, limit=100)
        found = EMPTY
        for side, known in ((node.body, checks.when_true), (node.orelse, checks.when_false)):
            before = dict(self.frame.values)
            self.apply(known, by)
            found |= self.value(side)
            self.frame.values = before
        return found

    def _sequence(self, node: ast.List | ast.Tuple | ast.Set) -> Value:
        scope = self.frame.scope
        program = self.index.string(node.elts[0], scope) if node.elts else ""
        flags = {self.index.constant(item, scope) for item in node.elts[1:4]} - {NO_VALUE}
        is_script = bool(flags & _SHELL_FLAGS) and _SHELLS.search(program) is not None
        found = EMPTY
        for position, item in enumerate(node.elts):
            value = self.value(item)
            if position and not is_script:
                value = frozenset(_rest(taint) for taint in value)
            found |= value
        self._system_pair(node)
        return found

    def _system_pair(self, node: ast.List | ast.Tuple | ast.Set) -> None:
        is_pair = isinstance(node, ast.Tuple) and len(node.elts) == 2
        role = node.elts[0] if is_pair else None
        if isinstance(role, ast.Constant) and role.value in {"system", "developer"}:
            self.hit(self.value(node.elts[1]), Sink.SYSTEM_PROMPT, "system message", node.elts[1].lineno)

    def _dict(self, node: ast.Dict) -> Value:
        found = EMPTY
        keyed: dict[object, ast.expr] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            found |= self.value(key) | self.value(item)
            if isinstance(key, ast.Constant):
                keyed[key.value] = item
        role, content = keyed.get("role"), keyed.get("content")
        is_system = self.index.string(role, self.frame.scope) in {"system", "developer"}
        if is_system and content is not None:
            self.hit(self.value(content), Sink.SYSTEM_PROMPT, "system message", content.lineno)
        return found

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Value:
        before = dict(self.frame.values)
        for loop in node.generators:
            self.assign(loop.target, self.value(loop.iter))
            for condition in loop.ifs:
                self.value(condition)
                checks = checks_of(condition, self.index, self.frame.scope)
                self.apply(checks.when_true, self.index.text.segment(condition, limit=100))
        if isinstance(node, ast.DictComp):
            found = self.value(node.key) | self.value(node.value)
        else:
            found = self.value(node.elt)
        self.frame.values = before
        return found

    def _compare(self, node: ast.Compare) -> Value:
        for item in (node.left, *node.comparators):
            self.value(item)
        return EMPTY

    def _unary(self, node: ast.UnaryOp) -> Value:
        self.value(node.operand)
        return EMPTY

    def _yield(self, node: ast.Yield | ast.YieldFrom) -> Value:
        self.frame.returns |= self.value(node.value)
        return EMPTY


def _rest(taint: Taint) -> Taint:
    if taint.is_rest:
        return taint
    return Taint(
        source=taint.source,
        origin=taint.origin,
        line=taint.line,
        parameter=taint.parameter,
        cleanings=taint.cleanings,
        is_rest=True,
        steps=taint.steps,
    )

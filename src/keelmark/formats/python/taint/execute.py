"""Runs the statements of a function in the abstract: what each variable carries after each of them."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Sink
from keelmark.formats.python.taint.checks import checks_of, path_of
from keelmark.formats.python.taint.evaluate import Evaluator
from keelmark.formats.python.taint.machine import Frame, Machine, names_in
from keelmark.formats.python.taint.strings import pieces_of
from keelmark.formats.python.taint.values import EMPTY, Value, stepped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from keelmark.formats.python.names import Function

__all__ = ["judge", "judge_module"]

_TAG = re2.compile(r"<[A-Za-z!][^>]*>?")
_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_LEAVING_CALLS = frozenset(
    {"sys.exit", "os._exit", "flask.abort", "builtins.exit", "builtins.quit", "streamlit.stop"}
)


def judge(machine: Machine, function: Function, frame: Frame) -> None:
    """Run the body of a function in a frame."""
    runner = _Runner(machine, frame)
    if isinstance(function.node, ast.Lambda):
        frame.returns |= runner.evaluator.value(function.node.body)
    else:
        runner.block(function.node.body)


def judge_module(machine: Machine, body: Sequence[ast.stmt]) -> Frame:
    """Run the statements of the module itself."""
    frame = Frame(scope=machine.index.module)
    _Runner(machine, frame).block(body)
    return frame


class _Runner:
    def __init__(self, machine: Machine, frame: Frame) -> None:
        self._machine = machine
        self._frame = frame
        self.evaluator = Evaluator(machine, frame)
        self._handlers: dict[type[ast.stmt], Callable[..., None]] = {
            ast.Assign: self._assign,
            ast.AnnAssign: self._annotated,
            ast.AugAssign: self._augmented,
            ast.Expr: self._expression,
            ast.Return: self._return,
            ast.If: self._if,
            ast.For: self._for,
            ast.AsyncFor: self._for,
            ast.While: self._while,
            ast.With: self._with,
            ast.AsyncWith: self._with,
            ast.Try: self._try,
            ast.TryStar: self._try,
            ast.Assert: self._assert,
            ast.Raise: self._raise,
            ast.Match: self._match,
            ast.FunctionDef: self._nested,
            ast.AsyncFunctionDef: self._nested,
        }

    def block(self, body: Sequence[ast.stmt]) -> bool:
        """Run statements; answers whether the block is always left early."""
        for statement in body:
            handler = self._handlers.get(type(statement))
            if handler is not None:
                handler(statement)
            if isinstance(statement, _ENDS) or self._leaves(statement):
                return True
        return False

    def _leaves(self, statement: ast.stmt) -> bool:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            return self._machine.index.callee.get(statement.value, "") in _LEAVING_CALLS
        if isinstance(statement, ast.If) and statement.orelse:
            return _always_leaves(statement.body) and _always_leaves(statement.orelse)
        return False

    # --- assignments

    def _assign(self, node: ast.Assign) -> None:
        value = self.evaluator.value(node.value)
        for target in node.targets:
            self._store(target, value, node.value)

    def _annotated(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._store(node.target, self.evaluator.value(node.value), node.value)

    def _store(self, target: ast.expr, value: Value, origin: ast.expr) -> None:
        path = path_of(target)
        limit = self._machine.index.bounds.max_steps
        self.evaluator.assign(target, stepped(value, path, limit), origin=origin)
        if path and value:
            self._frame.derived[path] = self._roots(origin)
        self._copy_items(path, origin)

    def _roots(self, origin: ast.expr) -> frozenset[str]:
        """Variables that a new variable speaks of as a whole, so that a check of it is a check of them."""
        if isinstance(origin, ast.Call):
            called = (
                origin.func.attr if isinstance(origin.func, ast.Attribute) else getattr(origin.func, "id", "")
            )
            if called in {"splitext", "split", "rsplit", "partition", "get", "len"}:
                return frozenset()
        if isinstance(origin, ast.Name | ast.Attribute | ast.Call):
            names = names_in(origin)
            return frozenset(name for name in names if self._frame.values.get(name))
        return frozenset()

    def _copy_items(self, path: str, origin: ast.expr) -> None:
        if not path or not isinstance(origin, ast.Dict):
            return
        for key, item in zip(origin.keys, origin.values, strict=True):
            if isinstance(key, ast.Constant):
                self._frame.values[f"{path}[{key.value!r}]"] = self.evaluator.value(item)
        if all(isinstance(key, ast.Constant) for key in origin.keys):
            self._frame.values[path] = EMPTY

    def _augmented(self, node: ast.AugAssign) -> None:
        value = self.evaluator.value(node.value)
        if isinstance(node.op, ast.Add) and isinstance(node.value, ast.List | ast.Tuple):
            value = frozenset(replace(taint, is_rest=True) for taint in value)
        if isinstance(node.op, ast.Add | ast.Mod | ast.Div | ast.BitOr):
            self.evaluator.add(path_of(node.target), value)

    def _expression(self, node: ast.Expr) -> None:
        self.evaluator.value(node.value)
        call = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(call, ast.Call):
            self.evaluator.calls.check_statement(call)

    def _return(self, node: ast.Return) -> None:
        value = self.evaluator.value(node.value)
        self._frame.returns |= value
        if self._frame.is_page and value and node.value is not None and _is_markup(node.value):
            self.evaluator.hit(value, Sink.HTML, "response body", node.lineno)

    def _raise(self, node: ast.Raise) -> None:
        self.evaluator.value(node.exc)

    def _nested(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        concrete: dict[str, Value] = {}
        for name, value in self._frame.values.items():
            kept = frozenset(taint for taint in value if taint.source is not None)
            if kept:
                concrete[name] = kept
        outer = self._frame.scope.qualname
        self._machine.closures[f"{outer}.{node.name}" if outer else node.name] = concrete

    # --- branches

    def _if(self, node: ast.If) -> None:
        self.evaluator.value(node.test)
        checks = checks_of(node.test, self._machine.index, self._frame.scope)
        by = self._machine.index.text.segment(node.test, limit=100)
        before = dict(self._frame.values)
        self.evaluator.apply(checks.when_true, by)
        left_body = self.block(node.body)
        after_body = self._frame.values
        self._frame.values = before
        self.evaluator.apply(checks.when_false, by)
        left_else = self.block(node.orelse)
        if left_body:
            return
        self._frame.values = after_body if left_else else _merged(after_body, self._frame.values)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        value = self.evaluator.value(node.iter)
        before = dict(self._frame.values)
        self.evaluator.assign(
            node.target, stepped(value, path_of(node.target), self._machine.index.bounds.max_steps)
        )
        self.block(node.body)
        self._frame.values = _merged(before, self._frame.values)
        self.block(node.orelse)

    def _while(self, node: ast.While) -> None:
        self.evaluator.value(node.test)
        before = dict(self._frame.values)
        self.block(node.body)
        self._frame.values = _merged(before, self._frame.values)
        self.block(node.orelse)

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            value = self.evaluator.value(item.context_expr)
            if item.optional_vars is not None:
                self.evaluator.assign(item.optional_vars, value)
        self.block(node.body)

    def _try(self, node: ast.Try | ast.TryStar) -> None:
        before = dict(self._frame.values)
        self.block(node.body)
        self.block(node.orelse)
        after = self._frame.values
        for handler in node.handlers:
            self._frame.values = _merged(before, after)
            if not self.block(handler.body):
                after = _merged(after, self._frame.values)
        self._frame.values = after
        self.block(node.finalbody)

    def _assert(self, node: ast.Assert) -> None:
        self.evaluator.value(node.test)
        checks = checks_of(node.test, self._machine.index, self._frame.scope)
        self.evaluator.apply(checks.when_true, self._machine.index.text.segment(node.test, limit=100))

    def _match(self, node: ast.Match) -> None:
        subject = self.evaluator.value(node.subject)
        before = dict(self._frame.values)
        after = dict(before)
        for case in node.cases:
            self._frame.values = dict(before)
            path = path_of(node.subject)
            if path and _is_literal(case.pattern):
                self._frame.values[path] = EMPTY
            for name in _captures(case.pattern):
                self._frame.values[name] = subject
            if not self.block(case.body):
                after = _merged(after, self._frame.values)
        self._frame.values = after


def _is_markup(node: ast.expr) -> bool:
    """Whether text is put together around tags."""
    text = node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else node
    pieces = [piece.value for piece in pieces_of(text) if isinstance(piece, ast.Constant)]
    return any(isinstance(piece, str) and _TAG.search(piece) for piece in pieces)


def _always_leaves(body: Sequence[ast.stmt]) -> bool:
    return bool(body) and isinstance(body[-1], _ENDS)


def _merged(one: dict[str, Value], two: dict[str, Value]) -> dict[str, Value]:
    merged = dict(one)
    for path, value in two.items():
        known = merged.get(path)
        merged[path] = value if known is None or known == value else known | value
    return merged


def _is_literal(pattern: ast.pattern) -> bool:
    if isinstance(pattern, ast.MatchOr):
        return all(_is_literal(item) for item in pattern.patterns)
    return isinstance(pattern, ast.MatchValue | ast.MatchSingleton)


def _captures(pattern: ast.pattern) -> list[str]:
    found = []
    for item in ast.walk(pattern):
        name = getattr(item, "name", None) or getattr(item, "rest", None)
        if isinstance(name, str):
            found.append(name)
    return found

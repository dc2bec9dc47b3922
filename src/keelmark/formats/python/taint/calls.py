"""What a call carries: sources, cleaners, functions of the module, and calls that pass their arguments on."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from keelmark.core.facts import Sink, Trust
from keelmark.formats.python.names import LOCAL
from keelmark.formats.python.taint.arrivals import is_shell, sinks_of
from keelmark.formats.python.taint.checks import path_of
from keelmark.formats.python.taint.strings import fixed_host
from keelmark.formats.python.taint.table_sources import (
    FLASK_REQUEST,
    REQUEST_PARTS,
    UPLOAD_CONTENT,
    source_of,
)
from keelmark.formats.python.taint.table_ways import (
    CLEANERS,
    LOSING_METHODS,
    MUTATORS,
    PASSING,
    PASSING_ARGUMENT_METHODS,
    is_sanitiser,
    is_validator,
)
from keelmark.formats.python.taint.values import EMPTY, EXEMPT, Summary, Taint, Value, cleaned

if TYPE_CHECKING:
    from keelmark.formats.python.index import Index
    from keelmark.formats.python.names import Function
    from keelmark.formats.python.taint.machine import Frame, Machine

__all__ = ["CallEvaluator"]

_BUFFERS = frozenset({"io.BytesIO", "io.StringIO"})
_HTTP_CLIENTS = ("requests.", "httpx.", "aiohttp.", "urllib.")
_SPLITTERS = frozenset({"shlex.split"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Handed:
    """One call with what its receiver and arguments carry."""

    node: ast.Call
    callee: str
    receiver: Value
    values: list[Value]
    keywords: dict[str, Value]

    @property
    def every(self) -> Value:
        """What all arguments together carry."""
        return EMPTY.union(*self.values, *self.keywords.values())


class Expressions(Protocol):
    """What a call needs of the evaluator of the expressions around it."""

    machine: Machine
    frame: Frame
    index: Index

    def value(self, node: ast.expr | None) -> Value:
        """What an expression carries."""
        ...

    def add(self, path: str, value: Value) -> None:
        """Let a variable carry a value as well."""
        ...

    def lookup(self, path: str) -> Value:
        """What a variable carries."""
        ...

    def hit(self, value: Value, sink: Sink, callee: str, line: int) -> None:
        """Note that a value arrives at a sink."""
        ...

    def source(self, trust: Trust, origin: str, line: int) -> Value:
        """A value that begins here."""
        ...

    def is_request(self, node: ast.expr) -> bool:
        """Whether an expression is the request of a web framework."""
        ...


class CallEvaluator:
    """Evaluates the calls of one function."""

    def __init__(self, evaluator: Expressions) -> None:
        self._owner = evaluator
        self._index = evaluator.index

    def call(self, node: ast.Call) -> Value:
        """What the result of a call carries; what its arguments carry arrives at its sinks."""
        owner, index = self._owner, self._index
        callee = index.callee.get(node, "")
        receiver = owner.value(node.func.value) if isinstance(node.func, ast.Attribute) else EMPTY
        values = [owner.value(item) for item in node.args]
        keywords = {keyword.arg or "**": owner.value(keyword.value) for keyword in node.keywords}
        handed = _Handed(node=node, callee=callee, receiver=receiver, values=values, keywords=keywords)
        self._arrive(handed)
        trust = self._source(node, callee)
        if trust is not None:
            return trust
        function = index.names.function_of(callee)
        if function is not None:
            return self._local(handed, function)
        every = handed.every
        if callee in CLEANERS:
            return cleaned(every, callee.removeprefix("builtins."), CLEANERS[callee])
        if callee in PASSING:
            return self._passed(handed)
        if isinstance(node.func, ast.Attribute):
            return self._method(handed, node.func)
        return self._unknown(node, every)

    def check_statement(self, node: ast.Call) -> None:
        """A call that stands alone and is named like a check: what it was handed is checked afterwards."""
        callee = self._index.callee.get(node, "")
        function = self._index.names.function_of(callee)
        if function is not None:
            self._checked_by(node, function)
            return
        name = _last(node.func)
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            path = path_of(argument)
            if path and is_validator(name):
                self._clean_path(path, f"{name}()", None)
        if isinstance(node.func, ast.Attribute) and name == "relative_to":
            for item in ast.walk(node.func.value):
                if isinstance(item, ast.Name):
                    self._clean_path(item.id, "relative_to()", frozenset({Sink.PATH}))

    def _clean_path(self, path: str, by: str, sinks: frozenset[Sink] | None) -> None:
        carried = self._owner.lookup(path)
        if carried:
            self._owner.frame.values[path] = cleaned(carried, by, sinks)

    def _checked_by(self, node: ast.Call, function: Function) -> None:
        checks = self._owner.machine.summary(function).checks
        for name, argument in _matched(node, function):
            path = path_of(argument)
            for cleaning in checks.get(name, ()) if path else ():
                if cleaning.by != EXEMPT:
                    self._clean_path(path, f"{function.name}()", cleaning.sinks)

    def _source(self, node: ast.Call, callee: str) -> Value | None:
        owner, function = self._owner, node.func
        is_part = _last(function) in REQUEST_PARTS
        if is_part and isinstance(function, ast.Attribute) and owner.is_request(function.value):
            return owner.source(Trust.REQUEST, f"`{path_of(function)}()`", node.lineno)
        if is_part and callee.startswith(FLASK_REQUEST):
            return owner.source(Trust.REQUEST, f"`{callee}()`", node.lineno)
        if callee.startswith(LOCAL):
            return None
        text = "" if callee else path_of(function)
        trust = source_of(callee, text)
        if trust is None:
            return None
        shown = callee or text
        value = owner.source(trust, f"result of `{shown.removeprefix('builtins.')}`", node.lineno)
        if callee == "streamlit.file_uploader":
            return cleaned(value, EXEMPT, frozenset({Sink.PATH, Sink.URL}))  # an open file, no name
        # To follow a link that a server gave is what programs do with links.
        is_download = trust is Trust.RETRIEVED and shown.startswith(_HTTP_CLIENTS)
        return cleaned(value, EXEMPT, frozenset({Sink.URL})) if is_download else value

    # --- arrivals

    def _arrive(self, handed: _Handed) -> None:
        node, callee, values = handed.node, handed.callee, handed.values
        owner, index, scope = self._owner, self._index, self._owner.frame.scope
        for spec in sinks_of(node, callee, index, scope):
            if spec.position == -1:
                value = handed.receiver
            elif 0 <= spec.position < len(values):
                value = values[spec.position]
            else:
                value = EMPTY.union(*(handed.keywords.get(name, EMPTY) for name in spec.keywords))
            if not value:
                continue
            if spec.kind is Sink.COMMAND and not is_shell(node, callee, index, scope):
                value = frozenset(taint for taint in value if not taint.is_rest)
            name = callee or index.text.segment(node.func, limit=120)
            owner.hit(value, spec.kind, name, node.lineno)

    # --- functions of the module

    def _local(self, call: _Handed, function: Function) -> Value:
        owner = self._owner
        summary = owner.machine.summary(function)
        names = [argument.arg for argument, _ in function.parameters]
        handed = dict(zip(names, call.values, strict=False))
        handed.update({name: value for name, value in call.keywords.items() if name in names})
        for hit in tuple(summary.hits):
            for taint in self._replaced(hit.taint, handed, function):
                if taint.cleaner(hit.sink) != EXEMPT and not (hit.sink is Sink.COMMAND and taint.is_rest):
                    owner.frame.hits.add(replace(hit, taint=taint))
        if function.owner is not None:
            self._store_members(function, summary, handed)
        found: set[Taint] = set()
        for taint in summary.returns:
            found.update(self._replaced(taint, handed, function) if taint.source is None else {taint})
        if call.callee.removeprefix(LOCAL) in self._index.names.classes:
            return call.every
        result: Value = frozenset(found)
        return cleaned(result, f"{function.name}()") if is_sanitiser(function.name) else result

    def _store_members(self, function: Function, summary: Summary, handed: dict[str, Value]) -> None:
        """What an object was made with stays in its attributes."""
        assert function.owner is not None
        members = self._owner.machine.member_values
        for name, value in summary.members.items():
            for taint in value:
                concrete = {
                    item for item in self._replaced(taint, handed, function) if item.source is not None
                }
                if concrete:
                    members[function.owner.qualname, name] |= concrete

    def _replaced(self, taint: Taint, handed: dict[str, Value], function: Function) -> Value:
        if taint.source is not None:
            return EMPTY
        limit = self._index.bounds.max_steps
        return frozenset(
            replace(
                outer,
                cleanings=tuple(dict.fromkeys((*outer.cleanings, *taint.cleanings))),
                is_rest=outer.is_rest or taint.is_rest,
                steps=(*outer.steps, f"{function.name}()", *taint.steps)[:limit],
            )
            for outer in handed.get(taint.parameter, EMPTY)
        )

    # --- calls that are not of the module

    def _passed(self, handed: _Handed) -> Value:
        node, callee, values, every = handed.node, handed.callee, handed.values, handed.every
        if callee == "re.sub":
            return self._substituted(node, values)
        if callee in {"re.search", "re.match", "re.findall", "re.split"}:
            return values[1] if len(values) > 1 else EMPTY
        if callee in _BUFFERS:
            return cleaned(every, EXEMPT, frozenset({Sink.PATH, Sink.URL}))
        if callee in _SPLITTERS and node.args and self._has_program(node.args[0]):
            return frozenset(replace(taint, is_rest=True) for taint in every)
        if callee == "os.path.join" or callee.startswith("pathlib."):
            return frozenset(replace(taint, is_rest=False) for taint in every)
        return every

    def _substituted(self, node: ast.Call, values: list[Value]) -> Value:
        subject = values[2] if len(values) > 2 else EMPTY
        pattern = self._index.string(node.args[0], self._owner.frame.scope) if node.args else ""
        # Everything outside a small alphabet is replaced: `re.sub(r"[^a-z0-9_]", "", name)`.
        return cleaned(subject, "re.sub()") if pattern.startswith("[^") else subject

    def _has_program(self, node: ast.expr) -> bool:
        from_text = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else node
        from_text = node.left if isinstance(node, ast.BinOp) else from_text
        return " " in self._index.string(from_text, self._owner.frame.scope)

    def _method(self, handed: _Handed, function: ast.Attribute) -> Value:
        receiver, every = handed.receiver, handed.every
        owner, name = self._owner, function.attr
        if name in MUTATORS and every:
            holder = path_of(function.value)
            is_list = name in {"append", "extend", "insert"}
            grown = frozenset(replace(taint, is_rest=True) for taint in every) if is_list else every
            owner.add(holder, grown)
        if name in LOSING_METHODS:
            return EMPTY
        if name in UPLOAD_CONTENT:
            return cleaned(receiver, EXEMPT, frozenset({Sink.PATH, Sink.URL}))
        if name == "get" and not receiver:
            return EMPTY  # a lookup in a mapping of our own
        if name in PASSING_ARGUMENT_METHODS:
            return self._formatted(function, receiver | every)
        if receiver:
            return cleaned(receiver, f"{name}()") if is_sanitiser(name) else receiver
        return self._unknown(handed.node, every) if is_sanitiser(name) or name == "gather" else EMPTY

    def _formatted(self, function: ast.Attribute, total: Value) -> Value:
        if not total:
            return EMPTY
        if function.attr == "join":
            return frozenset(replace(taint, is_rest=False) for taint in total)
        if function.attr != "format":
            return total
        is_fixed = fixed_host([function.value], [EMPTY], self._index, self._owner.frame.scope) == 0
        return cleaned(total, EXEMPT, frozenset({Sink.URL})) if is_fixed else total

    def _unknown(self, node: ast.Call, every: Value) -> Value:
        name = _last(node.func)
        return cleaned(every, f"{name}()") if every and is_sanitiser(name) else EMPTY


def _matched(node: ast.Call, function: Function) -> list[tuple[str, ast.expr]]:
    names = [argument.arg for argument, _ in function.parameters]
    found = list(zip(names, node.args, strict=False))
    found.extend((keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg in names)
    return [(name, value) for name, value in found if name]


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""

"""Checks: what a condition says about a value when it holds, and when it does not."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Sink
from keelmark.formats.python.taint.table_ways import ALPHABET_CHECKS, is_blocker, is_validator

if TYPE_CHECKING:
    from keelmark.formats.python.index import Index
    from keelmark.formats.python.names import Scope

__all__ = ["Check", "Checks", "checks_of", "path_of"]

_PATH = frozenset({Sink.PATH})
_URL = frozenset({Sink.URL})
_RESOLVED = re2.compile(r"\b(resolve|realpath|abspath|normpath|safe_join)\b")
# Parts of a value that say nothing about the rest of it.
_PARTIAL = frozenset(
    {"suffix", "suffixes", "splitext", "len", "endswith", "content_type", "guess_type", "stem", "size"}
)
_MAX_VARIABLES = 8
_NUMBERS = frozenset({"builtins.int", "builtins.float", "builtins.bool"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A variable that is harmless for these sinks (None: for all) when the condition holds."""

    path: str
    sinks: frozenset[Sink] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """What follows when a condition is true, and when it is false."""

    when_true: tuple[Check, ...] = ()
    when_false: tuple[Check, ...] = ()


_NOTHING = Checks()


def path_of(node: ast.expr | None) -> str:
    """Name under which a variable, attribute or item is remembered, or ""."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = path_of(node.value)
        return f"{base}.{node.attr}" if base else ""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        base = path_of(node.value)
        return f"{base}[{node.slice.value!r}]" if base else ""
    return ""


def checks_of(test: ast.expr, index: Index, scope: Scope) -> Checks:
    """What a condition checks."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = checks_of(test.operand, index, scope)
        return Checks(when_true=inner.when_false, when_false=inner.when_true)
    if isinstance(test, ast.BoolOp):
        return _joined(test, index, scope)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return _compare(test, index, scope)
    if isinstance(test, ast.Call):
        return _call(test, index, scope)
    if isinstance(test, ast.NamedExpr | ast.Await):
        return checks_of(test.value, index, scope)
    return _NOTHING


def _joined(test: ast.BoolOp, index: Index, scope: Scope) -> Checks:
    parts = [checks_of(value, index, scope) for value in test.values]
    if isinstance(test.op, ast.And):
        return Checks(when_true=tuple(check for part in parts for check in part.when_true))
    return Checks(when_false=tuple(check for part in parts for check in part.when_false))


def _compare(test: ast.Compare, index: Index, scope: Scope) -> Checks:
    left, operator, right = test.left, test.ops[0], test.comparators[0]
    if isinstance(operator, ast.In | ast.NotIn):
        found = _membership(left, right, scope)
        flip = isinstance(operator, ast.NotIn)
        return Checks(when_true=found.when_false, when_false=found.when_true) if flip else found
    if isinstance(operator, ast.Eq | ast.NotEq):
        checks = _equality(left, right)
        return Checks(when_true=checks) if isinstance(operator, ast.Eq) else Checks(when_false=checks)
    if isinstance(operator, ast.Is | ast.IsNot) and isinstance(right, ast.Constant) and right.value is None:
        inner = checks_of(left, index, scope) if isinstance(left, ast.Call) else _NOTHING
        flip = isinstance(operator, ast.Is)
        return Checks(when_true=inner.when_false, when_false=inner.when_true) if flip else inner
    return _NOTHING


def _membership(left: ast.expr, right: ast.expr, scope: Scope) -> Checks:
    if isinstance(right, ast.Attribute) and right.attr == "parents":
        return Checks(when_true=_about(right.value, _PATH))
    if isinstance(left, ast.Constant):
        # `".." in path`: a refusal of what climbs; other searches for bad words prove nothing.
        climbs = isinstance(left.value, str) and left.value in {"..", "../", "/", "\\"}
        return Checks(when_false=_about(right, _PATH)) if climbs else _NOTHING
    if isinstance(right, ast.Constant) and isinstance(right.value, str):
        return _NOTHING
    return Checks(when_true=_about(left, _URL if _is_host(left, scope) else None))


def _equality(left: ast.expr, right: ast.expr) -> tuple[Check, ...]:
    for side, other in ((left, right), (right, left)):
        if isinstance(side, ast.Call) and _last(side.func) == "commonpath":
            return tuple(check for argument in _flat(side.args) for check in _about(argument, _PATH))
        if isinstance(other, ast.Constant) and isinstance(other.value, str) and other.value:
            if _is_host(side, None):
                return _about(side, _URL)
            return _about(side, None)
    return ()


def _call(test: ast.Call, index: Index, scope: Scope) -> Checks:
    callee = index.callee.get(test, "")
    name = _last(test.func)
    receiver = test.func.value if isinstance(test.func, ast.Attribute) else None
    if receiver is not None and name in ALPHABET_CHECKS:
        return Checks(when_true=_about(receiver, None))
    if receiver is not None and name == "is_relative_to":
        return Checks(when_true=_about(receiver, _PATH))
    if receiver is not None and name == "startswith" and test.args:
        return Checks(when_true=_about(receiver, _prefix_sinks(receiver, test.args[0], index, scope)))
    if name in {"fullmatch", "match"}:
        return _match(test, callee, index, scope)
    if callee == "builtins.isinstance" and len(test.args) == 2:
        kinds = test.args[1].elts if isinstance(test.args[1], ast.Tuple) else [test.args[1]]
        numbers = all(index.resolve(kind, scope) in _NUMBERS for kind in kinds)
        return Checks(when_true=_about(test.args[0], None)) if numbers else _NOTHING
    arguments = tuple(check for argument in test.args for check in _about(argument, None))
    if is_blocker(name):
        return Checks(when_false=arguments)
    if is_validator(name):
        return Checks(when_true=arguments)
    return _NOTHING


def _prefix_sinks(receiver: ast.expr, prefix: ast.expr, index: Index, scope: Scope) -> frozenset[Sink]:
    """A prefix proves where a path lies only after `..` was resolved, and a host only when it names one."""
    constant = index.string(prefix, scope)
    if isinstance(prefix, ast.Tuple):
        return frozenset()
    names = [scope.value(item.id) for item in ast.walk(receiver) if isinstance(item, ast.Name)]
    texts = [index.text.segment(item) for item in (receiver, *names)]
    is_resolved = any(_RESOLVED.search(text) for text in texts)
    names_host = not constant or len(constant.partition("://")[2]) > 3
    return (_PATH if is_resolved else frozenset()) | (_URL if names_host else frozenset())


def _flat(nodes: list[ast.expr]) -> list[ast.expr]:
    return [
        item for node in nodes for item in (node.elts if isinstance(node, ast.List | ast.Tuple) else [node])
    ]


def _match(test: ast.Call, callee: str, index: Index, scope: Scope) -> Checks:
    subject, pattern = _match_parts(test, callee, scope)
    if subject is None:
        return _NOTHING
    text = index.string(pattern, scope) if pattern is not None else ""
    if isinstance(pattern, ast.Call) and pattern.args:
        text = index.string(pattern.args[0], scope)
    is_whole = _last(test.func) == "fullmatch" or text.endswith(("$", "\\Z"))
    return Checks(when_true=_about(subject, None)) if is_whole else _NOTHING


def _match_parts(test: ast.Call, callee: str, scope: Scope) -> tuple[ast.expr | None, ast.expr | None]:
    if callee.startswith(("re.compile", "re2.compile")) or not callee.startswith(("re.", "re2.", "regex.")):
        receiver = test.func.value if isinstance(test.func, ast.Attribute) else None
        if isinstance(receiver, ast.Name):
            receiver = scope.value(receiver.id)
        return (test.args[0] if test.args else None), receiver
    return (test.args[1] if len(test.args) > 1 else None), (test.args[0] if test.args else None)


def _about(node: ast.expr, sinks: frozenset[Sink] | None) -> tuple[Check, ...]:
    """The variables that an expression is made of, unless it looks at a part that says nothing about the rest."""
    found: list[Check] = []
    queue: list[ast.expr] = [node]
    while queue and len(found) < _MAX_VARIABLES:
        current = queue.pop()
        if _is_partial(current):
            return ()
        path = path_of(current)
        if not path:
            queue.extend(_parts(current))
            continue
        found.append(Check(path=path, sinks=sinks))
        head, _, last = path.rpartition(".")
        if head and last in {"hostname", "netloc", "name"}:
            found.append(Check(path=head, sinks=sinks if last == "name" else _URL))
    return tuple(found)


def _is_partial(node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in _PARTIAL
    if isinstance(node, ast.Call):
        return _last(node.func) in _PARTIAL
    return isinstance(node, ast.Subscript) and "split" in ast.dump(node.value)[:400]


def _parts(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.Attribute | ast.Subscript):
        return [node.value]
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.Call):
        receiver = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        return [*node.args, *receiver]
    return []


def _is_host(node: ast.expr, scope: Scope | None) -> bool:
    if isinstance(node, ast.Name) and scope is not None:
        assigned = scope.value(node.id)
        return assigned is not None and not isinstance(assigned, ast.Name) and _is_host(assigned, None)
    return isinstance(node, ast.Attribute) and node.attr in {"hostname", "netloc", "host"}


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""

"""Arrivals: which argument of a call does the harm, and whether it does under the conditions of this call."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from keelmark.core.facts import Sink
from keelmark.formats.python.taint.table_sinks import (
    DATABASE_RECEIVER,
    DATABASE_ROOTS,
    SINKS,
    SQL_METHODS,
    SQL_WORDS,
    SinkSpec,
    system_keyword,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.python.index import Index
    from keelmark.formats.python.names import Scope

__all__ = ["argument_of", "first_text", "is_shell", "sinks_of"]

_SQL = SinkSpec(kind=Sink.SQL, keywords=("query", "sql", "statement", "operation", "command"))
_BUILDERS = (ast.JoinedStr, ast.BinOp)


def sinks_of(node: ast.Call, callee: str, index: Index, scope: Scope) -> Iterator[SinkSpec]:
    """Dangerous arguments of a call."""
    for spec in SINKS.get(callee, ()):
        if not spec.condition or _holds(spec.condition, node, index, scope):
            yield spec
    if (
        isinstance(node.func, ast.Attribute)
        and node.func.attr in SQL_METHODS
        and _is_database(node, callee, index, scope)
    ):
        yield _SQL
    for keyword in node.keywords:
        if keyword.arg and system_keyword(callee or index.text.segment(node.func), keyword.arg):
            yield SinkSpec(kind=Sink.SYSTEM_PROMPT, position=-2, keywords=(keyword.arg,))


def argument_of(node: ast.Call, spec: SinkSpec) -> ast.expr | None:
    """The dangerous argument; the receiver when the sink says so."""
    if spec.position == -1:
        return node.func.value if isinstance(node.func, ast.Attribute) else None
    if 0 <= spec.position < len(node.args):
        found = node.args[spec.position]
        return found.value if isinstance(found, ast.Starred) else found
    return next((keyword.value for keyword in node.keywords if keyword.arg in spec.keywords), None)


def is_shell(node: ast.Call, callee: str, index: Index, scope: Scope) -> bool:
    """Whether a shell reads the command."""
    if not callee.startswith("subprocess."):
        return not callee.startswith(("asyncio.create_subprocess_exec", "os.exec", "os.spawn"))
    if callee in {"subprocess.getoutput", "subprocess.getstatusoutput"}:
        return True
    return _keyword(node, "shell", index, scope) is True


def first_text(node: ast.expr | None, index: Index, scope: Scope) -> str:
    """Constant text at the beginning of an expression, as far as it is known."""
    if node is None:
        return ""
    if isinstance(node, ast.Name):
        assigned = scope.value(node.id)
        return (
            first_text(assigned, index, scope)
            if isinstance(assigned, _BUILDERS)
            else index.string(node, scope)
        )
    if isinstance(node, ast.JoinedStr):
        return first_text(node.values[0], index, scope) if node.values else ""
    if isinstance(node, ast.BinOp):
        return first_text(node.left, index, scope)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        return first_text(node.func.value, index, scope)
    return index.string(node, scope)


def _is_database(node: ast.Call, callee: str, index: Index, scope: Scope) -> bool:
    function = node.func
    assert isinstance(function, ast.Attribute)
    if callee.startswith(DATABASE_ROOTS):
        return True
    method, receiver = function.attr, index.text.segment(function.value)
    if callee and not callee.startswith((".", "<")) and method in {"run", "fetch", "raw"}:
        return False
    if method == "raw":
        return receiver.endswith(".objects")
    if SQL_WORDS.search(first_text(argument_of(node, _SQL), index, scope)):
        return True
    return method not in {"run", "fetch"} and DATABASE_RECEIVER.search(receiver) is not None


def _keyword(node: ast.Call, name: str, index: Index, scope: Scope) -> object:
    value = next((keyword.value for keyword in node.keywords if keyword.arg == name), None)
    return index.constant(value, scope) if value is not None else None


def _holds(condition: str, node: ast.Call, index: Index, scope: Scope) -> bool:
    if condition == "weights":
        return _keyword(node, "weights_only", index, scope) is not True
    if condition == "pickled":
        return _keyword(node, "allow_pickle", index, scope) is True
    if condition == "unsafe-html":
        return _keyword(node, "unsafe_allow_html", index, scope) is True
    if condition == "yaml":
        loader = next((keyword.value for keyword in node.keywords if keyword.arg == "Loader"), None)
        loader = loader or (node.args[1] if len(node.args) > 1 else None)
        return "Safe" not in index.text.segment(loader) and "Base" not in index.text.segment(loader)
    return True

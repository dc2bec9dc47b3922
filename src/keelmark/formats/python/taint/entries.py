"""Entries: functions that strangers or models call, and which of their parameters those write."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.facts import Trust
from keelmark.formats.python.taint.table_sources import UPLOAD_CLASSES
from keelmark.formats.python.taint.table_ways import HARMLESS_TYPES
from keelmark.formats.python.taint.values import Taint, Value, cleaned

if TYPE_CHECKING:
    from keelmark.formats.python.index import Index
    from keelmark.formats.python.names import Function, Scope

__all__ = ["Entry", "is_harmless_type", "is_injected", "is_request", "seeds"]

_INJECTED = ("fastapi.Depends", "fastapi.Security", "fastapi.params.Depends", "faststream.Depends")
_REQUEST_CLASSES = (
    "fastapi.Request",
    "fastapi.WebSocket",
    "fastapi.requests.Request",
    "starlette.requests.Request",
    "starlette.websockets.WebSocket",
    "fastapi.websockets.WebSocket",
    "django.http.HttpRequest",
    "rest_framework.request.Request",
    "aiohttp.web.Request",
    "flask.Request",
    "sanic.Request",
    "gradio.Request",
)
# Given by the framework, written by nobody outside.
_SERVED = frozenset(
    {
        "background_tasks",
        "callbacks",
        "config",
        "context",
        "ctx",
        "db",
        "logger",
        "response",
        "run_manager",
        "runtime",
        "self",
        "session",
        "state",
        "store",
        "tool_context",
        "websocket",
    }
)
_SERVED_CLASSES = (
    "fastapi.Response",
    "fastapi.BackgroundTasks",
    "starlette.",
    "sqlalchemy.",
    "sqlmodel.",
    "mcp.",
    "fastmcp.",
    "langchain_core.runnables.",
    "langchain_core.callbacks.",
    "langgraph.",
    "pydantic_ai.",
    "agents.",
    "google.adk.",
    "gradio.Progress",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """How a function is called from outside.

    Attributes:
        trust: Trust of its parameters.
        label: What it is, in words: "tool `read_file`".
        is_typed: Whether the framework enforces the annotations of parameters.
        harmless: Parameters that the framework converts itself (`<int:number>` in a path).
        first_is_request: Whether the first parameter is the request object whatever it is called.
        returns_page: Whether a text that is returned is shown as HTML.
    """

    trust: Trust
    label: str
    is_typed: bool = True
    harmless: frozenset[str] = frozenset()
    first_is_request: bool = False
    returns_page: bool = False


def is_harmless_type(annotation: ast.expr | None, index: Index, scope: Scope, depth: int = 0) -> bool:
    """Whether values of a type cannot carry an attack: numbers, dates, UUIDs, choices."""
    if annotation is None or depth > 4:
        return False
    if isinstance(annotation, ast.Subscript):
        outer = index.resolve(annotation.value, scope)
        if outer.rpartition(".")[2] in {
            "list",
            "List",
            "set",
            "Set",
            "Optional",
            "Annotated",
            "Sequence",
            "tuple",
            "Tuple",
        }:
            inner = annotation.slice
            first = inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner
            return is_harmless_type(first, index, scope, depth + 1)
        return outer in HARMLESS_TYPES
    if isinstance(annotation, ast.BinOp):
        sides = [side for side in (annotation.left, annotation.right) if not _is_none(side)]
        return all(is_harmless_type(side, index, scope, depth + 1) for side in sides)
    name = index.names.annotation(annotation, scope)
    holder = index.names.class_of(name)
    if holder is not None:
        return any(base.rpartition(".")[2] in {"Enum", "StrEnum", "IntEnum"} for base in holder.bases)
    return name in HARMLESS_TYPES


def is_injected(argument: ast.arg, default: ast.expr | None, index: Index) -> bool:
    """Whether the framework fills a parameter from a dependency."""
    candidates: list[ast.expr] = [default] if default is not None else []
    if isinstance(argument.annotation, ast.Subscript) and isinstance(argument.annotation.slice, ast.Tuple):
        candidates.extend(argument.annotation.slice.elts[1:])
    return any(isinstance(node, ast.Call) and index.callee.get(node, "") in _INJECTED for node in candidates)


def is_request(argument: ast.arg, index: Index, scope: Scope) -> bool:
    """Whether a parameter is a request object."""
    name = index.names.annotation(argument.annotation, scope)
    return name in _REQUEST_CLASSES or (not name and argument.arg in {"request", "req", "websocket"})


def seeds(function: Function, entry: Entry, index: Index) -> tuple[dict[str, Value], set[str]]:
    """What the parameters carry on entry, and which of them are request objects."""
    outer = function.scope.parent or function.scope
    values: dict[str, Value] = {}
    requests: set[str] = set()
    for position, (argument, default) in enumerate(function.parameters):
        if is_request(argument, index, outer) or (entry.first_is_request and position == 0):
            requests.add(argument.arg)
            continue
        if _is_served(argument, index, outer) or is_injected(argument, default, index):
            continue
        values[argument.arg] = _seed(argument, default, entry, function=function, index=index)
    return values, requests


def _seed(
    argument: ast.arg, default: ast.expr | None, entry: Entry, *, function: Function, index: Index
) -> Value:
    outer = function.scope.parent or function.scope
    origin = f"parameter `{argument.arg}` of {entry.label}"
    value: Value = frozenset(
        {Taint(source=entry.trust, origin=origin, line=argument.lineno or function.line)}
    )
    if argument.arg in entry.harmless:
        return cleaned(value, f"converter of `{argument.arg}`")
    if entry.is_typed and is_harmless_type(argument.annotation, index, outer):
        return cleaned(value, f"type of `{argument.arg}`")
    if entry.is_typed and _is_choice(argument, default, index, outer):
        return cleaned(value, f"type of `{argument.arg}`")
    return value


def _is_choice(argument: ast.arg, default: ast.expr | None, index: Index, scope: Scope) -> bool:
    """A query parameter whose class comes from elsewhere: the framework takes enumerations there, and no models."""
    if not isinstance(default, ast.Call) or index.callee.get(default, "") not in {
        "fastapi.Query",
        "fastapi.Path",
    }:
        return False
    name = index.names.annotation(argument.annotation, scope)
    return bool(name) and not name.startswith(("builtins.", "typing."))


def _is_served(argument: ast.arg, index: Index, scope: Scope) -> bool:
    name = index.names.annotation(argument.annotation, scope)
    if name in UPLOAD_CLASSES:
        return False
    if name.startswith(_SERVED_CLASSES):
        return True
    return argument.arg in _SERVED and not name.startswith("builtins.")


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None

"""Effects of a tool outside the process, and what asks a person before them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Sink
from keelmark.formats.python.names import LOCAL
from keelmark.formats.python.table_tools import APPROVAL, APPROVAL_KEYWORDS, EFFECT_METHODS, EFFECTS
from keelmark.formats.python.taint.arrivals import argument_of, first_text, sinks_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.python.index import Index
    from keelmark.formats.python.names import CallSite, Function

__all__ = ["approvals_of", "effects_of"]

_READS = re2.compile(r"(?is)^\s*(select|pragma|explain|show|describe|with)\b")
_MAX = 32


def effects_of(index: Index, function: Function | None) -> tuple[str, ...]:
    """Resolved calls with an effect, also one level down in functions of the module."""
    names: dict[str, None] = {}
    for site in _sites(index, function):
        name = _effect(index, site)
        if name:
            names[name] = None
    return tuple(names)[:_MAX]


def approvals_of(index: Index, function: Function | None, call: ast.Call | None) -> tuple[str, ...]:
    """What asks a person: calls inside, keywords of the decorator or constructor, as source text."""
    found: dict[str, None] = {}
    for keyword in call.keywords if call is not None else ():
        if keyword.arg in APPROVAL_KEYWORDS and not _is_off(keyword.value):
            found[f"{keyword.arg}={index.text.segment(keyword.value, limit=80)}"] = None
    for site in _sites(index, function):
        if APPROVAL.search(site.name.removeprefix(LOCAL) or index.text.segment(site.node.func)):
            found[index.text.segment(site.node, limit=120)] = None
    return tuple(found)[:_MAX]


def _is_off(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not node.value


def _sites(index: Index, function: Function | None) -> Iterator[CallSite]:
    if function is None:
        return
    for site in function.sites:
        yield site
        called = index.names.function_of(site.name)
        if called is not None and called is not function:
            yield from called.sites


def _effect(index: Index, site: CallSite) -> str:
    node, name = site.node, site.name
    if EFFECTS.search(name):
        return name
    if name in {"builtins.open", "io.open", "aiofiles.open", "pathlib.Path.open"}:
        position = 0 if name == "pathlib.Path.open" else 1
        mode = node.args[position] if len(node.args) > position else None
        mode = mode or next((keyword.value for keyword in node.keywords if keyword.arg == "mode"), None)
        return name if set(index.string(mode, site.scope)) & set("wax+") else ""
    for spec in sinks_of(node, name, index, site.scope):
        if spec.kind is Sink.SQL and not name.startswith("sqlalchemy.text"):
            text = first_text(argument_of(node, spec), index, site.scope)
            return "" if _READS.search(text) else (name or f"*.{_method(node)}")
    if not name and _method(node) in EFFECT_METHODS:
        return f"*.{_method(node)}"
    return ""


def _method(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""

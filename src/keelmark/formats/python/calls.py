"""Calls as facts: those that resolve to something imported, to a watched built-in or to a watched method."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from keelmark.core.facts import Argument, Call
from keelmark.formats.python.names import LOCAL, NO_VALUE
from keelmark.formats.python.table_names import KEPT_BUILTINS, WATCHED_METHODS

if TYPE_CHECKING:
    from keelmark.formats.python.index import Index
    from keelmark.formats.python.names import CallSite, Scope

__all__ = ["arguments_of", "calls_of", "name_of"]

_MAX_ITEMS = 64
_MAX_ARGUMENTS = 64
_MAX_LITERAL = 2_000
_MAX_GUARDS = 8


def calls_of(index: Index) -> tuple[Call, ...]:
    """All calls worth keeping, in order of the text."""
    kept = [(site, name) for site in index.sites if (name := name_of(site))]
    kept.sort(key=lambda pair: (pair[0].node.lineno, pair[0].node.col_offset))
    return tuple(_call(index, site, name) for site, name in kept[: index.bounds.max_calls])


def name_of(site: CallSite) -> str:
    """Name under which a call is kept, or ""."""
    name = site.name
    if name and site.is_instance:
        return "" if name.startswith((LOCAL, "builtins.")) else f"{name}.__call__"
    if name and not name.startswith(LOCAL):
        return name if not name.startswith("builtins.") or name in KEPT_BUILTINS else ""
    function = site.node.func
    if not name and isinstance(function, ast.Attribute) and function.attr in WATCHED_METHODS:
        return f"*.{function.attr}"
    return ""


def _call(index: Index, site: CallSite, name: str) -> Call:
    node = site.node
    guards = (index.text.segment(guard, limit=120) for guard in site.guards[-_MAX_GUARDS:])
    return Call(
        name=name,
        line=node.lineno,
        column=node.col_offset + 1,
        arguments=arguments_of(index, node, site.scope),
        scope=site.scope.qualname,
        target=site.target,
        is_decorator=site.is_decorator,
        guards=tuple(guard for guard in guards if guard),
        anchor=index.text.anchor(node.lineno),
        is_endless=site.is_endless,
    )


def arguments_of(index: Index, node: ast.Call, scope: Scope) -> tuple[Argument, ...]:
    """Arguments of a call, in order."""
    found: list[Argument] = []
    for position, value in enumerate(node.args[:_MAX_ARGUMENTS]):
        if isinstance(value, ast.Starred):
            found.append(Argument(name="*", position=position, text=index.text.segment(value.value)))
        else:
            found.append(_argument(index, value, scope, position=position))
    found.extend(
        _argument(index, keyword.value, scope, name=keyword.arg or "**")
        for keyword in node.keywords[:_MAX_ARGUMENTS]
    )
    return tuple(found)


def _argument(index: Index, value: ast.expr, scope: Scope, *, name: str = "", position: int = -1) -> Argument:
    constant = index.constant(value, scope)
    is_literal = constant is not NO_VALUE
    literal = constant if isinstance(constant, str | int | float | bool) else None
    reference = index.resolve(value, scope) if isinstance(value, ast.Name | ast.Attribute) else ""
    return Argument(
        name=name,
        position=position,
        is_literal=is_literal,
        literal=literal[:_MAX_LITERAL] if isinstance(literal, str) else literal,
        items=_items(index, value, scope),
        reference=reference.removeprefix(LOCAL),
        text=index.text.segment(value),
    )


def _items(index: Index, value: ast.expr, scope: Scope) -> tuple[str, ...]:
    seen = scope.value(value.id) if isinstance(value, ast.Name) else value
    if isinstance(seen, ast.List | ast.Tuple | ast.Set):
        parts: list[ast.expr | None] = list(seen.elts)
    elif isinstance(seen, ast.Dict):
        parts = list(seen.keys)
    else:
        return ()
    constants = [index.constant(part, scope) for part in parts[:_MAX_ITEMS]]
    return tuple(str(item)[:200] for item in constants if item is not NO_VALUE)

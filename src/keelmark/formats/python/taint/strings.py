"""Strings put together from pieces, and whether their beginning already fixes the host."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import re2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.formats.python.index import Index
    from keelmark.formats.python.names import Scope
    from keelmark.formats.python.taint.values import Value

__all__ = ["fixed_host", "pieces_of"]

_HOST_IS_OVER = re2.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/\s]+[/?#]|^/[^/]")
_MAX_PIECES = 200


def pieces_of(node: ast.expr) -> list[ast.expr]:
    """Pieces of an f-string, a sum, a quotient of paths or a `%` format, in order."""
    found: list[ast.expr] = []
    queue = [node]
    while queue and len(found) < _MAX_PIECES:
        current = queue.pop()
        if isinstance(current, ast.JoinedStr):
            queue.extend(reversed(current.values))
        elif isinstance(current, ast.FormattedValue):
            queue.append(current.value)
        elif (
            isinstance(current, ast.BinOp) and isinstance(current.op, ast.Add | ast.Div | ast.Mod)
        ) or isinstance(current, ast.BinOp):
            queue.extend((current.right, current.left))
        else:
            found.append(current)
    return found


def fixed_host(pieces: Sequence[ast.expr], values: Sequence[Value], index: Index, scope: Scope) -> bool:
    """Whether what stands before the first foreign piece already says which host is meant."""
    before = ""
    for piece, value in zip(pieces, values, strict=True):
        if value:
            break
        if isinstance(piece, ast.Constant):
            before += str(piece.value)
            continue
        known = index.string(piece, scope)
        if not known and not before:
            return True  # a base address from a setting
        before += known or "setting"
    text = before.split("%s", 1)[0].split("{", 1)[0]
    return _HOST_IS_OVER.search(text) is not None

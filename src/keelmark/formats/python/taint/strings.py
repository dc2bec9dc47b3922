"""Strings put together from pieces, and where in them the host is already fixed."""

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


def fixed_host(pieces: Sequence[ast.expr], values: Sequence[Value], index: Index, scope: Scope) -> int:
    """Index of the first piece that can no longer change the host; their count when every piece can."""
    before = ""
    for position, (piece, value) in enumerate(zip(pieces, values, strict=True)):
        if _HOST_IS_OVER.search(before):
            return position
        text = str(piece.value) if isinstance(piece, ast.Constant) else index.string(piece, scope)
        if isinstance(piece, ast.Constant) or text:
            # What is filled into a format stands behind the text before its first mark.
            before += text.split("%s", 1)[0].split("{", 1)[0]
        elif not before and not value:
            return position + 1  # a base address from a setting
        else:
            before += "value" if before else "scheme://value"
    return len(pieces) - 1 if _HOST_IS_OVER.search(before) and len(pieces) == 1 else len(pieces)

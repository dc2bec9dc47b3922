"""Loops that nothing counts."""

from __future__ import annotations

import ast

__all__ = ["is_endless"]


def is_endless(loop: ast.While) -> bool:
    """Whether a loop runs `while True` and compares nothing by size, as a limit on its rounds does."""
    return isinstance(loop.test, ast.Constant) and bool(loop.test.value) and not _counts(loop)


def _counts(loop: ast.While) -> bool:
    return any(
        isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE)
        for node in ast.walk(loop)
        if isinstance(node, ast.Compare)
        for operator in node.ops
    )

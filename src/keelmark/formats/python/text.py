"""Source text: parsing it without a trace, and cutting pieces out of it for people."""

from __future__ import annotations

import ast
import sys
import warnings
from typing import TYPE_CHECKING

import re2

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.python.tokens import check_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.formats.python.bounds import Bounds

__all__ = ["Text", "fold", "parse"]

_MARKER = re2.compile(r"\b(TODO|FIXME|HACK|XXX)\b")
_SURROGATE = re2.compile(r"(?i)\\u(0000)?d[89a-f]")
_MAX_SEGMENT_LINES = 40


def parse(code: str, *, path: str = "", bounds: Bounds | None = None) -> ast.Module:
    """Parse source into a tree; nothing is compiled further, nothing runs.

    Raises:
        ParseError: No Python of this interpreter's grammar; with the line.
        LimitExceededError: Too long, too many tokens, or nested too deeply.
    """
    check_size(code, path=path, bounds=bounds)
    try:
        with warnings.catch_warnings():
            # Odd escapes and the like are the author's business, and no reason to speak.
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except SyntaxError as error:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise ParseError(
            f"no Python {version}: {error.msg}", path=path, line=max(error.lineno or 0, 0)
        ) from error
    except (RecursionError, MemoryError) as error:
        raise LimitExceededError("source is nested too deeply", path=path) from error
    except ValueError as error:  # null bytes, numbers of absurd length
        raise ParseError(f"no Python: {error}", path=path) from error
    if _SURROGATE.search(code):
        _replace_surrogates(tree)
    return tree


def _replace_surrogates(tree: ast.Module) -> None:
    # Half a character can stand in a literal as an escape, and in no text that is matched, stored or shown.
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = node.value.encode("utf-8", "replace").decode("utf-8")


def fold(text: str, limit: int) -> str:
    """Text on one line, white space folded, at most `limit` characters."""
    return " ".join(text[: 4 * limit].split())[:limit]


class Text:
    """The lines of a module, addressed by the nodes of its tree."""

    def __init__(self, lines: Sequence[str], *, bounds: Bounds) -> None:
        self.lines = lines
        self._bounds = bounds

    def segment(self, node: ast.AST | None, limit: int = 0) -> str:
        """Source of a node on one line, at most `limit` characters."""
        first = getattr(node, "lineno", 0)
        last = getattr(node, "end_lineno", None) or first
        if node is None or not 0 < first <= len(self.lines) or last > len(self.lines):
            return ""
        bound = limit or self._bounds.max_text
        begin: int = getattr(node, "col_offset", 0)
        end: int = getattr(node, "end_col_offset", 0)
        if first == last:
            return fold(_cut(self.lines[first - 1], begin, end), bound)
        stop = min(last, first + _MAX_SEGMENT_LINES)
        pieces = [_cut(self.lines[first - 1], begin, None), *self.lines[first : stop - 1]]
        pieces.append(_cut(self.lines[stop - 1], 0, end if stop == last else None))
        return fold("\n".join(pieces), bound)

    def anchor(self, line: int) -> str:
        """The line itself, white space folded: what stays the same when lines are added above it."""
        return fold(self.lines[line - 1], self._bounds.max_anchor) if 0 < line <= len(self.lines) else ""

    def markers(self) -> tuple[int, ...]:
        """Lines whose comment says TODO, FIXME, HACK or XXX."""
        found = []
        for number, line in enumerate(self.lines, start=1):
            if "#" in line and _MARKER.search(line[line.index("#") :]) and _is_comment(line):
                found.append(number)
        return tuple(found[: self._bounds.max_items])


def _cut(line: str, begin: int, end: int | None) -> str:
    if line.isascii():
        return line[begin:end]
    return line.encode("utf-8", "surrogatepass")[begin:end].decode("utf-8", "replace")


def _is_comment(line: str) -> bool:
    # A hash inside an open quote is no comment; quotes that open on an earlier line are rare enough to accept.
    quote = ""
    for position, character in enumerate(line):
        if quote:
            if character == quote and line[position - 1] != "\\":
                quote = ""
        elif character in "'\"":
            quote = character
        elif character == "#":
            return _MARKER.search(line[position:]) is not None
    return False

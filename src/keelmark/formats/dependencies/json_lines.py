"""Lines of keys in a JSON text: exact for small manifests, by their layout for large locks."""

from __future__ import annotations

import json
from itertools import islice

from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.json_text import sound

__all__ = ["key_lines", "object_lines"]

Path = tuple[str, ...]

# A manifest has a few thousand tokens; beyond this bound places stay unknown, which is line 0.
_MAX_TOKENS = 200_000

_TOKEN = bytes_pattern(rb'"(?:[^"\\]|\\.)*"|[{}\[\],:\n]')


def object_lines(text: str) -> dict[str, int]:
    """The first line of each key that opens an object on a line of its own: `"name": {`.

    Locks are written by tools in this layout. A minified lock gives nothing.
    """
    found: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if stripped.startswith('"') and stripped.endswith("{"):
            found.setdefault(_unquoted(stripped.rpartition(":")[0].strip()), number)
    return found


def key_lines(text: str, *, max_depth: int = 3) -> dict[Path, int]:
    """The line of each key, by its path, down to `max_depth`; keys inside lists are left out."""
    found: dict[Path, int] = {}
    path: list[str] = []
    inside: list[bool] = []  # Whether each open bracket is an object.
    line, is_key, last = 1, False, ""
    for match in islice(_TOKEN.finditer(text.encode("utf-8", "replace")), _MAX_TOKENS):
        token = match.group()
        if token == b"\n":
            line += 1
        elif token[:1] == b'"':
            # Strings cannot hold a raw line feed in valid JSON; a broken text only shifts numbers.
            last = _unquoted(token.decode("utf-8", "replace"))
        elif token == b":":
            path[len(inside) - 1 :] = [last]
            if len(path) <= max_depth and all(inside):
                found.setdefault(tuple(path), line)
        elif token in {b"{", b"["}:
            is_key = token == b"{"
            inside.append(is_key)
        elif token in {b"}", b"]"} and inside:
            inside.pop()
            del path[len(inside) :]
    return found


def _unquoted(text: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return text.strip('"')
    return sound(value) if isinstance(value, str) else text

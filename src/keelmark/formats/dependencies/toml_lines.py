"""Lines of keys and list items in a TOML text that `tomllib` has already accepted.

`tomllib` checks the grammar and gives the values; this scan only follows strings, comments and brackets to learn
where each key and item begins. On a text that is no TOML its answer is meaningless but bounded.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from keelmark.formats.bytes_pattern import bytes_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Lines", "lines_of", "table_lines"]

Path = tuple[str | int, ...]

# Alternatives in order: a longer delimiter must be tried before a shorter one.
_TOKEN = bytes_pattern(
    rb"#[^\n]*"
    rb'|(?:"""(?s:.*?)[^\\]"{3,5}|""""""|\'\'\'(?s:.*?)\'{3,5}'
    rb'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\')'
    rb"|[\[\]{}=,.\n]"
    rb"|(?:[^\s#\"'\[\]{}=,.]+)"
)
# A manifest has a few thousand tokens; beyond this bound places stay unknown, which is line 0.
_MAX_TOKENS = 200_000
_MAX_KEY_PARTS = 32
_MARKS = frozenset(bytes([mark]) for mark in b"[]{}=,.\n")


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines by path: keys as text, list items and tables of an array by index."""

    found: Mapping[Path, int]

    def of(self, *path: str | int) -> int:
        """The line of a key or item; of its nearest enclosing key when it was not found; 0 when nothing was."""
        for end in range(len(path), 0, -1):
            line = self.found.get(path[:end])
            if line:
                return line
        return 0


def table_lines(text: str, header: str, *, expected: int) -> tuple[int, ...]:
    """Lines of all `[[header]]`, for locks with thousands of tables; zeros when their count is not `expected`.

    A multi-line string can hold such a line as well; the count gives that away.
    """
    wanted = f"[[{header}]]"
    lines = tuple(number for number, line in enumerate(text.split("\n"), 1) if line.rstrip() == wanted)
    return lines if len(lines) == expected else (0,) * expected


def lines_of(text: str) -> Lines:
    """Find the line of every key and every list item of a valid TOML text."""
    scan = _Scan(text)
    try:
        scan.document()
    except (StopIteration, RecursionError):
        # The text breaks off or nests too deeply: what was found until there is right.
        return Lines(scan.found)
    return Lines(scan.found)


class _Scan:
    """A descent over the tokens; nothing is converted, only places are kept."""

    def __init__(self, text: str) -> None:
        self.found: dict[Path, int] = {}
        self._tokens = _tokens(text)
        self._counts: dict[Path, int] = {}
        self._token: tuple[str, str, int] = ("mark", "\n", 1)

    def _next(self) -> tuple[str, str, int]:
        self._token = next(self._tokens)
        return self._token

    def document(self) -> None:
        """Headers and key lines until the text ends (StopIteration)."""
        table: Path = ()
        self._next()
        while True:
            kind, text, _ = self._token
            if kind == "mark" and text == "[":
                table = self._header()
            elif kind in {"bare", "text"}:
                self._entry(table)
            else:
                self._next()

    def _header(self) -> Path:
        line = self._token[2]
        is_array = self._next()[1] == "[" and self._token[0] == "mark"
        if is_array:
            self._next()
        keys = self._keys(until="]")[:_MAX_KEY_PARTS]
        path = self._resolved(keys)
        if is_array:
            count = self._counts.get(path, -1) + 1
            self._counts[path] = count
            path = (*path, count)
            self._next()
        self.found.setdefault(path, line)
        return path

    def _resolved(self, keys: tuple[str, ...]) -> Path:
        # `[package.source]` below `[[package]]` speaks of the last package.
        path: Path = ()
        for key in keys[:-1]:
            path = (*path, key)
            if path in self._counts:
                path = (*path, self._counts[path])
        return (*path, *keys[-1:])

    def _keys(self, *, until: str) -> tuple[str, ...]:
        keys: list[str] = []
        while not (self._token[0] == "mark" and self._token[1] in {until, "\n"}):
            kind, text, _ = self._token
            if kind == "bare":
                keys.append(text)
            elif kind == "text":
                keys.append(_unquoted(text))
            self._next()
        self._next()
        return tuple(keys)

    def _entry(self, table: Path) -> None:
        line = self._token[2]
        path = table
        for key in self._keys(until="=")[:_MAX_KEY_PARTS]:
            path = (*path, key)
            self.found.setdefault(path, line)
        self._value(path)

    def _value(self, path: Path) -> None:
        while self._token[0] == "mark" and self._token[1] == "\n":
            self._next()
        kind, text, _ = self._token
        if kind == "mark" and text == "[":
            self._array(path)
            return
        if kind == "mark" and text == "{":
            self._inline(path)
            return
        # Numbers and dates come in pieces (`1`, `.`, `5`, blanks in a date): skip to what ends a value.
        while not (self._token[0] == "mark" and self._token[1] in {",", "]", "}", "\n"}):
            self._next()

    def _array(self, path: Path) -> None:
        self._next()
        index = 0
        while True:
            kind, text, line = self._token
            if kind == "mark" and text == "]":
                break
            if kind == "mark" and text in {",", "\n"}:
                self._next()
                continue
            if kind == "mark" and text not in {"[", "{"}:
                self._next()
                continue
            self.found.setdefault((*path, index), line)
            self._value((*path, index))
            index += 1
        self._next()

    def _inline(self, path: Path) -> None:
        self._next()
        while not (self._token[0] == "mark" and self._token[1] == "}"):
            if self._token[0] == "mark":
                self._next()
                continue
            self._entry(path)
        self._next()


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    data = text.encode("utf-8", "replace")
    line, last = 1, 0
    for match in islice(_TOKEN.finditer(data), _MAX_TOKENS):
        start = match.start()
        line += data.count(b"\n", last, start)
        last = start
        kind = _kind(match.group())
        if kind == "comment":
            continue
        yield kind, match.group().decode("utf-8", "replace"), line
    yield "mark", "\n", line


def _kind(token: bytes) -> str:
    if token[:1] in b"#":
        return "comment"
    if token[:1] in b"\"'":
        return "text"
    return "mark" if token in _MARKS else "bare"


def _unquoted(text: str) -> str:
    if text.startswith("'"):
        return text[1:-1]
    try:
        return str(tomllib.loads(f"key = {text}")["key"])
    except ValueError:
        return text[1:-1]

"""Environment files: `.env` and its relatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Gap, GapReason, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keelmark.formats.source import Reader, Source

__all__ = ["READER", "Bounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one environment file."""

    max_variables: int = 5_000
    max_value_chars: int = 200
    max_quoted_lines: int = 500


_NAME = re2.compile(
    r"(?i)\.env([._-][a-z0-9._-]+)?|[a-z0-9._-]+\.env([._-](example|sample|template|dist))?|(example|sample|template|dist)\.env|env[._-](example|sample|template|dist)"
)
_FOREIGN_SUFFIXES = frozenset(
    {".ts", ".js", ".mjs", ".py", ".md", ".json", ".yaml", ".yml", ".toml", ".sh", ".rb", ".go", ".enc", ".gpg",
     ".j2", ".tpl", ".php", ".vault"}
)  # fmt: skip
_ASSIGNMENT = re2.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*(?:=|:\s)\s*(.*)$")
_BARE = re2.compile(r"^\s*(?:export\s+)?[A-Za-z_][A-Za-z0-9_]*\s*$")
_COMMENT = re2.compile(r"\s#.*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    name: str = "env"
    version: int = 1
    bounds: Bounds = Bounds()

    def recognises(self, source: Source) -> bool:
        return (
            bool(_NAME.fullmatch(source.name)) and source.suffix not in _FOREIGN_SUFFIXES and source.is_text
        )

    def read(self, source: Source) -> tuple[Reading, ...]:
        found: list[tuple[str, str, int]] = []
        gaps: list[Gap] = []
        for name, value, line in _variables(source.lines, self.bounds):
            if not name:
                detail = "env: a line sets no variable"
                gaps = gaps or [
                    Gap(path=source.path, reason=GapReason.MALFORMED, detail=detail, line=line, matters=False)
                ]
            elif len(found) < self.bounds.max_variables:
                found.append((name, value[: self.bounds.max_value_chars], line))
            else:
                detail = f"more than {self.bounds.max_variables} variables"
                gaps.append(Gap(path=source.path, reason=GapReason.TOO_MANY, detail=detail))
                break
        return (Reading(format=self.name, environment=tuple(found), gaps=tuple(gaps)),)


def _variables(lines: Sequence[str], bounds: Bounds) -> Iterator[tuple[str, str, int]]:
    index = 0
    while index < len(lines):
        line = lines[index].lstrip("\ufeff")
        index += 1
        bare = line.strip()
        if not bare or bare.startswith(("#", ";", "[")) or _BARE.match(line):
            continue
        match = _ASSIGNMENT.match(line)
        if match is None:
            yield "", "", index
            continue
        number = index
        value = match.group(2).strip()
        if value[:1] in {'"', "'"}:
            value, index = _quoted(value, lines, index, bounds)
        else:
            value = "" if value.startswith("#") else _COMMENT.sub("", value)
        yield match.group(1), value, number


def _quoted(value: str, lines: Sequence[str], index: int, bounds: Bounds) -> tuple[str, int]:
    quote, rest = value[0], value[1:]
    end = _closing(rest, quote)
    start = index
    parts = [rest]
    while end < 0 and index < len(lines) and index - start < bounds.max_quoted_lines:
        parts.append(lines[index])
        index += 1
        end = _closing(parts[-1], quote)
    if end < 0:  # The quote never closes: then it was part of a one-line value.
        return value, start
    parts[-1] = parts[-1][:end]
    return "\n".join(parts), index


def _closing(text: str, quote: str) -> int:
    at = text.find(quote)
    while at > 0 and quote == '"' and text[at - 1] == "\\":
        at = text.find(quote, at + 1)
    return at


READER: Reader = _Reader()

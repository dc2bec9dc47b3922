"""Submodules of git: folders of other repositories, which an archive or a shallow clone leaves empty."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Gap, GapReason, Reading
from keelmark.errors import LimitExceededError
from keelmark.formats.dependencies.addresses import cleaned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "SubmodulesReader"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one `.gitmodules`; the longest known have a few hundred submodules."""

    max_bytes: int = 1024**2
    max_submodules: int = 2_000


_SECTION = re2.compile(r'^\s*\[\s*submodule\s+"')
_ENTRY = re2.compile(r"^\s*(path|url)\s*=\s*\"?([^\"\r\n]*[^\s\"])")


@dataclass(slots=True)
class _Submodule:
    line: int
    said: dict[str, str] = field(default_factory=dict)


class SubmodulesReader:
    """Names each submodule as not looked at; the engine drops those whose files are here.

    Args:
        bounds: Bounds of one file.
    """

    name = "git-submodules"
    version = 1

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """By the name that git gives it, at the top of a repository."""
        return source.name == ".gitmodules" and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        """One gap for each submodule, at its path.

        Raises:
            LimitExceededError: The file is too long.
        """
        if source.size > self._bounds.max_bytes:
            raise LimitExceededError(f"submodules of {source.size} bytes are too long", path=source.path)
        folder = source.path.rpartition("/")[0]
        gaps: list[Gap] = []
        for found in _submodules(source):
            if len(gaps) >= self._bounds.max_submodules:
                detail = f"more than {self._bounds.max_submodules} submodules"
                gaps.append(Gap(path=source.path, reason=GapReason.TOO_MANY, detail=detail))
                break
            parts = [part for part in found.said.get("path", "").split("/") if part not in {"", "."}]
            if not parts or ".." in parts:
                continue
            gaps.append(
                Gap(
                    path="/".join([*filter(None, [folder]), *parts]),
                    reason=GapReason.NOT_HERE,
                    detail=f"a submodule of git, kept at {cleaned(found.said.get('url', '')) or 'an unnamed place'}",
                    line=found.line,
                    matters=False,
                    may_hide=True,
                )
            )
        return (Reading(format=self.name, gaps=tuple(gaps)),)


def _submodules(source: Source) -> Iterator[_Submodule]:
    current: _Submodule | None = None
    for number, line in enumerate(source.lines, start=1):
        if _SECTION.match(line):
            if current is not None:
                yield current
            current = _Submodule(line=number)
        elif current is not None and (match := _ENTRY.match(line)):
            current.said.setdefault(match.group(1), match.group(2)[:1_000])
    if current is not None:
        yield current


READER = SubmodulesReader()

"""Bicep: resources and modules with their plain attributes, read line by line; expressions are kept as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Gap, GapReason, Reading, Resource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.formats.source import Reader, Source

__all__ = ["READER", "Bounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one Bicep file."""

    max_resources: int = 2_000
    max_attributes: int = 500
    max_value_chars: int = 1_000


_RESOURCE = re2.compile(r"^\s*(resource|module)\s+([A-Za-z_]\w*)\s+'([^']+)'\s*(existing\s*)?=")
_ATTRIBUTE = re2.compile(r"^\s*(?:'([^']+)'|([A-Za-z_]\w*))\s*:\s*(.*)$")
_COMMENT = re2.compile(r"^\s*//")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    name: str = "bicep"
    version: int = 1
    bounds: Bounds = Bounds()

    def recognises(self, source: Source) -> bool:
        return source.suffix == ".bicep" and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        lines = source.lines
        resources: list[Resource] = []
        for index, line in enumerate(lines):
            match = _RESOURCE.match(line)
            if match and len(resources) < self.bounds.max_resources:
                kind, _, _ = match.group(3).partition("@")
                resources.append(
                    Resource(
                        system="bicep",
                        kind=kind if match.group(1) == "resource" else f"module.{match.group(3)}",
                        name=match.group(2),
                        line=index + 1,
                        attributes=_attributes(lines, index, self.bounds),
                    )
                )
        detail = "loops, conditions, parameters and modules of Bicep are not evaluated"
        gap = Gap(path=source.path, reason=GapReason.UNSUPPORTED, detail=detail, matters=False)
        return (Reading(format=self.name, resources=tuple(resources), gaps=(gap,)),)


def _attributes(lines: Sequence[str], start: int, bounds: Bounds) -> tuple[tuple[str, str, int], ...]:
    found: list[tuple[str, str, int]] = []
    path: list[str] = []
    counts: list[int] = []  # Next index per open bracket; -1 for a brace.
    for index in range(start, len(lines)):
        bare = "" if _COMMENT.match(lines[index]) else lines[index].strip()
        match = _ATTRIBUTE.match(bare)
        key, value = (match.group(1) or match.group(2), match.group(3)) if match else ("", bare)
        opens = value[-1:] in {"{", "["}
        if bare[:1] in {"}", "]"} and counts:
            counts.pop()
            path.pop()
        elif opens:
            name = key or _next(counts)
            path.append(name if counts else "")
            counts.append(0 if value.endswith("[") else -1)
        elif value and counts and (match or counts[-1] >= 0) and len(found) < bounds.max_attributes:
            name = key or _next(counts)
            full = ".".join(part for part in (*path, name) if part)
            found.append((full, value.strip("'")[: bounds.max_value_chars], index + 1))
        if not counts:
            break
    return tuple(found)


def _next(counts: list[int]) -> str:
    if not counts or counts[-1] < 0:
        return ""
    counts[-1] += 1
    return str(counts[-1] - 1)


READER: Reader = _Reader()

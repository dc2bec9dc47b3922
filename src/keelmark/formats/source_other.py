"""Source in languages that are counted, not analysed: recognised by suffix or first line.

A program in any of them may answer requests or ask a model, so that its gap may hide a part of the system. Scripts of
shells and what runs on a graphics card or a chain may not: they are glue, or far from any request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Gap, GapReason, Module, Reading
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.languages import LANGUAGES

if TYPE_CHECKING:
    from keelmark.formats.source import Reader, Source

__all__ = ["READER", "Bounds", "language_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one source file."""

    max_markers: int = 1_000


_SHEBANG = bytes_pattern(
    rb"^#![ \t]*(?:/usr/bin/env[ \t]+(?:-S[ \t]+)?)?(?:\S*/)?(bash|dash|zsh|ksh|fish|sh|pwsh|ruby|php|perl|Rscript|julia|lua"
    rb"|node|nodejs|deno|bun|tsx|ts-node|elixir|escript|groovy|scala|swift)[0-9.]*(?:\s|$)"
)
_PROGRAMS = {b"ruby": "ruby", b"php": "php", b"perl": "perl", b"Rscript": "r", b"julia": "julia", b"pwsh": "powershell",
             b"lua": "lua", b"node": "javascript", b"nodejs": "javascript", b"deno": "typescript", b"bun": "javascript",
             b"tsx": "typescript", b"ts-node": "typescript", b"elixir": "elixir", b"escript": "erlang",
             b"groovy": "groovy", b"scala": "scala", b"swift": "swift"}  # fmt: skip
_SCRIPTS = frozenset({"shell", "powershell", "batch", "metal", "solidity"})
# Files that build a program and are none.
_BUILD = (".gradle.kts",)
_WRITTEN = {"cuda": "CUDA", "javascript": "JavaScript", "matlab or objective-c": "MATLAB or Objective-C",
            "objective-c": "Objective-C", "ocaml": "OCaml", "php": "PHP", "powershell": "PowerShell",
            "typescript": "TypeScript", "visual basic": "Visual Basic"}  # fmt: skip
_MARKER = re2.compile(r"(?:#|//|/\*|^\s*\*|--).*\b(?:TODO|FIXME|HACK|XXX)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    name: str = "source-other"
    version: int = 3
    bounds: Bounds = Bounds()

    def recognises(self, source: Source) -> bool:
        # One odd control byte in a comment does not unmake a program; a NUL byte makes it something else.
        return bool(language_of(source)) and (source.is_text or b"\0" not in source.head)

    def read(self, source: Source) -> tuple[Reading, ...]:
        language = language_of(source)
        lines = source.lines
        count = len(lines) - (1 if lines and not lines[-1] else 0)
        markers = tuple(number for number, line in enumerate(lines, start=1) if _MARKER.search(line))
        module = Module(language=language, lines=count, markers=markers[: self.bounds.max_markers])
        gap = Gap(
            path=source.path,
            reason=GapReason.UNSUPPORTED,
            detail=f"source in {_WRITTEN.get(language, language.capitalize())}, which is counted but not analysed",
            matters=False,
            may_hide=language not in _SCRIPTS
            and not source.name.endswith(_BUILD)
            and any(line.strip() for line in lines),
        )
        return (Reading(format=f"source-{language}", module=module, gaps=(gap,)),)


def language_of(source: Source) -> str:
    """Language by suffix, or by the first line of a file without one; "" when it is none of these."""
    if source.suffix in LANGUAGES:
        return LANGUAGES[source.suffix]
    match = _SHEBANG.match(source.head[:200]) if not source.suffix else None
    return _PROGRAMS.get(match.group(1), "shell") if match else ""


READER: Reader = _Reader()

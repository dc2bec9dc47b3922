"""Source in languages that are counted, not analysed: recognised by suffix, name or first line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Gap, GapReason, Module, Reading

if TYPE_CHECKING:
    from keelmark.formats.source import Reader, Source

__all__ = ["READER", "Bounds", "language_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one source file."""

    max_markers: int = 1_000


_LANGUAGES = {
    ".c": "c", ".h": "c", ".cc": "c++", ".cpp": "c++", ".cxx": "c++", ".hpp": "c++", ".hh": "c++", ".hxx": "c++",
    ".cu": "cuda", ".cuh": "cuda", ".cs": "c#", ".java": "java", ".kt": "kotlin", ".kts": "kotlin", ".go": "go",
    ".rs": "rust", ".rb": "ruby", ".php": "php", ".swift": "swift", ".scala": "scala", ".sh": "shell",
    ".bash": "shell", ".zsh": "shell", ".fish": "shell", ".ksh": "shell", ".ps1": "powershell", ".psm1": "powershell",
    ".r": "r", ".jl": "julia", ".lua": "lua", ".pl": "perl", ".pm": "perl", ".dart": "dart", ".ex": "elixir",
    ".exs": "elixir", ".mm": "objective-c", ".bat": "batch", ".cmd": "batch", ".groovy": "groovy",
    ".hs": "haskell", ".ml": "ocaml", ".clj": "clojure", ".erl": "erlang", ".zig": "zig", ".nim": "nim", ".f90": "fortran",
    ".m": "matlab or objective-c", ".sol": "solidity", ".vb": "visual basic", ".fs": "f#", ".metal": "metal",
    ".vue": "vue", ".svelte": "svelte", ".pyx": "cython",
}  # fmt: skip
_SHEBANG = re2.compile(
    rb"^#![ \t]*(?:/usr/bin/env[ \t]+(?:-S[ \t]+)?)?(?:\S*/)?(bash|dash|zsh|ksh|fish|sh|ruby|php|perl|Rscript|julia|pwsh|lua)\b"
)
_PROGRAMS = {b"ruby": "ruby", b"php": "php", b"perl": "perl", b"Rscript": "r", b"julia": "julia", b"pwsh": "powershell",
             b"lua": "lua"}  # fmt: skip
_MARKER = re2.compile(r"(?:#|//|/\*|^\s*\*|--).*\b(?:TODO|FIXME|HACK|XXX)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    name: str = "source-other"
    version: int = 2
    bounds: Bounds = Bounds()

    def recognises(self, source: Source) -> bool:
        return bool(language_of(source)) and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        language = language_of(source)
        lines = source.lines
        count = len(lines) - (1 if lines and not lines[-1] else 0)
        markers = tuple(number for number, line in enumerate(lines, start=1) if _MARKER.search(line))
        module = Module(language=language, lines=count, markers=markers[: self.bounds.max_markers])
        detail = f"source in {language} is counted, not analysed"
        gap = Gap(path=source.path, reason=GapReason.UNSUPPORTED, detail=detail, matters=False)
        return (Reading(format=f"source-{language}", module=module, gaps=(gap,)),)


def language_of(source: Source) -> str:
    """Language by suffix, or by the first line of a file without one; "" when it is none of these."""
    if source.suffix in _LANGUAGES:
        return _LANGUAGES[source.suffix]
    match = _SHEBANG.match(source.head[:200]) if not source.suffix else None
    return _PROGRAMS.get(match.group(1), "shell") if match else ""


READER: Reader = _Reader()

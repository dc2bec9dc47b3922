"""Languages of programs by the suffix of their files: those that are counted, and not analysed."""

from __future__ import annotations

__all__ = ["LANGUAGES"]

LANGUAGES = {
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
"""Suffix to language."""

"""Reads the plain forms of `keelmark scan`, and leaves every other to the parser of all commands.

Scans run before models are loaded, in hooks and pipelines, so that their start counts; importing the parser takes longer
than looking at a hundred files. What is understood here means the same there: a test compares both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ScanArguments", "arguments_of", "with_address"]

_FLAGS = {"--digest": "digest", "--quiet": "quiet", "-q": "quiet", "--verbose": "verbose", "-v": "verbose"}
_CLUSTERS = frozenset({"local", "auto"})
_ADDRESS = re.compile(r"ray://.+|[\w.-]+:\d+|\[[0-9a-f:]+\]:\d+")
_FORMATS = frozenset({"--format", "-f"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanArguments:
    """What `keelmark scan` was asked; the command says what each means."""

    paths: tuple[str, ...] = ()
    format: tuple[str, ...] = ()
    files_from: str | None = None
    digest: bool = False
    clearances: Path | None = None
    trusted_key: tuple[Path, ...] = ()
    verbose: bool = False
    quiet: bool = False
    max_seconds: float = 3600.0
    jobs: int = 1
    ray: str | None = None


def arguments_of(arguments: Sequence[str]) -> ScanArguments | None:
    """The arguments of a plain scan: paths, flags and formats; None for everything else, helps and mistakes included."""
    if arguments[:1] != ["scan"]:
        return None
    paths: list[str] = []
    formats: list[str] = []
    flags: dict[str, bool] = {}
    rest = iter(arguments[1:])
    for argument in rest:
        if argument in _FORMATS:
            value = next(rest, "-")
            if value.startswith("-"):
                return None
            formats.append(value)
        elif argument in _FLAGS:
            if _FLAGS[argument] in flags:
                return None
            flags[_FLAGS[argument]] = True
        elif argument.startswith("-"):
            return None
        else:
            paths.append(argument)
    return ScanArguments(paths=tuple(paths), format=tuple(formats), **flags)  # type: ignore[arg-type]


def with_address(arguments: Sequence[str]) -> list[str]:
    """The arguments with an address behind `--ray` where none was given: a cluster on this machine."""
    whole: list[str] = []
    for index, argument in enumerate(arguments):
        whole.append(argument)
        following = arguments[index + 1] if index + 1 < len(arguments) else ""
        if argument == "--ray" and not (following in _CLUSTERS or _ADDRESS.fullmatch(following)):
            whole.append("local")
    return whole

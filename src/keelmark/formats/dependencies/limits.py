"""Bounds of dependency files, and the ways into their text: plain, TOML, JSON."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import re2

from keelmark.core.facts import Gap, GapReason, Manifest, Reading
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats import json_text
from keelmark.formats.dependencies.addresses import cleaned_text
from keelmark.formats.source import decode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keelmark.formats.source import Source

__all__ = ["Bounds", "json_object", "malformed", "mapping", "reading", "text_of", "texts", "toml_table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one dependency file.

    Attributes:
        max_bytes: Longest file that is read; the locks of large web projects reach ten megabytes.
        max_toml_chars: Longest TOML text; its parser is slower and hungrier than that of JSON.
        max_lines: Lines of a file that is read line by line.
        max_requirements: Requirements kept from one file; the rest becomes a gap.
        max_line_chars: Longest logical line (hashes included) of a requirements file.
        max_entry_chars: Longest single requirement that is parsed.
        max_gaps: Malformed entries named one by one; the rest is counted in a last gap.
    """

    max_bytes: int = 16 * 1024**2
    max_toml_chars: int = 4 * 1024**2
    max_lines: int = 400_000
    max_requirements: int = 20_000
    max_line_chars: int = 256 * 1024
    max_entry_chars: int = 4096
    max_gaps: int = 20


BOUNDS = Bounds()

# The parser of the standard library needs memory in the square of the parts of a dotted key.
_LONG_KEY = re2.compile(
    r"(?m)(?:^|[\[{,])[ \t]*(?:(?:[A-Za-z0-9_-]+|\"[^\"\n]*\"|'[^'\n]*')[ \t]*\.[ \t]*){16}"
)


def text_of(source: Source, bounds: Bounds = BOUNDS) -> str:
    """The whole text of a dependency file, line ends folded to line feeds.

    Raises:
        LimitExceededError: Longer than `bounds.max_bytes`, or of more lines than `bounds.max_lines`.
        ParseError: No text.
    """
    if source.size > bounds.max_bytes:
        raise LimitExceededError(
            f"dependency file of {source.size} bytes is longer than {bounds.max_bytes}", path=source.path
        )
    text = decode(source.data, path=source.path).replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\n") > bounds.max_lines:
        raise LimitExceededError(f"dependency file has more than {bounds.max_lines} lines", path=source.path)
    return text


def toml_table(text: str, *, path: str, bounds: Bounds = BOUNDS) -> dict[str, Any]:
    """The TOML document as plain values.

    Raises:
        ParseError: No TOML, or nested too deeply to read.
        LimitExceededError: Too long, or a dotted key of more than sixteen parts.
    """
    if len(text) > bounds.max_toml_chars:
        raise LimitExceededError(f"TOML of {len(text)} characters is too long", path=path)
    if _LONG_KEY.search(text):
        raise LimitExceededError("a dotted key has more than sixteen parts", path=path)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ParseError(f"no TOML: {reason}", path=path) from error


def json_object(text: str, *, path: str) -> dict[str, Any]:
    """The JSON document, which must be an object.

    Raises:
        ParseError: No JSON object, or nested too deeply to read.
    """
    value = json_text.parse(text, path=path)
    if not isinstance(value, dict):
        raise ParseError("JSON object expected", path=path)
    return value


def mapping(value: object, *keys: str) -> dict[str, Any]:
    """The table below `value` along `keys`; empty when there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def texts(value: object) -> tuple[str, ...]:
    """The strings of a list, or a single string as a tuple of one."""
    if isinstance(value, str):
        return (value,)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def malformed(source: Source, detail: str, *, line: int = 0) -> Gap:
    """A gap for an entry that could not be read; it can hide a dependency, so it matters."""
    return Gap(path=source.path, reason=GapReason.MALFORMED, detail=cleaned_text(detail)[:200], line=line)


def reading(
    source: Source, manifest: Manifest, gaps: Iterable[Gap] = (), *, bounds: Bounds = BOUNDS
) -> Reading:
    """The reading of one manifest, cut at its bounds; each cut is named as a gap."""
    found = list(gaps)
    if len(found) > bounds.max_gaps:
        more = len(found) - bounds.max_gaps
        found = [*found[: bounds.max_gaps], malformed(source, f"{more} more entries could not be read")]
    if len(manifest.requirements) > bounds.max_requirements:
        found.append(
            Gap(
                path=source.path,
                reason=GapReason.TOO_MANY,
                detail=f"more than {bounds.max_requirements} requirements; the rest was not read",
            )
        )
        manifest = replace(manifest, requirements=manifest.requirements[: bounds.max_requirements])
    return Reading(format=manifest.format, manifest=manifest, gaps=tuple(found))

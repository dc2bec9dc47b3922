"""Checksum files: digests recorded for other files, in the forms of GNU coreutils and BSD."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Gap, GapReason, Reading
from keelmark.errors import LimitExceededError

if TYPE_CHECKING:
    from keelmark.formats.source import Reader, Source

__all__ = ["ALGORITHMS", "READER", "Bounds", "beside"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one checksum file."""

    max_entries: int = 20_000
    max_lines: int = 200_000


ALGORITHMS = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
"""Digest algorithms by the length of their hexadecimal form."""

_NAME = re2.compile(
    r"(?i)((md5|sha1|sha256|sha384|sha512|b2|blake3)sums?|checksums?)([._-](txt|sha256|sha512|asc))?|.*[._-](sha256|sha512|sha384)(sums?)?(\.txt)?"
)
_GNU = re2.compile(r"^\\?([0-9a-fA-F]{32,128}) [ *]?(.+)$")
_BSD = re2.compile(r"^([A-Za-z0-9-]+) \((.+)\) = ([0-9a-fA-F]{32,128})$")
_ALONE = re2.compile(r"^([0-9a-fA-F]{32,128})$")
_OWN_SUFFIX = re2.compile(r"(?i)\.(sha256|sha512|sha384)(sums?)?(\.txt)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    name: str = "checksums"
    version: int = 1
    bounds: Bounds = Bounds()

    def recognises(self, source: Source) -> bool:
        return bool(_NAME.fullmatch(source.name)) and source.is_text and source.suffix not in {".py", ".md"}

    def read(self, source: Source) -> tuple[Reading, ...]:
        found: list[tuple[str, str]] = []
        gaps: list[Gap] = []
        if source.text.count("\n") > self.bounds.max_lines:
            raise LimitExceededError(
                f"checksums of more than {self.bounds.max_lines} lines", path=source.path
            )
        for number, line in enumerate(source.lines, start=1):
            bare = line.strip("\ufeff \t")
            if not bare or bare.startswith(("#", "-----", "Hash:")):
                continue
            entry = _entry(bare, source)
            if entry is None:
                detail = "checksums: a line records no digest"
                gap = Gap(path=source.path, reason=GapReason.MALFORMED, detail=detail, line=number)
                gaps = gaps or [gap]
            elif len(found) < self.bounds.max_entries:
                found.append(entry)
            else:
                detail = f"more than {self.bounds.max_entries} digests"
                gaps.append(Gap(path=source.path, reason=GapReason.TOO_MANY, detail=detail))
                break
        return (Reading(format=self.name, digests=tuple(found), gaps=tuple(gaps)),)


def _entry(line: str, source: Source) -> tuple[str, str] | None:
    if match := _GNU.match(line):
        digest, name = match.group(1), match.group(2)
    elif match := _BSD.match(line):
        digest, name = match.group(3), match.group(2)
    elif match := _ALONE.match(line):
        digest, name = match.group(1), _OWN_SUFFIX.sub("", source.name)
    else:
        return None
    algorithm = ALGORITHMS.get(len(digest), "")
    target = beside(source.path, name)
    return (target, f"{algorithm}:{digest.lower()}") if algorithm and target else None


def beside(path: str, name: str) -> str:
    """Path of `name` as seen from the file at `path`, relative to the assessed folder; "" when it leaves the folder."""
    clean = posixpath.normpath(posixpath.join(posixpath.dirname(path), name.replace("\\", "/").strip()))
    return "" if clean.startswith(("../", "/")) or clean in {"..", "."} else clean


READER: Reader = _Reader()

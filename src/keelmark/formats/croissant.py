"""Croissant: the JSON-LD description of a dataset, with its files, their digests and the licence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import re2

from keelmark.core.facts import Document, DocumentKind, Gap, GapReason, Reading
from keelmark.formats import json_text
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.checksums import beside
from keelmark.formats.licence_texts import spdx_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Reader, Source

__all__ = ["READER", "Bounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one description."""

    max_files: int = 20_000
    max_value_chars: int = 500


_MARK = bytes_pattern(rb"mlcommons\.org/croissant|\"cr\"\s*:\s*\"|\"cr:FileObject\"|\"(?:sc|cr):FileObject\"")
_HEX = re2.compile(r"^[0-9a-fA-F]{32,128}$")
_KEYS = (
    "name",
    "description",
    "version",
    "url",
    "datePublished",
    "dateModified",
    "citeAs",
    "conformsTo",
    "isLiveDataset",
)
_DATES = ("dateCreated", "datePublished", "dateModified")
_ISO = re2.compile(r"^\d{4}-\d{2}-\d{2}")
_WORD = re2.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    name: str = "croissant"
    version: int = 1
    bounds: Bounds = Bounds()

    def recognises(self, source: Source) -> bool:
        return source.suffix in {".json", ".jsonld"} and bool(_MARK.search(source.head)) and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        root = json_text.mapping(json_text.load(source))
        if "distribution" not in root and "recordSet" not in root:
            return ()
        files = root.get("distribution")
        listed = files if isinstance(files, list) else [files]
        gaps: tuple[Gap, ...] = ()
        if len(listed) > self.bounds.max_files:
            detail = f"{len(listed)} files; read were {self.bounds.max_files}"
            gaps = (Gap(path=source.path, reason=GapReason.TOO_MANY, detail=detail),)
        digests = tuple(_digests(listed[: self.bounds.max_files], source.path))
        description = json_text.text(root.get("description"))
        document = Document(
            kind=DocumentKind.DATA_CARD,
            title=json_text.text(root.get("name"))[:200],
            words=len(_WORD.findall(description)),
            metadata=tuple(
                (key, json_text.text(root.get(key))[: self.bounds.max_value_chars])
                for key in _KEYS
                if json_text.text(root.get(key))
            ),
            licence=_licence(root.get("license")),
            dates=tuple(
                (key, text[:10]) for key in _DATES if _ISO.match(text := json_text.text(root.get(key)))
            ),
        )
        return (Reading(format=self.name, document=document, digests=digests, gaps=gaps),)


def _licence(value: Any) -> str:
    entries = value if isinstance(value, list) else [value]
    names = [
        json_text.text(entry) or json_text.text(json_text.mapping(entry).get("url")) for entry in entries
    ]
    found = [spdx_of(name) for name in names if name]
    return " OR ".join(found) if found and all(found) else ""


def _digests(files: list[Any], path: str) -> Iterator[tuple[str, str]]:
    for item in files:
        entry = json_text.mapping(item)
        where = json_text.text(entry.get("contentUrl")) or json_text.text(entry.get("name"))
        if not where:
            continue
        # A remote file keeps its address; only what lies beside the description becomes a path.
        target = where if "://" in where else beside(path, where)
        for algorithm in ("sha256", "md5"):
            digest = json_text.text(entry.get(algorithm))
            if target and _HEX.match(digest):
                yield target, f"{algorithm}:{digest.lower()}"


READER: Reader = _Reader()

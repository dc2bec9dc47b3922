"""Bills of materials: CycloneDX and SPDX, recognised and summed up; components that are files give digests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import re2

from keelmark.core.facts import Document, DocumentKind, Gap, GapReason, Reading
from keelmark.formats import json_text
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.checksums import beside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Reader, Source

__all__ = ["READER", "Bounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one bill of materials."""

    max_components: int = 20_000


_CYCLONE = bytes_pattern(rb"\"bomFormat\"\s*:\s*\"CycloneDX\"")
_CYCLONE_XML = bytes_pattern(rb"cyclonedx\.org/schema/bom/")
_SPDX = bytes_pattern(rb"\"spdxVersion\"\s*:\s*\"SPDX-|spdx\.org/rdf/3")
_SPDX_TAGS = bytes_pattern(rb"(?m)^SPDXVersion:\s*SPDX-")
_ISO = re2.compile(r"^\d{4}-\d{2}-\d{2}")
_ALGORITHM = re2.compile(r"[^a-z0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    name: str = "bom"
    version: int = 1
    bounds: Bounds = Bounds()

    def recognises(self, source: Source) -> bool:
        if not source.is_text or source.suffix not in {".json", ".xml", ".spdx", ".jsonld", ".tag", ".cdx"}:
            return False
        return bool(_form(source.head))

    def read(self, source: Source) -> tuple[Reading, ...]:
        form, is_json = _form(source.head) or ("", False)
        if not is_json:
            detail = f"{form} in this notation is recognised, not read"
            gap = Gap(path=source.path, reason=GapReason.UNSUPPORTED, detail=detail, matters=False)
            document = Document(kind=DocumentKind.BOM, title=source.name)
            return (Reading(format=form, document=document, gaps=(gap,)),)
        root = json_text.mapping(json_text.load(source))
        components = list(_cyclone(root) if form == "cyclonedx" else _spdx(root))
        gaps: tuple[Gap, ...] = ()
        if len(components) > self.bounds.max_components:
            detail = f"{len(components)} components; read were {self.bounds.max_components}"
            gaps = (Gap(path=source.path, reason=GapReason.TOO_MANY, detail=detail),)
        kept = components[: self.bounds.max_components]
        reading = Reading(
            format=form,
            document=_document(form, root, components),
            components=tuple((item.kind, item.name, item.version) for item in kept),
            digests=tuple(_digests(kept, source.path)),
            gaps=gaps,
        )
        return (reading,)


def _form(head: bytes) -> tuple[str, bool] | None:
    for pattern, form, is_json in (
        (_CYCLONE, "cyclonedx", True),
        (_SPDX, "spdx", True),
        (_CYCLONE_XML, "cyclonedx", False),
        (_SPDX_TAGS, "spdx", False),
    ):
        if pattern.search(head):
            return form, is_json
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Component:
    kind: str
    name: str
    version: str
    digests: tuple[str, ...] = ()


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict):
            yield item


def _cyclone(root: dict[str, Any]) -> Iterator[_Component]:
    pending = list(_objects(root.get("components")))
    while pending:
        item = pending.pop(0)
        group, name = json_text.text(item.get("group")), json_text.text(item.get("name"))
        digests = tuple(_hash(entry, "alg", "content") for entry in _objects(item.get("hashes")))
        yield _Component(
            kind=json_text.text(item.get("type")),
            name=json_text.text(item.get("purl")) or (f"{group}/{name}" if group else name),
            version=json_text.text(item.get("version")),
            digests=digests,
        )
        pending.extend(_objects(item.get("components")))


def _spdx(root: dict[str, Any]) -> Iterator[_Component]:
    for item in _objects(root.get("packages")):
        yield _Component(
            kind="package",
            name=json_text.text(item.get("name")),
            version=json_text.text(item.get("versionInfo")),
        )
    for item in _objects(root.get("files")):
        digests = tuple(
            _hash(entry, "algorithm", "checksumValue") for entry in _objects(item.get("checksums"))
        )
        yield _Component(kind="file", name=json_text.text(item.get("fileName")), version="", digests=digests)
    for item in _objects(root.get("@graph")):
        kind = json_text.text(item.get("type"))
        if kind.rpartition("_")[2] in {"Package", "AIPackage", "DatasetPackage", "File"}:
            version = json_text.text(item.get("software_packageVersion"))
            yield _Component(kind=kind, name=json_text.text(item.get("name")), version=version)


def _hash(entry: dict[str, Any], algorithm: str, digest: str) -> str:
    name = _ALGORITHM.sub("", json_text.text(entry.get(algorithm)).lower())
    return f"{name}:{json_text.text(entry.get(digest)).lower()}"


def _document(form: str, root: dict[str, Any], components: list[_Component]) -> Document:
    stamp = json_text.text(json_text.mapping(root, "metadata").get("timestamp")) or json_text.text(
        json_text.mapping(root, "creationInfo").get("created")
    )
    subject = json_text.mapping(root, "metadata", "component")
    counts = Counter(item.kind for item in components)
    stated = {
        "version": json_text.text(root.get("specVersion")) or json_text.text(root.get("spdxVersion")),
        "serial": json_text.text(root.get("serialNumber")) or json_text.text(root.get("documentNamespace")),
        "subject": json_text.text(subject.get("name")) or json_text.text(root.get("name")),
        "components": str(len(components)),
        **{f"components.{kind}": str(count) for kind, count in counts.most_common(20) if kind},
    }
    return Document(
        kind=DocumentKind.BOM,
        title=stated["subject"] or form,
        metadata=tuple((key, value) for key, value in stated.items() if value),
        dates=(("created", stamp[:10]),) if _ISO.match(stamp) else (),
    )


def _digests(components: list[_Component], path: str) -> Iterator[tuple[str, str]]:
    for item in components:
        target = beside(path, item.name) if item.kind == "file" and item.name else ""
        yield from ((target, digest) for digest in item.digests if target and not digest.endswith(":"))


READER: Reader = _Reader()

"""Signatures: Sigstore bundles with their in-toto statements, and detached signatures of other tools.

Only what a signature says it covers is read here; whether it is valid is the matter of verification.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import re2

from keelmark.core.facts import Gap, GapReason, Reading
from keelmark.errors import ParseError
from keelmark.formats import json_text
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.checksums import beside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Reader, Source

__all__ = ["READER", "Bounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one signature."""

    max_bytes: int = 64 * 1024**2
    max_resources: int = 20_000


_SUFFIXES = (".sig", ".sigstore", ".sigstore.json", ".asc", ".minisig", ".sign", ".intoto.jsonl", ".intoto.json", ".bundle.json")  # fmt: skip
_OWN_SUFFIX = re2.compile(r"\.(sigstore(\.json)?|bundle\.json|sig)$")
_MODEL_PREDICATE = "https://model_signing/"
_JSON_START = bytes_pattern(rb"^\s*\{")
_IS_BUNDLE = bytes_pattern(
    rb"application/vnd\.dev\.sigstore\.bundle|\"dsseEnvelope\"|\"messageSignature\"|\"payloadType\"\s*:"
)
_HEX = re2.compile(r"^[0-9a-fA-F]{32,128}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    name: str = "signatures"
    version: int = 1
    bounds: Bounds = Bounds()

    def recognises(self, source: Source) -> bool:
        if not source.name.endswith(_SUFFIXES):
            return False
        if _JSON_START.match(source.head):
            return bool(_IS_BUNDLE.search(source.head))
        if source.suffix == ".asc":  # Public keys carry the same suffix.
            return b"-----BEGIN PGP SIGNATURE-----" in source.head or b"-----BEGIN PGP SIGNED" in source.head
        return source.suffix in {".sig", ".minisig", ".sign", ".sigstore"}

    def read(self, source: Source) -> tuple[Reading, ...]:
        if not _JSON_START.match(source.head):
            return (Reading(format="signature"),)
        bounds = json_text.Bounds(max_bytes=self.bounds.max_bytes)
        if source.name.endswith(".jsonl"):
            first = source.text.split("\n", 1)[0]
            root = json_text.parse(first, path=source.path)
        else:
            root = json_text.load(source, bounds=bounds)
        return (self._bundle(root, source),)

    def _bundle(self, root: Any, source: Source) -> Reading:
        envelope = json_text.mapping(root, "dsseEnvelope") or json_text.mapping(root)
        if "payload" not in envelope:
            return Reading(format="signature", digests=tuple(_message(root, source)))
        statement = _statement(envelope, source)
        predicate = json_text.text(statement.get("predicateType"))
        is_model = predicate.startswith(_MODEL_PREDICATE) or source.name == "model.sig"
        found = list(_resources(statement))
        digests = []
        for name, digest in found[: self.bounds.max_resources]:
            target = beside(source.path, name)
            digests.extend([(target, digest)] if target else [])
        gaps: tuple[Gap, ...] = ()
        if len(found) > self.bounds.max_resources:
            detail = f"{len(found)} signed files; read were {self.bounds.max_resources}"
            gaps = (Gap(path=source.path, reason=GapReason.TOO_MANY, detail=detail),)
        return Reading(
            format="model-signature" if is_model else "signature", digests=tuple(digests), gaps=gaps
        )


def _statement(envelope: dict[str, Any], source: Source) -> dict[str, Any]:
    payload = json_text.text(envelope.get("payload"))
    try:
        raw = base64.b64decode(payload.encode(), validate=True)
        content = raw.decode("utf-8")
    except (binascii.Error, ValueError) as error:
        raise ParseError("payload of the envelope is no base64 of UTF-8 text", path=source.path) from error
    statement = json_text.mapping(json_text.parse(content, path=source.path))
    if not statement:
        raise ParseError("payload of the envelope is no statement", path=source.path)
    return statement


def _resources(statement: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Signed files: of the model-signing predicate, else the subjects of the statement."""
    resources = json_text.mapping(statement, "predicate").get("resources")
    if isinstance(resources, list):
        for item in resources:
            entry = json_text.mapping(item)
            name, digest = json_text.text(entry.get("name")), json_text.text(entry.get("digest"))
            if name and _HEX.match(digest):
                yield name, f"{json_text.text(entry.get('algorithm')) or 'sha256'}:{digest.lower()}"
        return
    subjects = statement.get("subject")
    for item in subjects if isinstance(subjects, list) else ():
        name = json_text.text(json_text.mapping(item).get("name"))
        for algorithm, digest in json_text.mapping(item, "digest").items():
            if name and isinstance(digest, str) and _HEX.match(digest):
                yield name, f"{algorithm}:{digest.lower()}"


def _message(root: Any, source: Source) -> Iterator[tuple[str, str]]:
    """The one file of a bundle over a plain message: it has the name of the bundle without its suffix."""
    message = json_text.mapping(root, "messageSignature", "messageDigest")
    name = _OWN_SUFFIX.sub("", source.name)
    try:
        digest = base64.b64decode(json_text.text(message.get("digest")).encode(), validate=True).hex()
    except (binascii.Error, ValueError):
        return
    target = beside(source.path, name)
    if len(digest) == 64 and target and name != source.name:
        yield target, f"sha256:{digest}"


READER: Reader = _Reader()

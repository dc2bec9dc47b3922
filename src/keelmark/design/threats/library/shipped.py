"""The foreign data that ships with Keelmark: the files as their authors made them, and a form of them that loads fast.

The files are the truth. The fast form names the digest of the files it was made from; when it does not fit them, or cannot be
read, the files are read instead, so that a forgotten step costs time and nothing else.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from dataclasses import dataclass
from importlib import resources

import msgspec

from keelmark.design.threats.library.atlas import parse_atlas
from keelmark.design.threats.library.atlas_draft import AtlasData
from keelmark.design.threats.library.cosai import FILES, CosaiData, parse_cosai
from keelmark.design.threats.library.records import Bounds
from keelmark.errors import LimitExceededError

__all__ = [
    "COSAI_EDITION",
    "FAST_FORM",
    "Shipped",
    "encode",
    "read_files",
    "read_shipped",
    "shipped_atlas",
    "shipped_atlas_schema",
]

COSAI_EDITION = ("18ab1ef", "2026-08-19")
"""Commit and day of the map that ships; its files name no version of their own."""
FAST_FORM = "library.json"

_ATLAS = "ATLAS.yaml.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """What the shipped files say; `digest` is SHA-256 over them."""

    digest: str
    atlas: AtlasData
    cosai: CosaiData


def read_shipped() -> Shipped:
    """What ships, in the fast form where that fits the files.

    Raises:
        ParseError: The packaged files are damaged; with the line.
    """
    packed, files = _packed()
    try:
        fast = msgspec.json.decode(_file(FAST_FORM), type=Shipped)
    except (OSError, msgspec.MsgspecError):
        return _parse(packed, files)
    return fast if fast.digest == _digest(packed, files) else _parse(packed, files)


def read_files() -> Shipped:
    """What ships, read from the files themselves.

    Raises:
        ParseError: The packaged files are damaged; with the line.
    """
    return _parse(*_packed())


def encode(shipped: Shipped) -> bytes:
    """The fast form; the same bytes for the same files."""
    return msgspec.json.encode(shipped, order="deterministic") + b"\n"


def shipped_atlas() -> bytes:
    """The file of MITRE ATLAS as its authors made it.

    Raises:
        LimitExceededError: It unpacks to more than the bound.
    """
    return _unpacked(_file("data", "atlas", _ATLAS))


def shipped_atlas_schema() -> bytes:
    """The JSON Schema of format 5 by the same authors."""
    return _file("data", "atlas", "atlas_output_schema.json")


def _parse(packed: bytes, files: dict[str, bytes]) -> Shipped:
    return Shipped(
        digest=_digest(packed, files), atlas=parse_atlas(_unpacked(packed)), cosai=parse_cosai(files)
    )


def _packed() -> tuple[bytes, dict[str, bytes]]:
    return _file("data", "atlas", _ATLAS), {name: _file("data", "cosai", name) for name in FILES}


def _digest(packed: bytes, files: dict[str, bytes]) -> str:
    parts = (packed, *(files[name] for name in FILES))
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _unpacked(packed: bytes) -> bytes:
    limit = Bounds().max_bytes
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise LimitExceededError(f"it unpacks to more than {limit} bytes", path=_ATLAS)
    return data


def _file(*parts: str) -> bytes:
    return resources.files(__package__).joinpath(*parts).read_bytes()

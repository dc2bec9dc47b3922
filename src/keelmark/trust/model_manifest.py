"""What a model signature covers: each file, or piece of a file, with its digest.

Source of the form: OpenSSF model signing v1.0 (predicate type `https://model_signing/signature/v1.0`), and the one of its
version 0.2 (`https://model_signing/Digests/v0.1`), which is read only. Datasets and any other folder are signed alike.

What the form promises and this module holds it to:

1. The subject's digest is SHA-256 over the digests of all resources in their order.
2. No resource stands twice, and none has a name that leads out of the folder.
3. The pieces of a file follow each other from its start, without a gap.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keelmark.errors import ParseError
from keelmark.trust.statement import Statement, Subject, is_hex

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

__all__ = [
    "COMPAT_TYPE",
    "PREDICATE_TYPE",
    "SINGLE_FILE",
    "Manifest",
    "ManifestBounds",
    "Resource",
    "Serialization",
    "is_under",
    "manifest_of",
    "statement_of",
]

PREDICATE_TYPE = "https://model_signing/signature/v1.0"
COMPAT_TYPE = "https://model_signing/Digests/v0.1"

SINGLE_FILE = "."
"""The name of the resource when a single file was signed, not a folder."""

_DIGITS = {"sha256": 64, "blake2b": 128, "blake3": 64}
_METHODS = ("files", "shards")


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestBounds:
    """Bounds of a manifest.

    Attributes:
        max_resources: Files, or pieces of files.
        max_path: Characters of a path.
        max_ignored: Paths that a signature leaves out.
    """

    max_resources: int = 500_000
    max_path: int = 4_096
    max_ignored: int = 10_000


_BOUNDS = ManifestBounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Serialization:
    """How the folder was read.

    Attributes:
        method: `files`, or `shards` when large files are digested in pieces.
        hash_type: `sha256`, `blake2b` or `blake3`.
        allow_symlinks: Whether links to files were followed.
        ignore_paths: Files and folders that the signature does not cover, relative to the signed folder.
        shard_size: Bytes of a piece.
    """

    method: str = "files"
    hash_type: str = "sha256"
    allow_symlinks: bool = False
    ignore_paths: tuple[str, ...] = ()
    shard_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One file, or one piece of it.

    Attributes:
        path: Relative to the signed folder, with slashes; `SINGLE_FILE` when a file was signed.
        digest: Hexadecimal.
        start: First byte of the piece; None for a whole file.
        end: Byte after the piece; None for a whole file.
    """

    path: str
    digest: str
    start: int | None = None
    end: int | None = None

    @property
    def name(self) -> str:
        """The name on the wire."""
        return self.path if self.start is None else f"{self.path}:{self.start}:{self.end}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything that one signature covers.

    Attributes:
        name: Name of the signed folder or file; it tells, and proves nothing.
        resources: In the order of their paths.
        serialization: How they were read.
        is_compat: Whether it came in the form of version 0.2.
    """

    name: str
    resources: tuple[Resource, ...]
    serialization: Serialization
    is_compat: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 over the digests of the resources: how other documents name this very model."""
        return _root(self.resources)


def statement_of(manifest: Manifest) -> Statement:
    """The statement that is signed for a manifest."""
    how = manifest.serialization
    serialization: dict[str, Any] = {
        "method": how.method,
        "hash_type": how.hash_type,
        "allow_symlinks": how.allow_symlinks,
    }
    if how.ignore_paths:
        serialization["ignore_paths"] = list(how.ignore_paths)
    resources = sorted(manifest.resources, key=_place)
    return Statement(
        predicate_type=PREDICATE_TYPE,
        subjects=(Subject(name=manifest.name, digest={"sha256": _root(resources)}),),
        predicate={
            "serialization": serialization,
            "resources": [
                {"name": each.name, "algorithm": how.hash_type, "digest": each.digest} for each in resources
            ],
        },
    )


def manifest_of(statement: Statement) -> Manifest:
    """The manifest that a statement holds.

    Raises:
        ParseError: It holds none, or one that breaks a promise of the form.
    """
    if statement.predicate_type == COMPAT_TYPE:
        return _compat(statement)
    if statement.predicate_type != PREDICATE_TYPE:
        raise ParseError(
            f"what is signed is no model but `{statement.predicate_type[:200]}`",
            hint=f"expected {PREDICATE_TYPE}",
        )
    if len(statement.subjects) != 1:
        raise ParseError(f"a model signature has one subject, not {len(statement.subjects)}")
    how = _serialization(statement.predicate.get("serialization"))
    found = statement.predicate.get("resources")
    if not isinstance(found, list) or len(found) > _BOUNDS.max_resources:
        raise ParseError(f"model signature has no list of at most {_BOUNDS.max_resources} resources")
    resources = tuple(_resource(each, how) for each in found)
    subject = statement.subjects[0]
    if subject.digest.get("sha256") != _root(resources):
        raise ParseError("model signature contradicts itself: its digest is not that of its resources")
    _check_resources(resources)
    return Manifest(name=subject.name, resources=resources, serialization=how)


def is_under(path: str, folders: Container[str]) -> bool:
    """Whether a path is one of these, or lies in one of them; `SINGLE_FILE` among them holds every path."""
    if path in folders or SINGLE_FILE in folders:
        return True
    end = path.rfind("/")
    while end > 0:
        if path[:end] in folders:
            return True
        end = path.rfind("/", 0, end)
    return False


def _compat(statement: Statement) -> Manifest:
    resources = tuple(
        Resource(path=_path(each.name), digest=each.digest.get("sha256", "")) for each in statement.subjects
    )
    if not all(is_hex(each.digest, _DIGITS["sha256"]) for each in resources):
        raise ParseError("model signature of version 0.2 has a file without SHA-256")
    _check_resources(resources)
    return Manifest(name="", resources=resources, serialization=Serialization(), is_compat=True)


def _serialization(value: object) -> Serialization:
    how: Mapping[str, Any] = value if isinstance(value, dict) else {}
    method, hash_type, ignored = how.get("method"), how.get("hash_type"), how.get("ignore_paths", [])
    size, links = how.get("shard_size"), how.get("allow_symlinks", False)
    # Writers that keep numbers as floats spell it with a fraction.
    size = int(size) if isinstance(size, float) and size.is_integer() else size
    if method not in _METHODS or hash_type not in _DIGITS or not isinstance(links, bool):
        raise ParseError(
            "model signature was made in a way that is not known",
            hint=f"known: {', '.join(_METHODS)} with {', '.join(_DIGITS)}",
        )
    if not isinstance(ignored, list) or len(ignored) > _BOUNDS.max_ignored:
        raise ParseError("model signature leaves out more paths than can be read")
    if method == "shards" and (not isinstance(size, int) or isinstance(size, bool) or size < 1):
        raise ParseError("model signature is in pieces of no known size")
    return Serialization(
        method=method,
        hash_type=hash_type,
        allow_symlinks=links,
        ignore_paths=tuple(map(_path, ignored)),
        shard_size=size if method == "shards" else None,
    )


def _resource(value: object, how: Serialization) -> Resource:
    tree: Mapping[str, Any] = value if isinstance(value, dict) else {}
    name, digest, algorithm = tree.get("name"), tree.get("digest"), str(tree.get("algorithm"))
    # Pieces carry the algorithm with the size of pieces behind it.
    if algorithm not in {how.hash_type, f"{how.hash_type}-sharded-{how.shard_size}"}:
        raise ParseError(f"resource `{str(name)[:200]}` has a digest of another kind: `{algorithm[:60]}`")
    if not is_hex(digest, _DIGITS[how.hash_type]):
        raise ParseError(f"resource `{str(name)[:200]}` has no digest")
    assert isinstance(digest, str)
    if how.method == "files":
        return Resource(path=_path(name), digest=digest)
    path, start, end = _piece(name)
    return Resource(path=_path(path), digest=digest, start=start, end=end)


def _piece(name: object) -> tuple[str, int, int]:
    parts = name.rsplit(":", 2) if isinstance(name, str) else []
    if len(parts) != 3 or not all(
        each.isascii() and each.isdecimal() and len(each) <= 18 and str(int(each)) == each
        for each in parts[1:]
    ):
        raise ParseError(f"resource `{str(name)[:200]}` is no piece of a file")
    return parts[0], int(parts[1]), int(parts[2])


def _path(value: object) -> str:
    if value == SINGLE_FILE:
        return SINGLE_FILE
    if not isinstance(value, str) or len(value) > _BOUNDS.max_path or "\0" in value:
        raise ParseError(f"model signature names a path that cannot be one: `{str(value)[:200]}`")
    parts = value.removesuffix("/").split("/")
    if any(part in {"", ".", ".."} for part in parts):
        raise ParseError(f"model signature names a path that leads elsewhere: `{value[:200]}`")
    return "/".join(parts)


def _check_resources(resources: Sequence[Resource]) -> None:
    after: dict[str, int | None] = {}
    for each in sorted(resources, key=_place):
        if each.start is None:
            if each.path in after:
                raise ParseError(f"model signature names `{each.path[:200]}` twice")
            after[each.path] = None
            continue
        if each.start != (after.get(each.path) or 0) or (each.end or 0) <= each.start:
            raise ParseError(f"pieces of `{each.path[:200]}` have a gap or lie over each other")
        after[each.path] = each.end


def _place(resource: Resource) -> tuple[tuple[str, ...], int]:
    """Where a resource stands: by the parts of its path, as the form sorts them, not by its text."""
    return tuple(resource.path.split("/")), resource.start or 0


def _root(resources: Iterable[Resource]) -> str:
    root = hashlib.sha256()
    for each in resources:
        root.update(bytes.fromhex(each.digest))
    return root.hexdigest()

"""Files that stand for bytes kept elsewhere: Git LFS pointers, DVC files, git-annex links and pointers."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Gap, GapReason, Pointer, PointerKind, Reading
from keelmark.errors import KeelmarkError
from keelmark.formats import yaml_tree
from keelmark.formats.models.facts import gap_of
from keelmark.formats.yaml_tree import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from keelmark.formats.source import Source

__all__ = ["READERS", "AnnexReader", "DvcReader", "LfsReader", "is_for_people", "is_lfs_pointer"]

_LFS = b"version https://git-lfs.github.com/spec/v"
_LFS_LINE = re2.compile(r"(?m)^(oid|size) (.+?)\r?$")
_LFS_MAX_BYTES = 1024
_ANNEX = re2.compile(r"(?:^|/)annex/objects/(?:[^\s]*/)?([A-Z0-9]+E?)((?:-[a-zA-Z]\d+)*)--([^\s/]+)\s*$")
_ANNEX_MAX_BYTES = 4096
_ANNEX_SIZE = re2.compile(r"-s(\d{1,18})")
_DVC_KEYS = frozenset({"outs", "deps", "md5", "frozen", "wdir", "meta", "desc"})
_MAX_OUTPUTS = 10_000


def is_lfs_pointer(head: bytes) -> bool:
    """Whether the bytes are a Git LFS pointer."""
    return head.startswith(_LFS) and len(head) <= _LFS_MAX_BYTES


# Pictures, sound, film, fonts and papers: they are missed by people, and hide no model, code or table.
_FOR_PEOPLE = re2.compile(
    r"(?i)\.(png|jpe?g|gif|webp|svg|ico|bmp|tiff?|heic|avif|mp3|mp4|mov|webm|avi|mkv|wav|flac|ogg|opus|m4a|ttf|otf|woff2?|eot"
    r"|pdf|docx?|pptx?|psd|ai|fig|sketch)$"
)


def is_for_people(path: str) -> bool:
    """Whether an absent file is, by its name, something that people look at or listen to."""
    return _FOR_PEOPLE.search(path) is not None


def _absent(pointer: Pointer) -> Gap:
    return Gap(
        path=pointer.target,
        reason=GapReason.NOT_HERE,
        detail=f"kept by {pointer.kind.value}",
        line=pointer.line,
        matters=not is_for_people(pointer.target),
    )


class LfsReader:
    """Reads Git LFS pointers."""

    name = "git-lfs"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By the first line and the small size."""
        return source.size <= _LFS_MAX_BYTES and is_lfs_pointer(source.head)

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read digest and size."""
        values = dict(_LFS_LINE.findall(source.head.decode("latin-1")))
        algorithm, _, digest = values.get("oid", "").partition(":")
        size = values.get("size", "")
        pointer = Pointer(
            kind=PointerKind.GIT_LFS,
            target=source.path,
            digest=digest,
            algorithm=algorithm if digest else "",
            size=int(size) if size.isascii() and size.isdigit() and len(size) < 19 else None,
            line=1,
        )
        return (Reading(format="git-lfs", pointers=(pointer,), gaps=(_absent(pointer),)),)


class AnnexReader:
    """Reads pointers of git-annex: the text that stands where a link cannot."""

    name = "git-annex"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By the path into the object store that is all there is."""
        head = source.head
        if source.size > _ANNEX_MAX_BYTES or b"annex/objects/" not in head or not source.is_text:
            return False
        return _ANNEX.search(head.decode("latin-1").split("\n", 1)[0].strip()) is not None

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read back end, digest and size from the key."""
        match = _ANNEX.search(source.head.decode("latin-1").split("\n", 1)[0].strip())
        if match is None:
            return ()
        backend, fields, name = match.groups()
        has_digest = backend.startswith(("SHA", "MD5", "BLAKE", "XXH"))
        size = _ANNEX_SIZE.search(fields)
        pointer = Pointer(
            kind=PointerKind.GIT_ANNEX,
            target=source.path,
            digest=name.split(".", 1)[0] if has_digest else "",
            algorithm=backend.removesuffix("E").lower() if has_digest else "",
            size=int(size.group(1)) if size else None,
            line=1,
        )
        return (Reading(format="git-annex", pointers=(pointer,), gaps=(_absent(pointer),)),)


class DvcReader:
    """Reads `.dvc` files: outputs that DVC tracks, and where they were imported from."""

    name = "dvc"
    version = 1

    def recognises(self, source: Source) -> bool:
        """YAML that lists outputs with digests; the name decides only where there is no digest."""
        if not source.is_text or b"outs:" not in source.head:
            return False
        return source.suffix == ".dvc" or source.head.startswith((b"outs:", b"md5:", b"deps:", b"frozen:"))

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read outputs and sources."""
        try:
            tree = yaml_tree.parse(source.text, path=source.path)
        except KeelmarkError as error:
            return (Reading(format="dvc", gaps=(gap_of(source, error),)),) if source.suffix == ".dvc" else ()
        outputs = tree.child("outs") if isinstance(tree, Mapping) else None
        if not isinstance(tree, Mapping) or not isinstance(outputs, Sequence):
            return ()
        if source.suffix != ".dvc" and not set(tree.entries) <= _DVC_KEYS:
            return ()
        base = PurePosixPath(source.path).parent / _text(tree, "wdir")
        origin = _origin(tree)
        pointers = tuple(
            _output(item, base=base, origin=origin)
            for item in outputs.items[:_MAX_OUTPUTS]
            if isinstance(item, Mapping) and _text(item, "path")
        )
        gaps = tuple(_absent(pointer) for pointer in pointers)
        return (Reading(format="dvc", pointers=pointers, gaps=gaps),)


def _text(node: yaml_tree.Node | None, *keys: str | int) -> str:
    found = node.find(*keys) if node is not None else None
    return found.text if isinstance(found, Scalar) else ""


def _origin(tree: Mapping) -> str:
    """Where an import came from: a URL, or repository, path and locked commit."""
    first = tree.find("deps", 0)
    repository = _text(first, "repo", "url")
    if repository:
        lock = _text(first, "repo", "rev_lock") or _text(first, "repo", "rev")
        return f"{repository}{'@' + lock if lock else ''}:{_text(first, 'path')}"
    return _text(first, "path")


def _output(item: Mapping, *, base: PurePosixPath, origin: str) -> Pointer:
    parts: list[str] = []
    for part in (base / _text(item, "path")).parts:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    algorithm = _text(item, "hash") or ("md5" if _text(item, "md5") else "")
    size = _text(item, "size")
    digest = _text(item, algorithm) if algorithm else ""
    return Pointer(
        kind=PointerKind.DVC,
        target="/".join(parts).replace("//", "/", 1),
        digest=digest,
        algorithm=algorithm if digest else "",
        size=int(size) if size.isascii() and size.isdigit() and len(size) < 19 else None,
        source=origin or _text(item, "remote"),
        line=item.line,
    )


READERS = (LfsReader(), AnnexReader(), DvcReader())

"""What a release covers: every file by path and digest, and the prompts and tools in them as subjects of their own.

1. Files and links come first, sorted by path, each path once; the statement says how many they are.
2. A link is recorded by the text of its target. It is never followed.
3. Behind them stand `prompt:NAME` and `tool:NAME`. They are parts of files, so that who has the files has them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.asset import AssetKind
from keelmark.core.release import ReleasedAsset
from keelmark.core.signature import Change, Difference
from keelmark.trust import canonical_json
from keelmark.trust.statement import Subject, is_hex

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from keelmark.core.asset import Asset, Inventory
    from keelmark.core.release import Contents

__all__ = ["Measured", "assets_of", "compare", "digest_of_target", "readable", "subjects_of"]

_SHA256_DIGITS = 64
_SCHEME = "sha256:"
_KINDS = (
    AssetKind.MODEL,
    AssetKind.ABSENT_MODEL,
    AssetKind.ADAPTER,
    AssetKind.TOKENIZER,
    AssetKind.HOSTED_MODEL,
    AssetKind.HUB_MODEL,
    AssetKind.DATASET,
    AssetKind.ABSENT_DATA,
    AssetKind.PROMPT,
    AssetKind.TOOL,
    AssetKind.MCP_SERVER,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One file or link as it is.

    Attributes:
        path: Relative to the folder, with slashes.
        sha256: Of the content; of the text of the target for a link.
        is_link: Whether it is a symbolic link.
    """

    path: str
    sha256: str
    is_link: bool = False


def digest_of_target(target: bytes) -> str:
    """The digest of a link: of the text of its target."""
    return hashlib.sha256(target).hexdigest()


def subjects_of(measured: Iterable[Measured], inventory: Inventory) -> tuple[Subject, ...]:
    """The subjects of a release, in their order."""
    files = sorted(measured, key=lambda each: each.path)
    digests = {each.path: each.sha256 for each in files}
    return (
        *(Subject(name=each.path, digest={"sha256": each.sha256}) for each in files),
        *_parts(inventory.of(AssetKind.PROMPT), "prompt", digests),
        *_parts(inventory.of(AssetKind.TOOL), "tool", digests),
    )


def assets_of(inventory: Inventory) -> tuple[ReleasedAsset, ...]:
    """Models, data, prompts, tools and servers, in the order of the inventory."""
    return tuple(
        ReleasedAsset(
            kind=str(asset.kind),
            name=readable(asset.name),
            path=readable(asset.path),
            digest=readable(asset.digest),
            revision=readable(asset.get("revision")),
        )
        for asset in inventory.of(*_KINDS)
    )


def compare(
    subjects: Sequence[Subject], contents: Contents, measured: Mapping[str, Measured]
) -> tuple[Difference, ...]:
    """Each file that is not as released: changed, removed or added, sorted.

    Args:
        subjects: As they were signed.
        contents: What the release says of its subjects.
        measured: What is there, by path.
    """
    links = frozenset(contents.links)
    released = {each.name: each.digest["sha256"] for each in subjects[: contents.files]}
    found: list[Difference] = []
    for path, digest in released.items():
        there = measured.get(path)
        if there is None:
            found.append(Difference(change=Change.REMOVED, path=path, detail="it was released and is gone"))
        elif there.is_link != (path in links):
            was, is_now = ("a link", "a file") if path in links else ("a file", "a link")
            words = f"it was {was} and is {is_now}"
            found.append(Difference(change=Change.LINK, path=path, detail=words))
        elif there.sha256 != digest:
            words = "it leads elsewhere" if there.is_link else "its content is another"
            found.append(Difference(change=Change.CHANGED, path=path, detail=words))
    found.extend(
        Difference(change=Change.ADDED, path=path, detail="it was not released")
        for path in measured
        if path not in released
    )
    return tuple(sorted(found, key=lambda each: (each.change, each.path)))


def is_sha256(subject: Subject) -> bool:
    """Whether a subject has exactly the digest that releases carry."""
    return list(subject.digest) == ["sha256"] and is_hex(subject.digest["sha256"], _SHA256_DIGITS)


def readable(text: str) -> str:
    """Foreign text that can stand in signed JSON: what is no Unicode is written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _parts(assets: Iterable[Asset], kind: str, files: Mapping[str, str]) -> Iterable[Subject]:
    listed = [asset for asset in assets if asset.is_present]
    names = Counter(asset.name for asset in listed)
    for asset in listed:
        place = "" if names[asset.name] == 1 else f"@{asset.path}:{asset.line}"
        yield Subject(
            name=readable(f"{kind}:{asset.name}{place}"), digest={"sha256": _digest_of(asset, files)}
        )


def _digest_of(asset: Asset, files: Mapping[str, str]) -> str:
    """The digest that the inventory has, else one over the definition as it shows it and the file that holds it."""
    known = asset.digest.removeprefix(_SCHEME)
    if asset.digest.startswith(_SCHEME) and is_hex(known, _SHA256_DIGITS):
        return known
    definition = {
        "name": readable(asset.name),
        "format": readable(asset.format),
        "detail": [[readable(key), readable(value)] for key, value in asset.detail],
        "file": files.get(asset.path, ""),
    }
    return hashlib.sha256(canonical_json.encode(definition)).hexdigest()

"""A dossier from facts to leaves and back: committed to once, redacted as often as there are readers.

1. Each fact is a leaf, and each leaf is in every level: shown with its salt, or hidden behind its commitment.
2. A level shows exactly what its reader may see: no more, and no less.
3. Root and names are the same at every level, since the tree is over name, level needed and commitment of each leaf.
4. Each level says why it hides each kind of fact.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from keelmark.core.dossier import Dossier, Leaf, Level
from keelmark.deployment.release.dossier_sections import SECTIONS
from keelmark.errors import LimitExceededError, ParseError, UsageError
from keelmark.trust import canonical_json
from keelmark.trust.commitment import commitment_of, root_over, salt_for
from keelmark.trust.statement import is_hex

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from keelmark.core.dossier import Fact

__all__ = ["MAX_LEAVES", "check_leaves", "document_of", "parse_document", "redacted", "root_of", "sealed"]

MAX_LEAVES = 200_000
SCHEMA_VERSION = "1.0"
KIND = "dossier-leaves"
_MAX_BYTES = 256 * 1024**2
_SHA256_DIGITS = 64


def sealed(
    facts: Iterable[Fact], *, secret: bytes, release: str, release_digest: str, keelmark: str
) -> Dossier:
    """The dossier that shows everything.

    Args:
        facts: In any order; each name once.
        secret: Salts follow from it.
        release: Id of the release.
        release_digest: SHA-256 of the release as a file.
        keelmark: Version of the program.

    Raises:
        LimitExceededError: There are too many facts.
        UsageError: A fact has no canonical spelling.
    """
    ordered = sorted(facts, key=lambda each: each.name)
    if len(ordered) > MAX_LEAVES:
        raise LimitExceededError(f"a dossier holds at most {MAX_LEAVES} facts, and there are {len(ordered)}")
    leaves = tuple(_leaf(each, secret) for each in ordered)
    return Dossier(
        level=Level.SEALED,
        release=release,
        release_digest=release_digest,
        root=root_of(leaves),
        keelmark=keelmark,
        leaves=leaves,
    )


def redacted(dossier: Dossier, level: Level) -> Dossier:
    """What a reader of that level sees of a dossier that shows everything."""
    leaves = tuple(
        each if level.sees(each.needs) else replace(each, salt="", value=None) for each in dossier.leaves
    )
    return replace(dossier, level=level, leaves=leaves)


def root_of(leaves: Sequence[Leaf]) -> str:
    """Root of the tree over all leaves, hexadecimal."""
    return root_over(
        canonical_json.encode({"name": each.name, "needs": str(each.needs), "commitment": each.commitment})
        for each in leaves
    ).hex()


def check_leaves(dossier: Dossier) -> tuple[str, ...]:
    """Everything in which a dossier does not prove what it shows; empty when it proves all of it."""
    found = []
    names = [each.name for each in dossier.leaves]
    if names != sorted(set(names)):
        found.append("its facts do not stand in their order, each once")
    for each in dossier.leaves:
        is_shown = each.value is not None
        if is_shown != dossier.level.sees(each.needs):
            words = "shows" if is_shown else "hides"
            found.append(f"it {words} `{each.name}`, which needs the level {each.needs}")
        elif is_shown and not _is_committed(each):
            found.append(f"`{each.name}` is not the fact that was committed to")
    if root_of(dossier.leaves) != dossier.root:
        found.append("its facts do not give the root that it names")
    return tuple(found)


def document_of(dossier: Dossier) -> dict[str, Any]:
    """The dossier as an object of JSON."""
    used = {each.section for each in dossier.leaves}
    return {
        "schema": SCHEMA_VERSION,
        "kind": KIND,
        "level": str(dossier.level),
        "release": {"id": dossier.release, "sha256": dossier.release_digest},
        "root": dossier.root,
        "keelmark": dossier.keelmark,
        "sections": [
            {
                "name": each.name,
                "title": each.title,
                "needs": str(each.needs),
                "hidden": not dossier.level.sees(each.needs),
                "why": each.why,
            }
            for each in SECTIONS.values()
            if each.name in used
        ],
        "leaves": [_written(each) for each in dossier.leaves],
    }


def parse_document(data: bytes) -> Dossier:
    """Read a dossier; nothing in it is proved yet.

    Raises:
        ParseError: It is none.
    """
    tree = canonical_json.parse(data, what="list of facts", max_bytes=_MAX_BYTES)
    if tree.get("kind") != KIND or tree.get("schema") != SCHEMA_VERSION:
        raise ParseError("list of facts is of another kind or version")
    try:
        wire = msgspec.convert(tree, type=_Wire)
        leaves = tuple(_read(each) for each in wire.leaves)
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        raise ParseError(f"list of facts cannot be read: {str(error)[:200]}") from error
    if not 0 < len(leaves) <= MAX_LEAVES:
        raise ParseError(f"list of facts holds {len(leaves)} of them, not 1 to {MAX_LEAVES}")
    return Dossier(
        level=wire.level,
        release=wire.release.id,
        release_digest=wire.release.sha256,
        root=wire.root,
        keelmark=wire.keelmark,
        leaves=leaves,
    )


class _WireLeaf(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    needs: Level
    commitment: str
    salt: str = ""
    value: dict[str, Any] | None = None
    redacted: bool = False


class _WireSection(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    title: str
    needs: Level
    hidden: bool
    why: str


class _WireRelease(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    sha256: str


class _Wire(msgspec.Struct, forbid_unknown_fields=True):
    schema: str
    kind: str
    level: Level
    release: _WireRelease
    root: str
    keelmark: str
    sections: list[_WireSection]
    leaves: list[_WireLeaf]


def _leaf(fact: Fact, secret: bytes) -> Leaf:
    section = SECTIONS.get(fact.section)
    if section is None:
        raise UsageError(f"there is no section for the fact `{fact.name}`")
    salt = salt_for(secret, fact.name)
    return Leaf(
        name=fact.name,
        needs=section.needs,
        commitment=commitment_of(salt, _content(fact.name, fact.value)).hex(),
        salt=salt.hex(),
        value=fact.value,
    )


def _content(name: str, value: Mapping[str, Any]) -> bytes:
    return canonical_json.encode({"name": name, "value": value})


def _is_committed(leaf: Leaf) -> bool:
    if not is_hex(leaf.salt, _SHA256_DIGITS) or leaf.value is None:
        return False
    try:
        content = _content(leaf.name, leaf.value)
    except UsageError:  # A fraction, or text that is no Unicode: nobody committed to that.
        return False
    return commitment_of(bytes.fromhex(leaf.salt), content).hex() == leaf.commitment


def _written(leaf: Leaf) -> dict[str, Any]:
    written: dict[str, Any] = {
        "name": leaf.name,
        "needs": str(leaf.needs),
        "commitment": leaf.commitment,
    }
    return written | ({"redacted": True} if leaf.value is None else {"salt": leaf.salt, "value": leaf.value})


def _read(wire: _WireLeaf) -> Leaf:
    if not is_hex(wire.commitment, _SHA256_DIGITS):
        raise ValueError("a commitment is no SHA-256")
    if wire.redacted != (wire.value is None) or (wire.redacted and wire.salt):
        raise ValueError("a fact is neither shown nor hidden")
    return Leaf(
        name=wire.name, needs=wire.needs, commitment=wire.commitment, salt=wire.salt, value=wire.value
    )

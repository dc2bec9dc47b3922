"""Proofs that an outsider can check without the log: an entry, its place in the tree, and the checkpoint.

The form is JSON. Hashes are in base64, the entry and the checkpoints are text as they are hashed and signed:

    {"format": "keelmark-log-proof/v1", "index": 7, "entry": "{...}", "inclusion": ["..."], "checkpoint": "...",
     "earlier": {"checkpoint": "...", "consistency": ["..."]}}
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import msgspec

from keelmark.core.log import Leaf, TreeHead
from keelmark.errors import ParseError, TrustError
from keelmark.trust import checkpoint, leaf, note
from keelmark.trust.merkle import HASH_BYTES, is_consistent, is_included, leaf_hash

__all__ = ["FORMAT", "Earlier", "Proof", "Proved", "check", "check_earlier", "encode", "parse"]

FORMAT = "keelmark-log-proof/v1"

_MAX_BYTES = 1024**2
_MAX_PATH = 64
_MAX_CONSISTENCY = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """An earlier checkpoint, and the hashes that prove the later one to go on from it."""

    checkpoint: note.Note
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A proof as it was read. Nothing in it may be believed before `check`, and before its checkpoint is verified."""

    index: int
    entry: bytes
    path: tuple[bytes, ...]
    checkpoint: note.Note
    earlier: Earlier | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """What a proof proves, provided that its checkpoint is trusted.

    Attributes:
        head: What the checkpoint states.
        leaf: The entry.
        earlier: What the earlier checkpoint states, when there is one; `head` goes on from it.
    """

    head: TreeHead
    leaf: Leaf
    earlier: TreeHead | None = None


class _WireEarlier(msgspec.Struct, forbid_unknown_fields=True):
    checkpoint: str
    consistency: list[str]


class _Wire(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    format: str
    index: int
    entry: str
    inclusion: list[str]
    checkpoint: str
    earlier: _WireEarlier | None = None


def check(proof: Proof) -> Proved:
    """What the proof proves; signatures are not looked at here.

    Raises:
        TrustError: It does not hold.
        ParseError: What it is about is no entry or no checkpoint.
    """
    head = checkpoint.head_of(proof.checkpoint.text)
    hashed = leaf_hash(proof.entry)
    if not is_included(hashed, proof.path, index=proof.index, size=head.size, root=head.root):
        raise TrustError(
            f"entry {proof.index} is not in the log of the checkpoint",
            hint="the proof was changed, or made for another checkpoint",
        )
    earlier = check_earlier(proof.earlier, head) if proof.earlier else None
    return Proved(head=head, leaf=leaf.parse(proof.entry), earlier=earlier)


def check_earlier(earlier: Earlier, head: TreeHead) -> TreeHead:
    """What the earlier checkpoint states, when the head goes on from it.

    Raises:
        TrustError: It does not.
        ParseError: It is no checkpoint.
    """
    before = checkpoint.head_of(earlier.checkpoint.text)
    if before.origin != head.origin:
        raise TrustError(f"the earlier checkpoint is of another log, `{before.origin}`")
    if not is_consistent(
        earlier.path, before=before.size, before_root=before.root, after=head.size, after_root=head.root
    ):
        raise TrustError(
            f"the log of {head.size} entries does not go on from the one of {before.size}",
            hint="entries were changed or removed in between",
        )
    return before


def encode(proof: Proof) -> bytes:
    """The proof as JSON, ending with a line feed."""
    earlier = None
    if proof.earlier is not None:
        text = note.encode(proof.earlier.checkpoint).decode()
        earlier = _WireEarlier(checkpoint=text, consistency=_texts(proof.earlier.path))
    wire = _Wire(
        format=FORMAT,
        index=proof.index,
        entry=proof.entry.decode(),
        inclusion=_texts(proof.path),
        checkpoint=note.encode(proof.checkpoint).decode(),
        earlier=earlier,
    )
    return msgspec.json.format(msgspec.json.encode(wire), indent=2) + b"\n"


def parse(data: bytes) -> Proof:
    """Read a proof; nothing is checked yet.

    Raises:
        ParseError: It is none.
    """
    if len(data) > _MAX_BYTES:
        raise ParseError(f"proof is longer than {_MAX_BYTES} bytes")
    try:
        wire = msgspec.json.decode(data, type=_Wire)
        proof = Proof(
            index=wire.index,
            entry=wire.entry.encode(),
            path=_hashes(wire.inclusion, _MAX_PATH),
            checkpoint=note.parse(wire.checkpoint.encode()),
            earlier=None if wire.earlier is None else _earlier(wire.earlier),
        )
    except (msgspec.DecodeError, binascii.Error, ValueError, RecursionError) as error:
        raise ParseError(
            "no proof of a log",
            hint="keelmark log prove writes one; it is JSON with an entry and a checkpoint",
        ) from error
    if wire.format != FORMAT:
        raise ParseError(f"proof has the form `{wire.format[:100]}`, not `{FORMAT}`")
    return proof


def _earlier(wire: _WireEarlier) -> Earlier:
    return Earlier(
        checkpoint=note.parse(wire.checkpoint.encode()), path=_hashes(wire.consistency, _MAX_CONSISTENCY)
    )


def _texts(hashes: tuple[bytes, ...]) -> list[str]:
    return [base64.b64encode(each).decode() for each in hashes]


def _hashes(texts: list[str], limit: int) -> tuple[bytes, ...]:
    found = tuple(base64.b64decode(text, validate=True) for text in texts[: limit + 1])
    if len(found) > limit or any(len(each) != HASH_BYTES for each in found):
        raise ValueError("not a path of hashes")
    return found

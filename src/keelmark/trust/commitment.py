"""Commitments: what binds to a fact without telling it, and one root over many of them.

A commitment is SHA-256 over 32 bytes of salt and the fact as canonical JSON. Who has the salt and the fact can check it; who
has neither learns nothing, however few values the fact could have. Salts follow from one secret and the name of the
fact, so that the same secret gives the same tree again.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from keelmark.trust.merkle import Frontier, leaf_hash

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SECRET_BYTES", "commitment_of", "root_over", "salt_for"]

SECRET_BYTES = 32


def salt_for(secret: bytes, name: str) -> bytes:
    """The salt of the fact with this name: HMAC-SHA-256 with the secret as its key."""
    return hmac.digest(secret, name.encode(), hashlib.sha256)


def commitment_of(salt: bytes, content: bytes) -> bytes:
    """What binds to the content.

    Raises:
        ValueError: The salt has another length, so that its end could pass for content.
    """
    if len(salt) != SECRET_BYTES:
        raise ValueError(f"a salt has {SECRET_BYTES} bytes")
    return hashlib.sha256(salt + content).digest()


def root_over(rows: Iterable[bytes]) -> bytes:
    """Root of the Merkle tree over rows in their order, hashed as RFC 6962 does."""
    tree = Frontier()
    tree.extend(map(leaf_hash, rows))
    return tree.root()

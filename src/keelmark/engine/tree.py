"""One digest for all assessed files, so that a decision can be held to what it was made about."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["tree_digest"]


def tree_digest(files: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over paths and digests, in the order given; "" when one digest is not known."""
    tree = hashlib.sha256()
    for path, digest in files:
        if not digest:
            return ""
        tree.update(f"{path}\0{digest}\n".encode("utf-8", "surrogatepass"))
    return tree.hexdigest()

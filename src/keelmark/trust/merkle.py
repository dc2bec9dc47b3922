"""Merkle trees as RFC 6962 and RFC 9162 define them: roots, and proofs that outsiders can check.

Leaves and inner nodes are hashed with different first bytes, so that no leaf can pass for a node. Nothing here reads or
keeps anything: proofs are made from a function that gives the hash of a complete subtree by its level (leaves are level
0) and its index in that level.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "Frontier",
    "SubtreeHash",
    "consistency_path",
    "inclusion_path",
    "is_consistent",
    "is_included",
    "leaf_hash",
    "node_hash",
    "root_of",
    "row_above",
]

SubtreeHash = Callable[[int, int], bytes]
"""Gives the hash of the complete subtree of `2**level` leaves that begins at leaf `index * 2**level`."""

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

_sha256 = hashlib.sha256


def leaf_hash(entry: bytes) -> bytes:
    """Hash of a leaf."""
    return _sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return _sha256(b"\x01" + left + right).digest()


def row_above(row: bytes) -> bytes:
    """Hashes of all pairs in a row of hashes; an odd one at the end is left out."""
    pairs = len(row) // (2 * HASH_BYTES)
    sha256 = _sha256
    return b"".join([sha256(b"\x01" + row[at : at + 64]).digest() for at in range(0, 64 * pairs, 64)])


class Frontier:
    """A tree that only grows, in as many hashes as its size has bits set.

    Each hash stands for one complete subtree, from the widest at the left to the narrowest at the right.
    """

    __slots__ = ("_peaks", "size")

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def extend(self, hashes: Iterable[bytes]) -> None:
        """Add leaves by their hashes."""
        peaks, size, sha256 = self._peaks, self.size, _sha256
        for each in hashes:
            grown, rest = each, size
            while rest & 1:
                grown = sha256(b"\x01" + peaks.pop() + grown).digest()
                rest >>= 1
            peaks.append(grown)
            size += 1
        self.size = size

    def root(self) -> bytes:
        """Root of the tree as it stands."""
        return _folded(self._peaks)


def root_of(size: int, hash_at: SubtreeHash) -> bytes:
    """Root of the tree of the first `size` leaves."""
    return _span(0, size, hash_at) if size else EMPTY_ROOT


def inclusion_path(index: int, size: int, hash_at: SubtreeHash) -> tuple[bytes, ...]:
    """Proof that the leaf at `index` is in the tree of `size` leaves, from the leaf upwards (RFC 6962, 2.1.1).

    Raises:
        ValueError: There is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has none at {index}")
    start, end = 0, size
    spans: list[tuple[int, int]] = []
    while end - start > 1:
        middle = start + _left_width(end - start)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return tuple(_span(*span, hash_at) for span in reversed(spans))


def consistency_path(before: int, after: int, hash_at: SubtreeHash) -> tuple[bytes, ...]:
    """Proof that the tree of `before` leaves is the beginning of that of `after` leaves (RFC 6962, 2.1.2).

    The empty tree is the beginning of every tree; the proof of that is empty.

    Raises:
        ValueError: The earlier tree is the larger one.
    """
    if not 0 <= before <= after:
        raise ValueError(f"a tree of {before} leaves is not the beginning of one of {after}")
    if before == 0:
        return ()
    start, end = 0, after
    spans: list[tuple[int, int]] = []
    while before != end:
        middle = start + _left_width(end - start)
        if before <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    if (
        start
    ):  # The earlier root is not itself a node of the later tree, so the proof begins with its last part.
        spans.append((start, end))
    return tuple(_span(*span, hash_at) for span in reversed(spans))


def is_included(leaf: bytes, path: Sequence[bytes], *, index: int, size: int, root: bytes) -> bool:
    """Whether the path proves a leaf, given by its hash, to be in the tree (RFC 9162, 2.1.3.2)."""
    sides = _sides(index, size - 1, len(path)) if 0 <= index < size else None
    if sides is None:
        return False
    result = leaf
    for each, is_left in zip(path, sides, strict=True):
        result = node_hash(each, result) if is_left else node_hash(result, each)
    return result == root


def is_consistent(
    path: Sequence[bytes], *, before: int, before_root: bytes, after: int, after_root: bytes
) -> bool:
    """Whether the path proves one tree to be the beginning of another (RFC 9162, 2.1.4.2)."""
    if not 0 <= before <= after:
        return False
    if before == 0:
        return not path and before_root == EMPTY_ROOT and (after > 0 or after_root == EMPTY_ROOT)
    if before == after:
        return not path and before_root == after_root
    steps = list(path)
    if (
        before & (before - 1) == 0
    ):  # The earlier root is a node of the later tree and is not repeated in the proof.
        steps.insert(0, before_root)
    node, last = before - 1, after - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    sides = _sides(node, last, len(steps) - 1)
    if not steps or sides is None:
        return False
    old = new = steps[0]
    for each, is_left in zip(steps[1:], sides, strict=True):
        old = node_hash(each, old) if is_left else old
        new = node_hash(each, new) if is_left else node_hash(new, each)
    return old == before_root and new == after_root


def _sides(node: int, last: int, count: int) -> list[bool] | None:
    """For each hash on the way up from a node, whether it belongs at the left; None when the way is not that long.

    Args:
        node: Index of the node in its level.
        last: Index of the last node of that level.
        count: How many hashes there are.
    """
    sides: list[bool] = []
    for _ in range(count):
        if last == 0:
            return None
        sides.append(bool(node & 1) or node == last)
        while sides[-1] and node and not node & 1:  # A lone node at the right rises until it has a sibling.
            node, last = node >> 1, last >> 1
        node, last = node >> 1, last >> 1
    return sides if last == 0 else None


def _left_width(width: int) -> int:
    """The largest power of two below `width`."""
    return 1 << ((width - 1).bit_length() - 1)


def _span(start: int, end: int, hash_at: SubtreeHash) -> bytes:
    """Hash over the leaves from `start` to before `end`, where `start` is a multiple of the widest complete part."""
    peaks: list[bytes] = []
    while start < end:
        level = (end - start).bit_length() - 1
        peaks.append(hash_at(level, start >> level))
        start += 1 << level
    return _folded(peaks)


def _folded(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return EMPTY_ROOT
    result = peaks[-1]
    for each in reversed(peaks[:-1]):
        result = node_hash(each, result)
    return result

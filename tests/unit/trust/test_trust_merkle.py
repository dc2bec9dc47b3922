"""The tree hashes and proves as RFC 6962 says, and as another implementation does."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from keelmark.trust import merkle
from keelmark.trust.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_path,
    inclusion_path,
    is_consistent,
    is_included,
    leaf_hash,
    node_hash,
    root_of,
)

ENTRIES = [b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"\x40\x41\x42\x43", b"\x50" * 8, b"\x60" * 16]
MAX = 400


def hashes_at(entries: list[bytes]):
    """Complete subtrees by plain recursion, straight from the definition."""
    leaves = [leaf_hash(entry) for entry in entries]

    def hash_at(level: int, index: int) -> bytes:
        if level == 0:
            return leaves[index]
        return node_hash(hash_at(level - 1, 2 * index), hash_at(level - 1, 2 * index + 1))

    return hash_at


def defined_root(entries: list[bytes]) -> bytes:
    if not entries:
        return hashlib.sha256().digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\0" + entries[0]).digest()
    split = 1
    while split * 2 < len(entries):
        split *= 2
    return hashlib.sha256(b"\1" + defined_root(entries[:split]) + defined_root(entries[split:])).digest()


def defined_consistency(before: int, entries: list[bytes], *, is_known: bool = True) -> list[bytes]:
    if before == len(entries):
        return [] if is_known else [defined_root(entries)]
    split = 1
    while split * 2 < len(entries):
        split *= 2
    left, right = entries[:split], entries[split:]
    if before <= split:
        return [*defined_consistency(before, left, is_known=is_known), defined_root(right)]
    return [*defined_consistency(before - split, right, is_known=False), defined_root(left)]


def frontier_of(entries: list[bytes]) -> Frontier:
    tree = Frontier()
    tree.extend(map(leaf_hash, entries))
    return tree


def named(count: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(count)]


def test_roots_are_those_of_the_definition() -> None:
    for size in range(len(ENTRIES) + 1):
        expected = defined_root(ENTRIES[:size])
        assert frontier_of(ENTRIES[:size]).root() == expected
        assert root_of(size, hashes_at(ENTRIES)) == expected


def test_known_roots_of_other_implementations() -> None:
    # The entries and roots that certificate transparency implementations test with.
    known = [
        bytes.fromhex(text)
        for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
    ]  # fmt: skip
    assert (
        frontier_of(known[:1]).root().hex()
        == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )
    assert (
        frontier_of(known).root().hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    )


def test_leaf_never_hashes_like_a_node() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)
    assert frontier_of([]).root() == EMPTY_ROOT


@settings(max_examples=60, deadline=None)
@given(st.integers(1, MAX), st.data())
def test_proofs_are_those_of_pymerkle(size: int, data: st.DataObject) -> None:
    entries = named(size)
    peer, hash_at = InmemoryTree(), hashes_at(entries)
    for entry in entries:
        peer.append_entry(entry)
    root = frontier_of(entries).root()
    assert root == peer.get_root()
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_path(index, size, hash_at)
    assert list(path) == peer.prove_inclusion(index + 1, size).path[1:]
    assert is_included(leaf_hash(entries[index]), path, index=index, size=size, root=root)
    before = data.draw(st.integers(1, size))
    consistency = consistency_path(before, size, hash_at)
    # Their proofs of consistency have a layout of their own; their roots, and the definition, say what ours must be.
    assert list(consistency) == defined_consistency(before, entries)
    assert is_consistent(
        consistency, before=before, before_root=peer.get_root(before), after=size, after_root=root
    )


def test_all_proofs_of_small_trees_hold_and_nothing_else_does() -> None:
    entries = named(20)
    hash_at = hashes_at(entries)
    roots = [frontier_of(entries[:size]).root() for size in range(21)]
    for size in range(1, 21):
        for index in range(size):
            path = inclusion_path(index, size, hash_at)
            for other in range(size):
                holds = is_included(leaf_hash(entries[other]), path, index=index, size=size, root=roots[size])
                assert holds == (other == index)
        for before in range(size + 1):
            path = consistency_path(before, size, hash_at)
            for other in range(21):
                holds = is_consistent(
                    path, before=before, before_root=roots[other], after=size, after_root=roots[size]
                )
                assert holds == (other == before)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, MAX), st.data())
def test_a_changed_proof_never_holds(size: int, data: st.DataObject) -> None:
    entries = named(size)
    hash_at, root = hashes_at(entries), frontier_of(entries).root()
    index = data.draw(st.integers(0, size - 1))
    before = data.draw(st.integers(1, size - 1))
    changes = [lambda path: path[:-1], lambda path: [*path, root], lambda path: path[1:]]
    at, bit = data.draw(st.integers(0, 20)), data.draw(st.integers(0, 255))

    def flipped(path: list[bytes]) -> list[bytes]:
        where = at % len(path)
        value = bytearray(path[where])
        value[bit // 8] ^= 1 << bit % 8
        return [*path[:where], bytes(value), *path[where + 1 :]]

    change = data.draw(st.sampled_from([*changes, flipped]))
    path = change(list(inclusion_path(index, size, hash_at)))
    assert not is_included(leaf_hash(entries[index]), path, index=index, size=size, root=root)
    steps = change(list(consistency_path(before, size, hash_at)))
    earlier = frontier_of(entries[:before]).root()
    assert not is_consistent(steps, before=before, before_root=earlier, after=size, after_root=root)


@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(-2, 2**70), st.integers(-2, 2**70))
def test_any_proof_gets_an_answer(path: list[bytes], first: int, second: int) -> None:
    assert not is_included(b"", path, index=first, size=second, root=b"?")
    assert not is_consistent(path, before=first, before_root=b"!", after=second, after_root=b"?")


def test_the_empty_tree_is_the_beginning_of_every_tree() -> None:
    root = leaf_hash(b"x")
    assert consistency_path(0, 5, hashes_at([])) == ()
    assert is_consistent((), before=0, before_root=EMPTY_ROOT, after=1, after_root=root)
    assert is_consistent((), before=0, before_root=EMPTY_ROOT, after=0, after_root=EMPTY_ROOT)
    assert not is_consistent((), before=0, before_root=EMPTY_ROOT, after=0, after_root=root)
    assert not is_consistent((), before=0, before_root=root, after=1, after_root=root)
    assert not is_consistent((root,), before=0, before_root=EMPTY_ROOT, after=1, after_root=root)


def test_what_is_not_there_cannot_be_proved() -> None:
    with pytest.raises(ValueError, match="has none at 3"):
        inclusion_path(3, 3, hashes_at(ENTRIES))
    with pytest.raises(ValueError, match="not the beginning"):
        consistency_path(4, 3, hashes_at(ENTRIES))


def test_an_odd_hash_is_left_out_of_the_row_above() -> None:
    first, second, third = map(leaf_hash, (b"1", b"2", b"3"))
    assert merkle.row_above(first + second + third) == node_hash(first, second)


def test_a_path_must_be_as_long_as_the_size_asks() -> None:
    left, right = leaf_hash(b"1"), leaf_hash(b"2")
    root = node_hash(left, right)
    assert is_included(left, [right], index=0, size=2, root=root)
    for size in (3, 4, 5, 100):
        assert not is_included(left, [right], index=0, size=size, root=root)
    assert not is_included(root, [], index=0, size=2, root=root)
    assert is_consistent([right], before=1, before_root=left, after=2, after_root=root)
    for size in (3, 4, 100):
        assert not is_consistent([right], before=1, before_root=left, after=size, after_root=root)

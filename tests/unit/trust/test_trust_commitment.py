"""Commitments bind, and tell nothing to whoever has no salt."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from keelmark.trust.commitment import SECRET_BYTES, commitment_of, root_over, salt_for

SECRET = bytes(range(SECRET_BYTES))


def test_salt_follows_from_secret_and_name() -> None:
    assert salt_for(SECRET, "a") == salt_for(SECRET, "a")
    assert len({salt_for(SECRET, "a"), salt_for(SECRET, "b"), salt_for(bytes(32), "a")}) == 3
    assert len(salt_for(SECRET, "ä")) == SECRET_BYTES


def test_commitment_is_the_digest_over_salt_and_content() -> None:
    salt = salt_for(SECRET, "a")
    assert commitment_of(salt, b"x") == hashlib.sha256(salt + b"x").digest()


@pytest.mark.parametrize("size", [0, 31, 33])
def test_salt_of_another_length_is_refused(size) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        commitment_of(bytes(size), b"x")


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=40))
def test_root_is_that_of_another_program(rows) -> None:
    tree = InmemoryTree(algorithm="sha256")
    for row in rows:
        tree.append_entry(row)
    assert root_over(rows) == tree.get_root()

"""Manifests of model signatures: what the form promises is held to."""

from __future__ import annotations

import hashlib

import pytest

from keelmark.errors import ParseError
from keelmark.trust.model_manifest import (
    COMPAT_TYPE,
    PREDICATE_TYPE,
    Manifest,
    Resource,
    Serialization,
    is_under,
    manifest_of,
    statement_of,
)
from keelmark.trust.statement import Statement, Subject

A, B = "aa" * 32, "bb" * 32


def root_of(*digests: str) -> str:
    return hashlib.sha256(b"".join(map(bytes.fromhex, digests))).hexdigest()


def statement(resources, *, serialization=None, subjects=None, digest=None) -> Statement:
    found = [{"name": name, "digest": value, "algorithm": algorithm} for name, value, algorithm in resources]
    root = digest or root_of(*(value for _, value, _ in resources))
    return Statement(
        predicate_type=PREDICATE_TYPE,
        subjects=subjects or (Subject(name="m", digest={"sha256": root}),),
        predicate={
            "serialization": serialization
            if serialization is not None
            else {"method": "files", "hash_type": "sha256", "allow_symlinks": False},
            "resources": found,
        },
    )


def test_manifest_comes_back_as_it_was_in_the_order_of_the_form() -> None:
    manifest = Manifest(
        name="m",
        resources=(Resource(path="a/b", digest=A), Resource(path="a.txt", digest=B)),
        serialization=Serialization(ignore_paths=("model.sig", ".git")),
    )
    again = manifest_of(statement_of(manifest))
    assert again == manifest
    assert again.digest == root_of(A, B)


PIECES = {"method": "shards", "hash_type": "sha256", "allow_symlinks": False, "shard_size": 10.0}


def test_pieces_of_files_are_read() -> None:
    found = manifest_of(
        statement(
            [("f:0:10", A, "sha256-sharded-10"), ("f:10:13", B, "sha256-sharded-10")], serialization=PIECES
        )
    )
    assert [(each.path, each.start, each.end) for each in found.resources] == [("f", 0, 10), ("f", 10, 13)]
    assert found.resources[1].name == "f:10:13"


@pytest.mark.parametrize(
    "names",
    [("f:0:10", "f:11:13"), ("f:1:10",), ("f:0:0",), ("f:0:10", "f:5:13"), ("f",), ("f:a:b",), ("f:00:10",)],
)
def test_pieces_with_a_gap_are_refused(names) -> None:
    with pytest.raises(ParseError):
        manifest_of(statement([(name, A, "sha256") for name in names], serialization=PIECES))


def test_version_0_2_is_read() -> None:
    old = Statement(predicate_type=COMPAT_TYPE, subjects=(Subject(name="w.bin", digest={"sha256": A}),))
    found = manifest_of(old)
    assert found.is_compat
    assert found.resources == (Resource(path="w.bin", digest=A),)
    with pytest.raises(ParseError):
        manifest_of(
            Statement(predicate_type=COMPAT_TYPE, subjects=(Subject(name="w", digest={"sha512": A}),))
        )


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a/../../x", "a//b", "", "a\0b", "./a", "a/.", "x" * 5_000, 7]
)
def test_paths_that_lead_elsewhere_are_refused(path) -> None:
    with pytest.raises(ParseError):
        manifest_of(statement([(path, A, "sha256")]))


@pytest.mark.parametrize(
    "broken",
    [
        statement([("a", A, "sha256"), ("a", A, "sha256")]),
        statement([("a", A, "sha256")], digest=B),
        statement([("a", A, "md5")]),
        statement([("a", "zz", "sha256")], digest=A),
        statement([("a", "aa", "sha256")]),
        statement([], serialization={"method": "other", "hash_type": "sha256"}),
        statement([], serialization={"method": "files", "hash_type": "md5"}),
        statement([], serialization={"method": "files", "hash_type": "sha256", "allow_symlinks": "no"}),
        statement([], serialization={"method": "files", "hash_type": "sha256", "ignore_paths": "x"}),
        statement([], serialization={"method": "files", "hash_type": "sha256", "ignore_paths": ["../x"]}),
        statement([], serialization={"method": "shards", "hash_type": "sha256"}),
        statement([], serialization={"method": "shards", "hash_type": "sha256", "shard_size": True}),
        statement([], serialization=[]),
        Statement(
            predicate_type=PREDICATE_TYPE,
            subjects=(Subject(name="a", digest={"sha256": A}),),
            predicate={"serialization": {"method": "files", "hash_type": "sha256"}, "resources": {}},
        ),
        statement([("a", A, "sha256")], subjects=(Subject(name="a", digest={"sha256": A}),) * 2),
        Statement(predicate_type="https://slsa.dev/provenance/v1", subjects=()),
        Statement(predicate_type=PREDICATE_TYPE, subjects=(Subject(name="a", digest={"sha256": A}),)),
    ],
)
def test_what_breaks_a_promise_of_the_form_is_refused(broken) -> None:
    with pytest.raises(ParseError):
        manifest_of(broken)


def test_folders_hold_what_lies_in_them_and_nothing_beside() -> None:
    assert is_under(".git/a/b", {".git"})
    assert is_under(".git", {".git"})
    assert is_under("anything", {"."})
    assert not is_under(".gitignore", {".git"})
    assert not is_under("a/.git", {".git"})

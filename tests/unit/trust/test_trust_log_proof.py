"""A proof can be checked without the log, and nothing in it can be changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.log import LogEntry, LogKind, TreeHead
from keelmark.errors import ParseError, TrustError
from keelmark.trust import checkpoint, leaf, log_proof, note
from keelmark.trust.merkle import consistency_path, inclusion_path, root_of
from keelmark.trust.tiles import TileBuilder, hashes_of

NOW = datetime(2026, 1, 31, tzinfo=UTC)
ENTRIES = [
    leaf.stamped([leaf.body_of(LogEntry(kind=LogKind.FINDINGS, record=b"%d" % number))[1]], time=NOW)[0]
    for number in range(11)
]


def made(*, index: int = 7, before: int | None = 5, origin: str = "example.org/log") -> log_proof.Proof:
    builder = TileBuilder()
    files = dict(builder.extend(ENTRIES))
    files.update(builder.partial())
    hash_at = hashes_of(11, files.__getitem__)

    def unsigned(size: int, name: str) -> note.Note:
        head = TreeHead(origin=name, size=size, root=root_of(size, hash_at))
        return note.Note(text=checkpoint.text_of(head))

    earlier = None
    if before is not None:
        path = consistency_path(before, 11, hash_at)
        earlier = log_proof.Earlier(checkpoint=unsigned(before, origin), path=path)
    return log_proof.Proof(
        index=index,
        entry=ENTRIES[index],
        path=inclusion_path(index, 11, hash_at),
        checkpoint=unsigned(11, "example.org/log"),
        earlier=earlier,
    )


@pytest.mark.parametrize("before", [None, 0, 5, 8, 11])
def test_proof_is_read_back_and_holds(before: int | None) -> None:
    proof = made(before=before)
    assert log_proof.parse(log_proof.encode(proof)) == proof
    proved = log_proof.check(proof)
    assert proved.leaf.record == leaf.digest_of(b"7")
    assert proved.head.size == 11
    assert (proved.earlier.size if proved.earlier else None) == before


def test_every_change_is_noticed() -> None:
    document = json.loads(log_proof.encode(made()))
    other = json.loads(log_proof.encode(made(index=3, before=8)))
    changes = [(key, other[key]) for key in ("index", "entry", "inclusion")]
    changes.append(("inclusion", document["inclusion"][:-1]))
    changes.append(("earlier", {**document["earlier"], "consistency": []}))
    changes.append(("earlier", {**document["earlier"], "checkpoint": other["earlier"]["checkpoint"]}))
    changes.append(("checkpoint", document["earlier"]["checkpoint"]))
    for key, value in changes:
        proof = log_proof.parse(json.dumps({**document, key: value}).encode())
        with pytest.raises(TrustError):
            log_proof.check(proof)
    with pytest.raises(TrustError, match="another log"):
        log_proof.check(made(origin="example.org/other"))


def test_what_is_no_proof_is_refused() -> None:
    document = json.loads(log_proof.encode(made()))
    broken = [
        {**document, "format": "other/v1"}, {**document, "more": 1}, {**document, "inclusion": ["AAAA"]},
        {**document, "inclusion": ["!"]}, {**document, "inclusion": document["inclusion"] * 30},
        {**document, "checkpoint": "no note"}, {**document, "earlier": {}}, {**document, "index": "7"}, [], None,
    ]  # fmt: skip
    for each in broken:
        with pytest.raises(ParseError):
            log_proof.parse(json.dumps(each).encode())
    with pytest.raises(ParseError, match="longer"):
        log_proof.parse(b" " * 1_048_577)
    strange = log_proof.parse(json.dumps({**document, "checkpoint": "a\nb\nc\n\n"}).encode())
    with pytest.raises(ParseError, match="checkpoint"):
        log_proof.check(strange)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_proof_or_none(data: bytes) -> None:
    with pytest.raises(ParseError):
        log_proof.parse(data)

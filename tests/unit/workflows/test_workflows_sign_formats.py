"""Signatures of other programs and versions: other digests, files in pieces, version 0.2."""

from __future__ import annotations

import base64
import hashlib
import json

import blake3
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from tests.corpus.certificates import private_pem
from tests.unit.workflows.signed_models import (
    FILES,
    KEY,
    RAW_KEY,
    STRANGER,
    differences,
    flip,
    model_in,
    verified,
)

from keelmark.core.outcome import Outcome
from keelmark.core.signature import Change
from keelmark.errors import UsageError
from keelmark.trust import bundle, statement
from keelmark.trust.keys import load_private
from keelmark.trust.model_manifest import COMPAT_TYPE, PREDICATE_TYPE
from keelmark.trust.statement import Statement, Subject
from keelmark.workflows.verify_model import Trust


@pytest.fixture
def model(tmp_path):
    return model_in(tmp_path / "model")


def written(model, document: Statement, key=RAW_KEY, *, compat=None) -> None:
    """A signature file by hand, so that forms are tested that are only read."""
    payload = statement.encode(document)
    made = bundle.sign(statement.PAYLOAD_TYPE, payload, signers=[load_private(private_pem(key))])
    data = bundle.encode(made)
    if compat:
        kind = statement.PAYLOAD_TYPE
        signature = key.sign(
            f"DSSEV1 {len(kind)} {kind} {len(payload)} {payload!r}".encode(), ec.ECDSA(compat)
        )
        tree = json.loads(data)
        tree["dsseEnvelope"]["signatures"][0]["sig"] = base64.b64encode(signature).decode()
        tree["dsseEnvelope"]["signatures"][0]["keyid"] = None
        del tree["verificationMaterial"]["publicKey"]["hint"]
        data = json.dumps(tree).encode()
    (model.parent / "model.sig").write_bytes(data)


def model_statement(resources, **serialization) -> Statement:
    root = hashlib.sha256(b"".join(bytes.fromhex(each["digest"]) for each in resources)).hexdigest()
    return Statement(
        predicate_type=PREDICATE_TYPE,
        subjects=(Subject(name="model", digest={"sha256": root}),),
        predicate={
            "resources": resources,
            "serialization": {"method": "files", "allow_symlinks": False, **serialization},
        },
    )


@pytest.mark.parametrize("algorithm", ["sha256", "blake2b", "blake3"])
def test_digests_of_other_kinds_are_verified(model, algorithm) -> None:
    maker = blake3.blake3 if algorithm == "blake3" else getattr(hashlib, algorithm)
    resources = [
        {"name": name, "algorithm": algorithm, "digest": maker(FILES[name]).hexdigest()} for name in FILES
    ]
    written(model, model_statement(resources, hash_type=algorithm))
    assert verified(model).outcome is Outcome.PASS
    flip(model)
    assert differences(verified(model)) == {"w.bin": Change.CHANGED}


def test_missing_package_for_blake3_is_told(model, monkeypatch) -> None:
    digest = blake3.blake3(b"x").hexdigest()
    written(
        model,
        model_statement([{"name": "w.bin", "algorithm": "blake3", "digest": digest}], hash_type="blake3"),
    )
    monkeypatch.setitem(__import__("sys").modules, "blake3", None)
    with pytest.raises(UsageError, match="BLAKE3"):
        verified(model)


def test_files_in_pieces_are_verified(model) -> None:
    data = FILES["w.bin"]
    spans = [(start, min(start + 1000, len(data))) for start in range(0, len(data), 1000)]
    resources = [
        {
            "name": f"w.bin:{start}:{end}",
            "algorithm": "sha256-sharded-1000",
            "digest": hashlib.sha256(data[start:end]).hexdigest(),
        }
        for start, end in spans
    ]
    written(model, model_statement(resources, method="shards", hash_type="sha256", shard_size=1000))
    rest = tuple(name for name in FILES if name != "w.bin")
    assert verified(model, allow_unsigned=rest).outcome is Outcome.PASS
    flip(model)
    assert differences(verified(model, allow_unsigned=rest)) == {"w.bin": Change.CHANGED}
    (model / "w.bin").write_bytes(data + b"x")
    assert differences(verified(model, allow_unsigned=rest)) == {"w.bin": Change.CHANGED}


def old_statement() -> Statement:
    subjects = tuple(
        Subject(name=name, digest={"sha256": hashlib.sha256(FILES[name]).hexdigest()}) for name in FILES
    )
    return Statement(predicate_type=COMPAT_TYPE, subjects=subjects, predicate={"unused": "x"})


@pytest.mark.parametrize("digest", [hashes.SHA256(), None])
def test_version_0_2_verifies_with_a_note(model, digest) -> None:
    written(model, old_statement(), compat=digest)
    found = verified(model)
    assert found.outcome is Outcome.PASS
    assert "0.2" in found.notes[0]
    flip(model)
    assert differences(verified(model)) == {"w.bin": Change.CHANGED}


def test_faulty_signing_of_version_0_2_counts_for_it_alone(model) -> None:
    written(model, model_statement([], hash_type="sha256"), compat=hashes.SHA256())
    assert "faulty way" in verified(model).reasons[0]


def test_signature_over_nothing_is_no_pass(model) -> None:
    written(model, model_statement([], hash_type="sha256"))
    found = verified(model, allow_unsigned=(".",))
    assert found.outcome is Outcome.FAIL
    assert "no file at all" in found.reasons[0]


def test_statement_of_another_kind_is_no_model_signature(model) -> None:
    subject = Subject(name="m", digest={"sha256": "ab" * 32})
    written(model, Statement(predicate_type="https://slsa.dev/provenance/v1", subjects=(subject,)))
    assert "no model" in verified(model).reasons[0]
    other = Trust(keys=(STRANGER.public, KEY.public))
    assert "no model" in verified(model, other).reasons[0]
    made = bundle.sign("text/plain", b"{}", signers=[KEY])
    (model.parent / "model.sig").write_bytes(bundle.encode(made))
    assert "not over a statement" in verified(model).reasons[0]

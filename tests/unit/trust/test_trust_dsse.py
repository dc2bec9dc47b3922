"""Envelopes: what was signed, by whom, and nothing else."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.errors import KeelmarkError, ParseError, TrustError
from keelmark.trust import dsse
from keelmark.trust.keys import load_private, load_public

KIND = "application/vnd.keelmark.test+json"


def pem_of(key, password: bytes | None = None) -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


KEYS = {
    "ed25519": load_private(pem_of(ed25519.Ed25519PrivateKey.generate())),
    "ecdsa-p256-sha256": load_private(pem_of(ec.generate_private_key(ec.SECP256R1()))),
    "ecdsa-p384-sha384": load_private(pem_of(ec.generate_private_key(ec.SECP384R1()))),
}
OTHER = load_private(pem_of(ed25519.Ed25519PrivateKey.generate()))


@pytest.mark.parametrize("algorithm", KEYS)
def test_what_was_signed_is_verified(algorithm) -> None:
    key = KEYS[algorithm]
    assert key.public.algorithm == algorithm
    envelope = dsse.parse(dsse.encode(dsse.sign(KIND, b"{}", keys=[key, OTHER])))
    assert envelope.payload == b"{}"
    public = load_public(key.public.pem.encode())
    assert public.keyid == key.public.keyid
    assert dsse.verify(envelope, payload_type=KIND, keys=[public]) == (key.public.keyid,)
    assert len(dsse.verify(envelope, payload_type=KIND, keys=[public, OTHER.public, public])) == 2


@pytest.mark.parametrize("change", ["payload", "kind", "signature", "key", "none"])
def test_what_was_changed_is_not_verified(change) -> None:
    key = KEYS["ed25519"]
    document = json.loads(dsse.encode(dsse.sign(KIND, b'{"a": 1}', keys=[key])))
    trusted, kind = key.public, KIND
    if change == "payload":
        document["payload"] = base64.b64encode(b'{"a": 2}').decode()
    elif change == "kind":
        document["payloadType"] = kind = "application/other"
    elif change == "signature":
        document["signatures"][0]["sig"] = base64.b64encode(bytes(64)).decode()
    elif change == "key":
        trusted = OTHER.public
    else:
        document["signatures"] = []
    with pytest.raises(TrustError, match="none of the trusted keys"):
        dsse.verify(dsse.parse(json.dumps(document).encode()), payload_type=kind, keys=[trusted])


def test_a_payload_is_not_taken_for_one_of_another_kind() -> None:
    envelope = dsse.sign("application/other", b"{}", keys=[OTHER])
    with pytest.raises(TrustError, match="not `application/vnd"):
        dsse.verify(envelope, payload_type=KIND, keys=[OTHER.public])


def test_the_encoding_is_that_of_the_specification() -> None:
    # The example of the protocol's own text.
    assert dsse.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b'{"payload": "!", "payloadType": "x", "signatures": []}', b"\xff", b"[" * 100_000],
)
def test_what_is_no_envelope_is_said_so(data) -> None:
    with pytest.raises(ParseError):
        dsse.parse(data)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_valid_input(data) -> None:
    with pytest.raises(KeelmarkError):
        dsse.parse(data)


def test_keys_of_other_kinds_are_refused() -> None:
    with pytest.raises(TrustError, match="is not used"):
        load_private(pem_of(rsa.generate_private_key(public_exponent=65537, key_size=2048)))
    with pytest.raises(TrustError, match="is not used"):
        load_private(pem_of(ec.generate_private_key(ec.SECP256K1())))


def test_passwords_are_asked_for() -> None:
    locked = pem_of(ed25519.Ed25519PrivateKey.generate(), b"secret")
    assert load_private(locked, password=b"secret").sign(b"x")
    for password in (None, b"wrong"):
        with pytest.raises(TrustError):
            load_private(locked, password=password)
    with pytest.raises(TrustError):
        load_private(pem_of(ed25519.Ed25519PrivateKey.generate()), password=b"none needed")


@pytest.mark.parametrize("pem", [b"", b"x", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_what_is_no_key_is_said_so(pem) -> None:
    with pytest.raises(TrustError):
        load_public(pem)
    with pytest.raises(TrustError):
        load_private(pem)


def test_base64_has_one_spelling() -> None:
    for payload in ("QR==", "QQ", "Q Q="):
        with pytest.raises(ParseError):
            dsse.envelope_of({"payload": payload, "payloadType": "x", "signatures": []})
    assert dsse.envelope_of({"payload": "_-8=", "payloadType": "x", "signatures": []}).payload == b"\xff\xef"


def test_envelopes_and_keys_have_a_bound(monkeypatch) -> None:
    monkeypatch.setattr(dsse, "_MAX_BYTES", 10)
    with pytest.raises(ParseError, match="longer"):
        dsse.parse(b" " * 11)
    for load in (load_private, load_public):
        with pytest.raises(TrustError, match="longer"):
            load(b"x" * 70_000)

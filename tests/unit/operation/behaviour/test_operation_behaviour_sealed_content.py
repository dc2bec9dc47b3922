"""Sealed content: only the holder of the private key reads it, and only in the event it was sealed for."""

from __future__ import annotations

import base64
import json

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from keelmark.core.request_event import Content
from keelmark.errors import TrustError
from keelmark.operation.behaviour.sealed_content import Opened, Opener, Sealer


def pems(key) -> tuple[bytes, bytes]:
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, public


KEY = x25519.X25519PrivateKey.generate()
PRIVATE, PUBLIC = pems(KEY)


def test_what_is_sealed_opens_with_the_private_key() -> None:
    content = Sealer(PUBLIC)("id1", "what was asked\n", "what was answered é")
    assert (content.form, content.request, content.answer) == ("sealed", "", "")
    assert b"asked" not in base64.b64decode(content.sealed)
    assert Opener(PRIVATE).open("id1", content) == Opened(
        answer="what was answered é", request="what was asked\n"
    )


def test_each_event_has_a_data_key_of_its_own() -> None:
    seal = Sealer(PUBLIC)
    one, two = (base64.b64decode(seal("id1", "same", "same").sealed) for _ in range(2))
    assert one[:32] != two[:32]
    assert one[32:] != two[32:]


def test_it_opens_for_no_other_event_and_not_when_it_was_changed() -> None:
    content = Sealer(PUBLIC)("id1", "a", "b")
    raw = bytearray(base64.b64decode(content.sealed))
    raw[-1] ^= 1
    changed = [base64.b64encode(raw).decode(), "no base64!", "", "AAAA"]
    with pytest.raises(TrustError, match="another event"):
        Opener(PRIVATE).open("id2", content)
    for sealed in changed:
        with pytest.raises(TrustError, match="changed"):
            Opener(PRIVATE).open("id1", msgspec.structs.replace(content, sealed=sealed))


def test_another_key_is_said() -> None:
    other, _ = pems(x25519.X25519PrivateKey.generate())
    with pytest.raises(TrustError, match="sealed to the key"):
        Opener(other).open("id1", Sealer(PUBLIC)("id1", "a", "b"))


def test_what_is_no_x25519_key_is_refused() -> None:
    private, public = pems(ec.generate_private_key(ec.SECP256R1()))
    for wrong in (public, PRIVATE, b"", b"junk"):
        with pytest.raises(TrustError, match="key for content"):
            Sealer(wrong)
    for wrong in (private, PUBLIC, b""):
        with pytest.raises(TrustError, match="key for content"):
            Opener(wrong)
    with pytest.raises(TrustError, match="password"):
        Opener(PRIVATE, password=b"not needed")


def labelled(salt: bytes, suite: bytes, label: bytes, keying: bytes) -> bytes:
    mac = HMAC(salt or bytes(32), SHA256())
    mac.update(b"HPKE-v1" + suite + label + keying)
    return mac.finalize()


def expanded(secret: bytes, suite: bytes, label: bytes, info: bytes, *, length: int = 32) -> bytes:
    labelled_info = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return HKDFExpand(SHA256(), length, labelled_info).derive(secret)


def test_the_form_is_that_of_rfc_9180_as_documented() -> None:
    """Opened step by step as the RFC writes it, without the library's own HPKE."""
    content: Content = Sealer(PUBLIC)("id1", "asked", "answered")
    raw = base64.b64decode(content.sealed)
    ephemeral, sealed = raw[:32], raw[32:]
    kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x02"
    shared = KEY.exchange(x25519.X25519PublicKey.from_public_bytes(ephemeral))
    secret = expanded(
        labelled(b"", kem, b"eae_prk", shared),
        kem,
        b"shared_secret",
        ephemeral + KEY.public_key().public_bytes_raw(),
    )
    info = b"keelmark-content/v1 id1"
    context = b"\x00" + labelled(b"", suite, b"psk_id_hash", b"") + labelled(b"", suite, b"info_hash", info)
    base = labelled(secret, suite, b"secret", b"")
    key = expanded(base, suite, b"key", context)
    nonce = expanded(base, suite, b"base_nonce", context, length=12)
    plain = AESGCM(key).decrypt(nonce, sealed, b"")
    assert json.loads(plain) == {"answer": "answered", "request": "asked"}

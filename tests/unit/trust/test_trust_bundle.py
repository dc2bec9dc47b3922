"""Signature files: one strict form, and no byte of it that could change without notice."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.corpus.certificates import Chain, new_key, private_pem

from keelmark.errors import KeelmarkError, ParseError, TrustError, UsageError
from keelmark.trust import bundle
from keelmark.trust.keys import load_private

KEY = load_private(private_pem(new_key()))
OTHER = load_private(private_pem(new_key()))
CHAIN = Chain()
KIND = "application/vnd.in-toto+json"
SIGNED = bundle.sign(KIND, b"{}", signers=[KEY])
DATA = bundle.encode(SIGNED)
TREE = json.loads(DATA)


def test_bundle_comes_back_as_it_was() -> None:
    assert bundle.parse(DATA) == SIGNED
    assert SIGNED.hint == KEY.public.hint
    chained = bundle.sign(KIND, b"{}", signers=[KEY], certificates=CHAIN.der)
    assert bundle.parse(bundle.encode(chained)) == chained
    assert bundle.is_bundle(DATA)
    assert not bundle.is_bundle(b'{"mediaType": "text/plain"}')


def test_keys_are_told_apart() -> None:
    both = bundle.sign(KIND, b"{}", signers=[KEY, OTHER])
    assert [each.keyid for each in both.envelope.signatures] == ["", OTHER.public.keyid]
    assert bundle.key_signed(SIGNED, KEY.public)
    assert not bundle.key_signed(SIGNED, OTHER.public)
    assert bundle.key_signed(both, OTHER.public)
    assert not bundle.key_signed_compat(SIGNED, KEY.public)


def test_device_that_signs_with_another_key_is_caught() -> None:
    class Confused:
        public = KEY.public
        sign = OTHER.sign

    with pytest.raises(TrustError, match="does not verify"):
        bundle.sign(KIND, b"{}", signers=[Confused()])


def changed(**fields) -> bytes:
    return json.dumps({**TREE, **fields}).encode()


def material(**fields) -> bytes:
    return changed(verificationMaterial=fields)


RAW = base64.b64encode(CHAIN.der[0]).decode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        DATA[:-1],
        DATA.replace(b'"keyid"', b'"sig"'),
        changed(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.2"),
        changed(more=1),
        material(publicKey={}, tlogEntries=5),
        material(),
        material(publicKey={"hint": "x"}, certificate={"rawBytes": RAW}),
        material(publicKey={"hint": 1}),
        material(publicKey={"hint": "x" * 300}),
        material(publicKey=[]),
        material(publicKey={}, tlogEntries={"a": 1}),
        material(publicKey={}, unknown=1),
        material(x509CertificateChain={"certificates": []}),
        material(x509CertificateChain={"certificates": {}}),
        material(x509CertificateChain={"certificates": [{"rawBytes": RAW}] * 17}),
        material(certificate={"rawBytes": "!"}),
        material(certificate={"rawBytes": 5}),
        material(certificate={"rawBytes": ""}),
        material(certificate={"rawBytes": base64.b64encode(b"x" * 70_000).decode()}),
        material(certificate={"rawBytes": RAW, "more": 1}),
        changed(dsseEnvelope=[]),
        changed(dsseEnvelope={"payload": "", "payloadType": "", "signatures": 7}),
        changed(dsseEnvelope={"payload": "", "payloadType": "", "signatures": [7]}),
        changed(dsseEnvelope={"payload": "", "payloadType": "", "signatures": [{"sig": "!!"}]}),
        changed(dsseEnvelope={"payload": "", "payloadType": "", "signatures": [{"sig": "", "cert": ""}]}),
        changed(dsseEnvelope={"payload": "", "payloadType": "", "signatures": [], "more": 1}),
    ],
)
def test_what_is_no_bundle_is_said_so(data) -> None:
    with pytest.raises(ParseError):
        bundle.parse(data)


def test_signature_that_is_too_large_is_not_written(monkeypatch) -> None:
    monkeypatch.setattr(bundle, "_BOUNDS", bundle.BundleBounds(max_bytes=100))
    with pytest.raises(UsageError, match="too large"):
        bundle.encode(SIGNED)


def test_older_spellings_of_the_same_form_are_read() -> None:
    old = bundle.parse(material(publicKey={"rawBytes": "AAAA", "keyDetails": "PKIX_ECDSA_P256_SHA_256"}))
    assert old.hint == ""
    assert old.log_entries == 0
    keyless = bundle.parse(material(certificate={"rawBytes": RAW}, tlogEntries=[{}]))
    assert keyless.certificates == (CHAIN.der[0],)
    assert keyless.log_entries == 1


def still_holds(data: bytes) -> bool:
    try:
        found = bundle.parse(data)
    except KeelmarkError:
        return False
    is_named = found.hint in {"", KEY.public.hint}
    return is_named and found.envelope.payload_type == KIND and bundle.key_signed(found, KEY.public)


@settings(max_examples=500, deadline=None)
@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_any_byte_changed_breaks_the_signature(place, flip) -> None:
    bent = bytearray(DATA)
    bent[place] ^= flip
    assert still_holds(DATA)
    # An optional key id may be any text of the same length: there is none to change, as it is empty.
    assert not still_holds(bytes(bent))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(0, len(DATA)))
def test_any_bytes_are_a_valid_input(junk, place) -> None:
    for data in (junk, DATA[:place] + junk + DATA[place:]):
        try:
            bundle.parse(data)
        except KeelmarkError:
            continue

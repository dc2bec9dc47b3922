"""Chains of certificates: nobody is trusted but those whom the verifier named, and each rule of the module is one test."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.corpus.certificates import (
    NOW,
    SIGNING,
    Chain,
    certificate,
    der,
    extended,
    new_key,
    pem,
    usage,
)

from keelmark.errors import KeelmarkError, TrustError, UsageError
from keelmark.trust.certificates import check_usage, load_certificates, signer_of, verify_chain

CHAIN = Chain()
STRANGER = Chain()
DAY = timedelta(days=1)


def signed_by_root(**changes):
    key = new_key()
    made = certificate(
        "x",
        key,
        **{
            "issuer": CHAIN.root,
            "issuer_key": CHAIN.root_key,
            "ca": False,
            "extensions": SIGNING,
            **changes,
        },
    )
    return (der(made),)


def test_signer_is_trusted_through_a_chain() -> None:
    found = verify_chain(CHAIN.der, roots=CHAIN.roots, at=NOW)
    assert found.names == ("ml@example.org", "Model team")
    assert found.subject == "CN=Model team"
    assert found.issuer == "CN=Test issuer"
    assert found.key.algorithm == "ecdsa-p256-sha256"


def test_root_in_the_signature_is_not_trusted_for_that() -> None:
    with pytest.raises(TrustError, match="not trusted"):
        verify_chain((*STRANGER.der, *STRANGER.roots), roots=CHAIN.roots, at=NOW)


def test_nobody_is_trusted_by_default() -> None:
    with pytest.raises(UsageError, match="no certificate is trusted"):
        verify_chain(CHAIN.der, roots=(), at=NOW)
    with pytest.raises(TrustError, match="no certificate"):
        verify_chain((), roots=CHAIN.roots, at=NOW)


def test_chain_with_a_missing_link_is_not_trusted() -> None:
    with pytest.raises(TrustError, match="not trusted"):
        verify_chain(CHAIN.der[:1], roots=CHAIN.roots, at=NOW)


def test_an_issuer_may_be_trusted_itself() -> None:
    assert verify_chain(CHAIN.der[:1], roots=(der(CHAIN.issuer),), at=NOW)


def test_a_signer_may_be_trusted_itself() -> None:
    key = new_key()
    alone = (der(certificate("alone", key, extensions=SIGNING)),)
    assert verify_chain(alone, roots=alone, at=NOW).names == ("alone",)
    with pytest.raises(TrustError):
        verify_chain(alone, roots=CHAIN.roots, at=NOW)


@pytest.mark.parametrize(
    ("moment", "words"), [(NOW + 400 * DAY, "expired on"), (NOW - 60 * DAY, "not valid before")]
)
def test_certificates_count_only_while_they_are_valid(moment, words) -> None:
    with pytest.raises(TrustError, match=words):
        verify_chain(CHAIN.der, roots=CHAIN.roots, at=moment)


def test_an_expired_root_vouches_for_nobody() -> None:
    old = certificate("old", CHAIN.root_key, ca=True, end=NOW - DAY)
    chain = signed_by_root(issuer=old)
    with pytest.raises(TrustError, match="not trusted"):
        verify_chain(chain, roots=(der(old),), at=NOW)


@pytest.mark.parametrize(
    "issuer",
    [
        {"ca": False},
        {"ca": None},
        {"ca": True, "extensions": ((usage(digital_signature=True), True),)},
        {
            "ca": True,
            "extensions": ((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\x05\x00"), True),),
        },
    ],
    ids=["not_ca", "no_constraints", "no_cert_sign", "unread_critical_extension"],
)
def test_only_authorities_vouch(issuer) -> None:
    between_key, key = new_key(), new_key()
    between = certificate("between", between_key, issuer=CHAIN.root, issuer_key=CHAIN.root_key, **issuer)
    leaf = certificate("leaf", key, issuer=between, issuer_key=between_key, ca=False, extensions=SIGNING)
    with pytest.raises(TrustError, match="not trusted"):
        verify_chain((der(leaf), der(between)), roots=CHAIN.roots, at=NOW)


def test_path_length_is_kept() -> None:
    between_key, key = new_key(), new_key()
    between = certificate("b", between_key, issuer=CHAIN.issuer, issuer_key=CHAIN.issuer_key, ca=True)
    leaf = certificate("leaf", key, issuer=between, issuer_key=between_key, ca=False, extensions=SIGNING)
    with pytest.raises(TrustError, match="path length"):
        verify_chain((der(leaf), der(between), der(CHAIN.issuer)), roots=CHAIN.roots, at=NOW)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ca": True, "extensions": SIGNING[1:]}, "authority"),
        (
            {"ca": True, "extensions": ((usage(digital_signature=True, key_cert_sign=True), True),)},
            "authority",
        ),
        ({"extensions": ()}, "does not say that it may sign"),
        ({"extensions": ((usage(key_agreement=True), True), (extended(), False))}, "key usage"),
        (
            {
                "extensions": (
                    (usage(digital_signature=True), True),
                    (extended(ExtendedKeyUsageOID.SERVER_AUTH), False),
                )
            },
            "code signing",
        ),
    ],
    ids=["authority", "authority_that_issues", "no_usage", "agreement_only", "server_certificate"],
)
def test_signer_must_be_allowed_to_sign(changes, words) -> None:
    with pytest.raises(TrustError, match=words):
        verify_chain(signed_by_root(**changes), roots=CHAIN.roots, at=NOW)


@pytest.mark.parametrize(
    "extensions",
    [((usage(digital_signature=True), True),), ((extended(), False),)],
    ids=["usage", "extended"],
)
def test_one_kind_of_usage_is_enough(extensions) -> None:
    assert verify_chain(signed_by_root(extensions=extensions), roots=CHAIN.roots, at=NOW)


def test_signer_that_is_marked_as_authority_but_may_not_issue_signs() -> None:
    assert verify_chain(signed_by_root(ca=True), roots=CHAIN.roots, at=NOW)


def test_extensions_that_cannot_be_read_are_refused() -> None:
    junk = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.15"), b"\x05\x00")
    (data,) = signed_by_root(extensions=((junk, False),))
    with pytest.raises(TrustError, match="cannot be read"):
        check_usage(data)


def test_without_the_extra_the_way_out_is_told(monkeypatch) -> None:
    import importlib

    def missing(name, *rest):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(UsageError) as error:
        load_certificates(b"")
    assert "keelmark[sign]" in error.value.hint


def test_signer_with_a_key_of_another_kind_is_refused() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    leaf = certificate("rsa", key, issuer=CHAIN.root, issuer_key=CHAIN.root_key, ca=False, extensions=SIGNING)
    with pytest.raises(TrustError, match="not used"):
        verify_chain((der(leaf),), roots=CHAIN.roots, at=NOW)


def test_curves_of_the_other_program_are_understood() -> None:
    for curve, name in ((ec.SECP384R1, "ecdsa-p384-sha384"), (ec.SECP521R1, "ecdsa-p521-sha512")):
        assert signer_of(Chain(curve).der[0]).key.algorithm == name


def test_files_of_certificates_are_read() -> None:
    assert load_certificates(pem(CHAIN.leaf, CHAIN.issuer)) == CHAIN.der
    for junk in (b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"x" * 5_000_000):
        with pytest.raises(TrustError):
            load_certificates(junk)


def test_too_many_certificates_are_refused() -> None:
    with pytest.raises(TrustError, match="more than"):
        load_certificates(pem(CHAIN.leaf) * 1_001)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.integers(0, len(CHAIN.der[0]) - 1), st.integers(1, 255))
def test_any_bytes_are_a_valid_input(junk, place, flip) -> None:
    bent = bytearray(CHAIN.der[0])
    bent[place] ^= flip
    for data in (junk, bytes(bent)):
        with pytest.raises(KeelmarkError):
            verify_chain((data, CHAIN.der[1]), roots=CHAIN.roots, at=NOW)
        with pytest.raises(KeelmarkError):
            load_certificates(data)
        for asked in (check_usage, signer_of):
            with contextlib.suppress(KeelmarkError):
                asked(data)


def test_a_negative_serial_number_is_none() -> None:
    bent = bytearray(CHAIN.der[0])
    bent[15] ^= 128
    for call in (check_usage, signer_of):
        with pytest.raises(TrustError):
            call(bytes(bent))

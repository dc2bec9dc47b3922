"""Keys: which kinds there are, and what is refused."""

from __future__ import annotations

import importlib
import pickle

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.corpus.certificates import new_key, private_pem

from keelmark.core.secret import Secret
from keelmark.errors import KeelmarkError, TrustError, UsageError
from keelmark.trust import keys
from keelmark.trust.keys import ALGORITHMS, is_encrypted, load_private, load_public, new_private, with_sha256


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
@pytest.mark.parametrize("password", [None, b"correct horse"])
def test_every_kind_of_key_signs_and_verifies(name, password) -> None:
    pem = new_private(name, password=password)
    assert is_encrypted(pem) == (password is not None)
    key = load_private(pem, password=password)
    assert key.public.algorithm == ALGORITHMS[name]
    signature = key.sign(b"data")
    public = load_public(key.public.pem.encode())
    assert public == key.public
    assert public.is_signature(signature, b"data")
    assert not public.is_signature(signature, b"Data")
    assert not public.is_signature(b"", b"data")
    if password:
        with pytest.raises(TrustError, match="password"):
            load_private(pem, password=b"wrong")


def test_unknown_kinds_cannot_be_made() -> None:
    with pytest.raises(UsageError, match="cannot be made"):
        new_private("rsa", password=None)


def test_older_library_has_no_ml_dsa(monkeypatch) -> None:
    real = importlib.import_module

    def without(name, *rest):
        if name.endswith("mldsa"):
            raise ImportError(name)
        return real(name, *rest)

    pem = new_private("ml-dsa-65", password=None)

    class Refusing:
        @staticmethod
        def generate():
            from cryptography.exceptions import UnsupportedAlgorithm

            raise UnsupportedAlgorithm("built without it")

    with monkeypatch.context() as patch:
        patch.setattr("cryptography.hazmat.primitives.asymmetric.mldsa.MLDSA65PrivateKey", Refusing)
        with pytest.raises(UsageError, match="ml-dsa-65"):
            new_private("ml-dsa-65", password=None)
    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(UsageError, match="ml-dsa-65"):
        new_private("ml-dsa-65", password=None)
    with pytest.raises(TrustError, match="not used"):
        load_private(pem)
    assert load_private(new_private("p256", password=None))


def test_without_the_extra_the_way_out_is_told(monkeypatch) -> None:
    def missing(name, *rest):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(UsageError) as error:
        keys.load_public(b"")
    assert "keelmark[sign]" in error.value.hint


def test_the_digest_of_the_first_signatures_is_sha256_whatever_the_curve() -> None:
    from cryptography.hazmat.primitives import hashes

    own = new_key(ec.SECP384R1)
    key = load_private(private_pem(own)).public
    signature = own.sign(b"data", ec.ECDSA(hashes.SHA256()))
    assert with_sha256(key).is_signature(signature, b"data")
    assert not key.is_signature(signature, b"data")
    other = load_private(new_private("ed25519", password=None)).public
    assert with_sha256(other) is other


def test_keys_and_secrets_do_not_print() -> None:
    key = load_private(new_private("p256", password=None))
    assert "lambda" not in repr(key)
    secret = Secret(b"hunter2")
    assert f"{secret} {secret!r} {[secret]}" == "*** *** [***]"
    assert secret
    assert not Secret(b"")
    assert secret.reveal() == b"hunter2"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_valid_input(data) -> None:
    wrapped = b"-----BEGIN PRIVATE KEY-----\n" + data + b"\n-----END PRIVATE KEY-----\n"
    for each in (data, wrapped, data * 1_000):
        for load in (load_private, load_public):
            with pytest.raises(KeelmarkError):
                load(each)


CURVES = [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()]


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_an_ecdsa_signature_is_made_in_one_of_its_two_forms(curve: ec.EllipticCurve) -> None:
    pem = ec.generate_private_key(curve).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key = load_private(pem)
    for number in range(20):
        data = bytes([number])
        signature = key.sign(data)
        r, s = decode_dss_signature(signature)
        other = encode_dss_signature(r, _order(curve) - s)
        assert s <= _order(curve) // 2
        assert key.public.is_only_signature(signature, data)
        assert key.public.is_signature(other, data), "it is a signature, too"
        assert not key.public.is_only_signature(other, data)
        assert key.public.lowered(other) == signature


def test_other_signatures_have_one_form() -> None:
    key = load_private(new_private("ed25519", password=None))
    signature = key.sign(b"x")
    assert key.public.lowered(signature) == signature
    assert key.public.is_only_signature(signature, b"x")
    assert not key.public.is_only_signature(signature, b"y")
    assert load_private(new_private("p256", password=None)).public.lowered(b"no signature") == b"no signature"


def _order(curve: ec.EllipticCurve) -> int:
    """The smallest number that is no private key."""
    low, high = 1, 1 << curve.key_size
    while high - low > 1:
        middle = (low + high) // 2
        try:
            ec.derive_private_key(middle, curve)
        except ValueError:
            high = middle
        else:
            low = middle
    return high

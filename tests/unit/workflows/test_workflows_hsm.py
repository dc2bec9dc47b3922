"""Keys in devices: how they are named, and what is told when a device or the extra is missing. See tests/interop for a device."""

from __future__ import annotations

import contextlib
import hashlib
import sys
import types

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.corpus.certificates import new_key

from keelmark.core.secret import Secret
from keelmark.errors import TrustError, UsageError
from keelmark.workflows.hsm import KeyUri, open_device_key, parse_uri


def test_uri_names_a_key() -> None:
    assert parse_uri("pkcs11:token=my%20token;object=k;id=%01%ff;serial=7?module-path=/m.so") == KeyUri(
        token="my token", label="k", id=b"\x01\xff", serial=b"7", module="/m.so"
    )
    assert parse_uri("pkcs11:object=k;type=private;model=x").label == "k"


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("file:key.pem", "no URI"),
        ("pkcs11:token=t", "names no key"),
        ("pkcs11:object=k?pin-value=1234", "PIN does not stand"),
        ("pkcs11:object=k?pin-source=file:/x", "PIN does not stand"),
        ("pkcs11:object=k;object=l", "stands twice"),
        ("pkcs11:object=k;more=1", "not used"),
        ("pkcs11:object=" + "k" * 5_000, "no URI"),
    ],
)
def test_uri_that_cannot_be_used_is_refused_without_showing_the_pin(uri, words) -> None:
    with pytest.raises(UsageError, match=words) as error:
        parse_uri(uri)
    assert "1234" not in error.value.message + error.value.hint


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_valid_input(text) -> None:
    with contextlib.suppress(UsageError):
        parse_uri(f"pkcs11:{text}")


class PKCS11Error(Exception):
    pass


class PinError(PKCS11Error):
    pass


class Device:
    """A device in memory: one token, one key."""

    def __init__(self, *, key_type="EC") -> None:
        self.key, self.key_type, self.fails, self.pin = new_key(), key_type, False, "1234"

    def get_token(self, **_):
        return self

    @contextlib.contextmanager
    def open(self, *, user_pin):
        if user_pin != self.pin:
            raise PinError
        yield self

    def get_key(self, **_):
        return self

    def sign(self, digest, *, mechanism):
        if self.fails:
            raise PKCS11Error("device removed")
        return self.key.sign(
            digest,
            ec.ECDSA(utils.Prehashed(hashes.SHA256())),
        )


@pytest.fixture
def device(monkeypatch):
    made = Device()
    names = dict.fromkeys(("PinInvalid", "PinLenRange", "PinLocked"), PinError)
    library = types.SimpleNamespace(
        lib=lambda path: made,
        ObjectClass=types.SimpleNamespace(PRIVATE_KEY=1, PUBLIC_KEY=2),
        KeyType=types.SimpleNamespace(EC="EC"),
        Mechanism=types.SimpleNamespace(ECDSA=1),
        PKCS11Error=PKCS11Error,
        PinIncorrect=PinError,
        **names,
    )
    curves = types.SimpleNamespace(
        encode_ec_public_key=lambda device: device.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        encode_ecdsa_signature=lambda raw: raw,
    )
    monkeypatch.setitem(sys.modules, "pkcs11", library)
    monkeypatch.setitem(sys.modules, "pkcs11.util.ec", curves)
    return made


URI = KeyUri(label="k", module="/m.so")


def test_device_signs_over_the_digest_of_its_curve(device) -> None:
    with open_device_key(URI, pin=Secret(b"1234")) as key:
        assert key.public.algorithm == "ecdsa-p256-sha256"
        assert key.public.is_signature(key.sign(b"data"), b"data")
        assert hashlib.sha256(key.public.pem.encode()).hexdigest() == key.public.hint
        assert "object at" not in repr(key)
        device.fails = True
        with pytest.raises(TrustError, match="device removed"):
            key.sign(b"data")


def test_wrong_pin_is_told(device) -> None:
    for pin in (None, Secret(b"9")):
        with pytest.raises(TrustError, match="refused the PIN"), open_device_key(URI, pin=pin):
            pass


def test_keys_of_other_kinds_are_refused(device) -> None:
    device.key_type = "RSA"
    with pytest.raises(TrustError, match="not used"), open_device_key(URI, pin=Secret(b"1234")):
        pass


def test_device_that_fails_is_told_and_other_failures_are_not_its_fault(device, monkeypatch) -> None:
    def broken(**_):
        raise RuntimeError("OS exception while loading")

    with pytest.raises(ValueError, match="of ours"), open_device_key(URI, pin=Secret(b"1234")):
        raise ValueError("of ours")
    monkeypatch.setattr(device, "get_token", broken)
    with pytest.raises(UsageError, match="cannot be used: OS exception"), open_device_key(URI, pin=None):
        pass


def test_module_must_be_named(device) -> None:
    bare = KeyUri(label="k")
    with pytest.raises(UsageError, match="not named"), open_device_key(bare, pin=None):
        pass
    with open_device_key(bare, pin=Secret(b"1234"), module="/m.so") as key:
        assert key.public


def test_missing_extra_is_told(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    with pytest.raises(UsageError) as error, open_device_key(URI, pin=None):
        pass
    assert "keelmark[pkcs11]" in error.value.hint

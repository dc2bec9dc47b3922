"""Content that only the holder of a private key can read: HPKE (RFC 9180) to an X25519 key, a fresh data key for each event.

Form of the field `sealed`, in base64: 32 bytes of the ephemeral public key, then the cipher text with its tag. Suite: base mode,
DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. `info` is `keelmark-content/v1 ID`, with the id of the request, so that what was
sealed for one event opens in no other. The plain text is JSON: `{"answer":"...","request":"..."}`.

Any implementation of RFC 9180 opens it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from keelmark.core.request_event import Content
from keelmark.errors import TrustError

__all__ = ["Opened", "Opener", "Sealer", "key_id"]

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_HINT = "make one with: openssl genpkey -algorithm x25519 -out content.pem; openssl pkey -in content.pem -pubout -out content.pub"


class Opened(msgspec.Struct, frozen=True):
    """What was sealed."""

    answer: str
    request: str


class Sealer:
    """Seals content to a public key; a `ContentKeeper`.

    Args:
        pem: The public key, X25519.

    Raises:
        TrustError: It is none.
    """

    __slots__ = ("_key", "key_id")

    def __init__(self, pem: bytes) -> None:
        try:
            key = serialization.load_pem_public_key(pem)
        except ValueError as error:
            raise TrustError("key for content is no public key in PEM form", hint=_HINT) from error
        if not isinstance(key, X25519PublicKey):
            raise TrustError("key for content is no X25519 key", hint=_HINT)
        self._key = key
        self.key_id = key_id(key)

    def __call__(self, id: str, request: str, answer: str) -> Content:  # noqa: A002 - as the event calls it
        """What is kept of one request."""
        plain = msgspec.json.encode(Opened(answer=answer, request=request))
        sealed = _SUITE.encrypt(plain, self._key, info=_info(id))
        return Content(form="sealed", key=self.key_id, sealed=base64.b64encode(sealed).decode())


class Opener:
    """Opens what was sealed.

    Args:
        pem: The private key, X25519.
        password: Of the key; None for none.

    Raises:
        TrustError: It is none, or the password is wrong.
    """

    __slots__ = ("_key", "key_id")

    def __init__(self, pem: bytes, *, password: bytes | None = None) -> None:
        try:
            key = serialization.load_pem_private_key(pem, password)
        except (ValueError, TypeError) as error:
            raise TrustError(
                "key for content is no private key in PEM form, or its password is wrong"
            ) from error
        if not isinstance(key, X25519PrivateKey):
            raise TrustError("key for content is no X25519 key", hint=_HINT)
        self._key = key
        self.key_id = key_id(key.public_key())

    def open(self, id: str, content: Content) -> Opened:  # noqa: A002 - as the event calls it
        """What was said in one request.

        Raises:
            TrustError: It was sealed to another key, for another event, or changed.
        """
        if content.key != self.key_id:
            raise TrustError(f"content is sealed to the key {content.key}, and this is {self.key_id}")
        try:
            plain = _SUITE.decrypt(base64.b64decode(content.sealed, validate=True), self._key, info=_info(id))
            return msgspec.json.decode(plain, type=Opened)
        except (InvalidTag, binascii.Error, ValueError, msgspec.MsgspecError) as error:
            raise TrustError("content was changed, or sealed for another event") from error


def key_id(key: X25519PublicKey) -> str:
    """Id of a public key: the first 16 digits of the SHA-256 of its 32 bytes."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def _info(id: str) -> bytes:  # noqa: A002 - as the event calls it
    return b"keelmark-content/v1 " + id.encode()

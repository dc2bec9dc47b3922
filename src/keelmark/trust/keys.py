"""Keys that sign and verify: ECDSA over P-256, P-384 and P-521, Ed25519, and ML-DSA-65, from PEM files.

The library behind them belongs to the extra `sign`, so that the base install stays small; it is imported when a key is
loaded. ML-DSA-65 (FIPS 204) needs a version of it that has it; with an older one, such keys are refused by name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from keelmark.errors import TrustError, UsageError

__all__ = [
    "ALGORITHMS",
    "PrivateKey",
    "PublicKey",
    "Signer",
    "is_encrypted",
    "load_private",
    "load_public",
    "new_private",
    "public_of",
    "with_sha256",
]

ALGORITHMS: Mapping[str, str] = {
    "p256": "ecdsa-p256-sha256",
    "p384": "ecdsa-p384-sha384",
    "ed25519": "ed25519",
    "ml-dsa-65": "ml-dsa-65",
}
"""Keys that can be made, by the short name that a command line uses."""

_CURVES = {
    "secp256r1": ("ecdsa-p256-sha256", "SHA256"),
    "secp384r1": ("ecdsa-p384-sha384", "SHA384"),
    "secp521r1": ("ecdsa-p521-sha512", "SHA512"),
}
# How many points they have (SEC 2, version 2): (r, s) and (r, order - s) are signatures over the same data.
_ORDERS = {
    "ecdsa-p256-sha256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ecdsa-p384-sha384": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    "ecdsa-p521-sha512": 0x1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409,
}
_USED = "ECDSA over P-256, P-384 or P-521, Ed25519, or ML-DSA-65"
_MAX_PEM_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A key that verifies.

    Attributes:
        keyid: SHA-256 of the key in DER form (SubjectPublicKeyInfo), hexadecimal.
        algorithm: `ed25519`, `ecdsa-p256-sha256`, `ecdsa-p384-sha384`, `ecdsa-p521-sha512` or `ml-dsa-65`.
        pem: The key as text.
    """

    keyid: str
    algorithm: str
    pem: str
    _check: Callable[[bytes, bytes], bool] = field(repr=False, compare=False)

    @property
    def hint(self) -> str:
        """SHA-256 of the key as PEM text, hexadecimal: how signatures of models name their key."""
        return hashlib.sha256(self.pem.encode()).hexdigest()

    def is_signature(self, signature: bytes, data: bytes) -> bool:
        """Whether this key made the signature over the data."""
        return self._check(signature, data)

    def is_only_signature(self, signature: bytes, data: bytes) -> bool:
        """Whether this key made it, and it stands in the one form that `lowered` gives: nobody without the key has another."""
        return self._check(signature, data) and self.lowered(signature) == signature

    def lowered(self, signature: bytes) -> bytes:
        """The one of the two forms of an ECDSA signature in which the second number is low; others as they are."""
        order = _ORDERS.get(self.algorithm)
        if order is None:
            return signature
        utils = _part("primitives.asymmetric.utils")
        try:
            r, s = utils.decode_dss_signature(signature)
        except ValueError:
            return signature
        return bytes(utils.encode_dss_signature(r, min(s, order - s)))


class Signer(Protocol):
    """Whatever signs: a key in a file, or one that never leaves its device."""

    @property
    def public(self) -> PublicKey:
        """The key that verifies what this one signs."""
        ...

    def sign(self, data: bytes) -> bytes:
        """The signature over the data.

        Raises:
            TrustError: The device refused.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateKey:
    """A key in memory that signs."""

    public: PublicKey
    _sign: Callable[[bytes], bytes] = field(repr=False, compare=False)

    def sign(self, data: bytes) -> bytes:
        """The signature over the data."""
        return self._sign(data)


def load_public(pem: bytes) -> PublicKey:
    """Read a public key.

    Raises:
        TrustError: No such key, or of a kind that is not used.
        UsageError: The extra is not installed.
    """
    serialization = _part("primitives.serialization")
    try:
        return public_of(serialization.load_pem_public_key(_bounded(pem)))
    except (ValueError, _unsupported()) as error:
        raise TrustError(
            "no public key in PEM form", hint="it begins with -----BEGIN PUBLIC KEY-----"
        ) from error


def load_private(pem: bytes, *, password: bytes | None = None) -> PrivateKey:
    """Read a private key.

    Raises:
        TrustError: No such key, a wrong password, or of a kind that is not used.
        UsageError: The extra is not installed.
    """
    serialization = _part("primitives.serialization")
    try:
        return _private(serialization.load_pem_private_key(_bounded(pem), password=password))
    except TypeError as error:
        raise TrustError("the key needs a password, or has none", hint="set KEELMARK_KEY_PASSWORD") from error
    except (ValueError, _unsupported()) as error:
        raise TrustError("no private key in PEM form, or a wrong password") from error


def is_encrypted(pem: bytes) -> bool:
    """Whether a private key in PEM form asks for a password."""
    return b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in pem or b"Proc-Type: 4,ENCRYPTED" in pem


def new_private(algorithm: str, *, password: bytes | None) -> bytes:
    """A new private key in PEM form (PKCS #8), encrypted when there is a password.

    Args:
        algorithm: One of `ALGORITHMS`.
        password: Encrypts it; None leaves it open to whoever reads the file.

    Raises:
        UsageError: There is no such algorithm here.
    """
    serialization = _part("primitives.serialization")
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    pem: bytes = _made(algorithm).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    return pem


def public_of(key: Any) -> PublicKey:
    """The public key that an object of the library holds, such as that of a certificate.

    Raises:
        TrustError: It is of a kind that is not used.
    """
    algorithm, extra = _algorithm(key)
    return _public(key, algorithm, extra)


def with_sha256(key: PublicKey) -> PublicKey:
    """The same key of ECDSA, verifying over SHA-256 whatever its curve, as the first signatures of models were made."""
    if not key.algorithm.startswith("ecdsa-"):
        return key
    loaded = _part("primitives.serialization").load_pem_public_key(key.pem.encode())
    return _public(loaded, key.algorithm, _ecdsa("SHA256"))


def _bounded(pem: bytes) -> bytes:
    if len(pem) > _MAX_PEM_BYTES:
        raise TrustError(f"a key is not longer than {_MAX_PEM_BYTES} bytes")
    return pem


def _part(name: str) -> Any:
    import importlib  # noqa: PLC0415 - beside the optional import it serves

    try:
        return importlib.import_module(f"cryptography.hazmat.{name}")
    except ImportError as error:
        raise UsageError("signatures need the extra `sign`", hint="pip install 'keelmark[sign]'") from error


def _unsupported() -> type[Exception]:
    import importlib  # noqa: PLC0415 - as above

    found: type[Exception] = importlib.import_module("cryptography.exceptions").UnsupportedAlgorithm
    return found


def _post_quantum() -> Any | None:
    """The module of ML-DSA; None where the installed library is older."""
    try:
        return _part("primitives.asymmetric.mldsa")
    except UsageError:
        return None


def _made(algorithm: str) -> Any:
    ec, post_quantum = _part("primitives.asymmetric.ec"), _post_quantum()
    match algorithm:
        case "p256":
            return ec.generate_private_key(ec.SECP256R1())
        case "p384":
            return ec.generate_private_key(ec.SECP384R1())
        case "ed25519":
            return _part("primitives.asymmetric.ed25519").Ed25519PrivateKey.generate()
        case "ml-dsa-65" if post_quantum is not None:
            try:
                return post_quantum.MLDSA65PrivateKey.generate()
            except _unsupported():
                pass
    raise UsageError(
        f"keys of `{algorithm}` cannot be made here",
        hint=f"one of: {', '.join(ALGORITHMS)}; ml-dsa-65 needs cryptography 48 or newer",
    )


def _public(key: Any, algorithm: str, extra: tuple[Any, ...]) -> PublicKey:
    serialization = _part("primitives.serialization")
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def check(signature: bytes, data: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - as above

        try:
            key.verify(signature, data, *extra)
        except (InvalidSignature, ValueError):
            return False
        return True

    return PublicKey(
        keyid=hashlib.sha256(der).hexdigest(), algorithm=algorithm, pem=pem.decode(), _check=check
    )


def _private(key: Any) -> PrivateKey:
    _, extra = _algorithm(key)
    public = public_of(key.public_key())
    return PrivateKey(public=public, _sign=lambda data: public.lowered(bytes(key.sign(data, *extra))))


def _algorithm(key: Any) -> tuple[str, tuple[Any, ...]]:
    """Name of the algorithm, and what its sign and verify ask for beside the data."""
    ec, ed25519 = _part("primitives.asymmetric.ec"), _part("primitives.asymmetric.ed25519")
    post_quantum = _post_quantum()
    if isinstance(key, ed25519.Ed25519PublicKey | ed25519.Ed25519PrivateKey):
        return "ed25519", ()
    if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        algorithm, digest = _CURVES[key.curve.name]
        return algorithm, _ecdsa(digest)
    if post_quantum is not None and isinstance(
        key, post_quantum.MLDSA65PublicKey | post_quantum.MLDSA65PrivateKey
    ):
        return "ml-dsa-65", ()
    raise TrustError("a key of this kind is not used", hint=_USED)


def _ecdsa(digest: str) -> tuple[Any, ...]:
    ec, hashes = _part("primitives.asymmetric.ec"), _part("primitives.hashes")
    return (ec.ECDSA(getattr(hashes, digest)()),)

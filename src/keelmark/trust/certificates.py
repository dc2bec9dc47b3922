"""Certificates of signers: is the one in a signature issued, through a chain, by somebody whom the verifier trusts?

Rules, all of which must hold:

1. A chain leads from the signer's certificate to one that the verifier named; those in the signature only bridge it.
2. Every certificate of the chain, the trusted one included, is valid at the moment of verification.
3. Whoever issued one of them is an authority (basic constraints) that may sign certificates (key usage, where stated),
   within its path length and name constraints; no critical extension is left unread; keys and digests are strong.
4. The signer's certificate cannot issue others (it is no authority's, or its key usage forbids that), and says by key usage or extended key usage what it may do.
5. Where it has a key usage, that allows digital signatures; where it has an extended key usage, that allows code signing.
6. Its key is of a kind that is used here.

Whether a certificate was revoked is not checked: that needs a list or a service of its issuer.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from keelmark.errors import TrustError, UsageError
from keelmark.trust.keys import PublicKey, public_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "CertificateBounds",
    "SignerCertificate",
    "check_usage",
    "load_certificates",
    "signer_of",
    "verify_chain",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateBounds:
    """Bounds of chains.

    Attributes:
        max_pem_bytes: Bytes of a file of certificates.
        max_roots: Certificates that a verifier trusts.
        max_depth: Authorities between the signer and the trusted certificate.
        max_names: Names of a signer that are told.
    """

    max_pem_bytes: int = 4 * 1024**2
    max_roots: int = 1_000
    max_depth: int = 8
    max_names: int = 32


_BOUNDS = CertificateBounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerCertificate:
    """What a certificate says of its holder.

    Attributes:
        key: The key that it binds to the names.
        subject: The distinguished name (RFC 4514).
        names: Alternative names (addresses of mail, URIs, hosts), then the common name.
        issuer: Who issued it.
        fingerprint: SHA-256 of its DER form, hexadecimal.
        not_before: First moment of its validity.
        not_after: Last moment of its validity.
    """

    key: PublicKey
    subject: str
    names: tuple[str, ...]
    issuer: str
    fingerprint: str
    not_before: datetime
    not_after: datetime


def load_certificates(pem: bytes) -> tuple[bytes, ...]:
    """The DER forms of the certificates in a PEM file.

    Raises:
        TrustError: It holds none, or one that cannot be read.
        UsageError: The extra is not installed.
    """
    x509 = _x509()
    if len(pem) > _BOUNDS.max_pem_bytes:
        raise TrustError(f"a file of certificates is not longer than {_BOUNDS.max_pem_bytes} bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = x509.load_pem_x509_certificates(pem)
    except _malformed() as error:
        raise TrustError(
            "no certificates in PEM form", hint="they begin with -----BEGIN CERTIFICATE-----"
        ) from error
    if len(found) > _BOUNDS.max_roots:
        raise TrustError(f"more than {_BOUNDS.max_roots} certificates", hint="name those that are meant")
    encoding = _part("hazmat.primitives.serialization").Encoding.DER
    return tuple(each.public_bytes(encoding) for each in found)


def signer_of(der: bytes) -> SignerCertificate:
    """What a certificate says; whether that is true is not asked.

    Raises:
        TrustError: It is none, or its key is of a kind that is not used.
    """
    certificate = _load(der)
    try:
        return SignerCertificate(
            key=public_of(certificate.public_key()),
            subject=certificate.subject.rfc4514_string(),
            names=_names(certificate),
            issuer=certificate.issuer.rfc4514_string(),
            fingerprint=hashlib.sha256(der).hexdigest(),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
        )
    except _malformed() as error:
        raise TrustError(f"the certificate of the signer cannot be read: {str(error)[:200]}") from error


def check_usage(der: bytes) -> None:
    """Check that a certificate may sign models at all (rules 4 and 5).

    Raises:
        TrustError: It may not.
    """
    x509 = _x509()
    certificate = _load(der)
    basic = _extension(certificate, x509.BasicConstraints)
    usage = _extension(certificate, x509.KeyUsage)
    extended = _extension(certificate, x509.ExtendedKeyUsage)
    # Some makers mark every certificate as that of an authority; what it may do is then left to the key usage.
    if basic is not None and basic.ca and (usage is None or usage.key_cert_sign):
        raise TrustError(
            "the certificate is that of an authority, not of a signer", hint="issue one for the signer"
        )
    if usage is None and extended is None:
        raise TrustError("the certificate does not say that it may sign", hint=_USAGE)
    if usage is not None and not usage.digital_signature:
        raise TrustError("the key usage of the certificate does not allow digital signatures", hint=_USAGE)
    if extended is not None and x509.ExtendedKeyUsageOID.CODE_SIGNING not in extended:
        raise TrustError("the extended key usage of the certificate does not allow code signing", hint=_USAGE)


_USAGE = "issue it with key usage digitalSignature, or extended key usage codeSigning"


def verify_chain(chain: Sequence[bytes], *, roots: Sequence[bytes], at: datetime) -> SignerCertificate:
    """The signer of a chain, when somebody trusted vouches for it.

    Args:
        chain: DER forms: the signer's, then those that may bridge it to a root, in any order.
        roots: DER forms of those whom the verifier trusts.
        at: The moment it must hold at, aware.

    Raises:
        TrustError: A rule of this module does not hold.
        UsageError: No root was given, or the extra is not installed.
    """
    if not chain:
        raise TrustError("the signature holds no certificate")
    if not roots:
        raise UsageError("no certificate is trusted", hint="name one with --root")
    leaf = _load(chain[0])
    try:
        _verifier(roots, at).verify(leaf, [_load(each) for each in chain[1:]])
    except (_part("x509.verification").VerificationError, *_malformed()) as error:
        raise TrustError(
            f"the signer's certificate is not trusted: {_reason(leaf, at, error)}",
            hint="no trusted certificate vouches for it, now; --root names whom you trust",
        ) from error
    check_usage(chain[0])
    return signer_of(chain[0])


def _verifier(roots: Sequence[bytes], at: datetime) -> Any:
    x509, path = _x509(), _part("x509.verification")
    either = path.Criticality.AGNOSTIC
    authority = path.ExtensionPolicy.permit_all()
    # That the constraints name an authority is asked by the library itself.
    authority = authority.require_present(x509.BasicConstraints, either, None)
    authority = authority.may_be_present(x509.KeyUsage, either, _may_issue)
    builder = path.PolicyBuilder().store(path.Store([_load(each) for each in roots])).time(at)
    builder = builder.max_chain_depth(_BOUNDS.max_depth)
    # What the signer's own certificate must allow is judged by `check_usage`, where a reason can be told.
    signer = path.ExtensionPolicy.permit_all()
    return builder.extension_policies(ca_policy=authority, ee_policy=signer).build_client_verifier()


def _may_issue(_policy: object, _certificate: object, extension: Any) -> None:
    if extension is not None and not extension.key_cert_sign:
        raise ValueError("it was issued by one that may not sign certificates")


def _reason(leaf: Any, at: datetime, error: Exception) -> str:
    if at > leaf.not_valid_after_utc:
        return f"it expired on {leaf.not_valid_after_utc.date().isoformat()}"
    if at < leaf.not_valid_before_utc:
        return f"it is not valid before {leaf.not_valid_before_utc.date().isoformat()}"
    words = str(error).partition(" (encountered")[0]
    return words.replace("validation failed: ", "").replace("candidates exhausted: ", "")[:300]


def _load(der: bytes) -> Any:
    try:
        with warnings.catch_warnings():
            # What the library only warns of, such as a negative serial number, RFC 5280 does not allow.
            warnings.simplefilter("error")
            return _x509().load_der_x509_certificate(der)
    except _malformed() as error:
        raise TrustError("a certificate cannot be read") from error


def _names(certificate: Any) -> tuple[str, ...]:
    x509 = _x509()
    alternative = _extension(certificate, x509.SubjectAlternativeName)
    common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    found = [
        *(str(each.value) for each in alternative or () if isinstance(each.value, str)),
        *(str(each.value) for each in common),
    ]
    return tuple(dict.fromkeys(found))[: _BOUNDS.max_names]


def _extension(certificate: Any, kind: Any) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except _x509().ExtensionNotFound:
        return None
    except _malformed() as error:
        raise TrustError("the certificate has extensions that cannot be read") from error


def _x509() -> Any:
    return _part("x509")


def _part(name: str) -> Any:
    import importlib  # noqa: PLC0415 - beside the optional import it serves

    try:
        return importlib.import_module(f"cryptography.{name}")
    except ImportError as error:
        raise UsageError("certificates need the extra `sign`", hint="pip install 'keelmark[sign]'") from error


def _malformed() -> tuple[type[Exception], ...]:
    """What the library raises on certificates that are none."""
    x509, failures = _x509(), _part("exceptions")
    return (
        Warning,
        ValueError,
        TypeError,
        OverflowError,
        failures.UnsupportedAlgorithm,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
        x509.InvalidVersion,
    )

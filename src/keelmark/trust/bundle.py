"""Signature files: Sigstore bundles v0.3 as JSON, that hold a DSSE envelope and what helps to verify it.

What is in a bundle is a claim. The key or certificates in it say who *may* have signed; whom to trust is told by whoever
verifies. Unknown fields are refused, so that no byte of a bundle can change without notice.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keelmark.errors import ParseError, TrustError, UsageError
from keelmark.trust import canonical_json, dsse
from keelmark.trust.keys import with_sha256

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from keelmark.trust.keys import PublicKey, Signer

__all__ = [
    "MEDIA_TYPE",
    "Bundle",
    "BundleBounds",
    "encode",
    "is_bundle",
    "key_signed",
    "key_signed_compat",
    "parse",
    "sign",
]

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_MEDIA_PREFIX = b"application/vnd.dev.sigstore.bundle"

_FIELDS = frozenset({"mediaType", "verificationMaterial", "dsseEnvelope"})
_MATERIAL = frozenset({"publicKey", "x509CertificateChain", "certificate"})
_BESIDE = frozenset({"tlogEntries", "timestampVerificationData"})
_KEY_FIELDS = frozenset({"hint", "rawBytes", "keyDetails"})
_ENVELOPE_FIELDS = frozenset({"payload", "payloadType", "signatures"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleBounds:
    """Bounds of a bundle.

    Attributes:
        max_bytes: Bytes of the file.
        max_certificates: Certificates in its chain.
        max_certificate_bytes: Bytes of one certificate in DER form.
    """

    max_bytes: int = 128 * 1024**2
    max_certificates: int = 16
    max_certificate_bytes: int = 64 * 1024


_BOUNDS = BundleBounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A signature file. Nothing in it may be believed before it was verified.

    Attributes:
        envelope: What is signed, and the signatures.
        hint: SHA-256 of the signing key as PEM text; empty when the bundle names none.
        certificates: DER forms, that of the signer first; empty when it was signed with a plain key.
        log_entries: Entries of a transparency log that it carries. They are not checked here.
    """

    envelope: dsse.Envelope
    hint: str = ""
    certificates: tuple[bytes, ...] = ()
    log_entries: int = 0


def sign(
    payload_type: str, payload: bytes, *, signers: Sequence[Signer], certificates: Sequence[bytes] = ()
) -> Bundle:
    """A bundle that every signer has signed.

    Args:
        payload_type: What kind of thing the payload is.
        payload: What is signed.
        signers: The first is the one that the bundle names; the form knows one signature, and readers of it look at
            the first. Others stand behind it, each with the id of its key.
        certificates: DER forms, that of the first signer first.

    Raises:
        TrustError: A device refused to sign, or signed with another key.
    """
    signed = dsse.pae(payload_type, payload)
    signatures = tuple(
        dsse.Signature(keyid=signer.public.keyid if place else "", value=signer.sign(signed))
        for place, signer in enumerate(signers)
    )
    for signer, made in zip(signers, signatures, strict=True):
        # A device may hold two keys under one name, or fail.
        if not signer.public.is_signature(made.value, signed):
            raise TrustError("the key made a signature that its public key does not verify")
    return Bundle(
        envelope=dsse.Envelope(payload_type=payload_type, payload=payload, signatures=signatures),
        hint="" if certificates else signers[0].public.hint,
        certificates=tuple(certificates),
    )


def key_signed(bundle: Bundle, key: PublicKey) -> bool:
    """Whether this key made one of the signatures of the bundle."""
    signed = dsse.pae(bundle.envelope.payload_type, bundle.envelope.payload)
    return any(key.is_signature(each.value, signed) for each in bundle.envelope.signatures)


def key_signed_compat(bundle: Bundle, key: PublicKey) -> bool:
    """Whether a key signed in the faulty way of version 0.2 of model signing.

    That version spelled the payload with escapes before it signed, and with certificates it used SHA-256 whatever the
    curve.
    """
    kind, payload = bundle.envelope.payload_type, bundle.envelope.payload
    signed = f"DSSEV1 {len(kind)} {kind} {len(payload)} {payload!r}".encode()
    return any(
        form.is_signature(each.value, signed)
        for each in bundle.envelope.signatures
        for form in (key, with_sha256(key))
    )


def encode(bundle: Bundle) -> bytes:
    """The bundle as JSON.

    Raises:
        UsageError: It is larger than readers take.
    """
    if bundle.certificates:
        chain = [{"rawBytes": base64.b64encode(each).decode()} for each in bundle.certificates]
        material: dict[str, Any] = {"x509CertificateChain": {"certificates": chain}}
    else:
        material = {"publicKey": {"hint": bundle.hint}}
    document = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {**material, "tlogEntries": []},
        "dsseEnvelope": dsse.document_of(bundle.envelope),
    }
    # No line feed at the end: there is no byte that could change without notice.
    data = json.dumps(document, separators=(",", ":")).encode()
    if len(data) > _BOUNDS.max_bytes:
        raise UsageError(
            f"a signature of {len(data)} bytes is too large", hint="sign an archive, or folders one by one"
        )
    return data


def is_bundle(data: bytes) -> bool:
    """Whether these bytes say that they are a Sigstore bundle, whatever its version; they may still be damaged."""
    return data.lstrip()[:1] == b"{" and _MEDIA_PREFIX in data


def parse(data: bytes) -> Bundle:
    """Read a bundle; its signatures are not checked yet.

    Raises:
        ParseError: It is none, or one of another version.
    """
    tree = canonical_json.parse(data, what="signature file", max_bytes=_BOUNDS.max_bytes)
    if tree.get("mediaType") != MEDIA_TYPE:
        raise ParseError(
            f"signature file is `{str(tree.get('mediaType'))[:200]}`", hint=f"expected {MEDIA_TYPE}"
        )
    _only(tree, _FIELDS, "signature file")
    material = _object(tree.get("verificationMaterial"), "verification material")
    _only(material, _MATERIAL | _BESIDE, "verification material")
    kinds = [name for name in _MATERIAL if name in material]
    if len(kinds) != 1:
        raise ParseError("signature file names no signer, or more than one")
    entries = material.get("tlogEntries") or []
    if not isinstance(entries, list):
        raise ParseError("signature file has log entries that are no list")
    envelope = _object(tree.get("dsseEnvelope"), "envelope")
    _only(envelope, _ENVELOPE_FIELDS, "envelope")
    signatures = envelope.get("signatures")
    for each in signatures if isinstance(signatures, list) else ():
        _only(_object(each, "signature"), frozenset({"sig", "keyid"}), "signature")
    return Bundle(
        envelope=dsse.envelope_of(envelope),
        hint=_hint(material),
        certificates=_certificates(material),
        log_entries=len(entries),
    )


def _hint(material: Mapping[str, Any]) -> str:
    if "publicKey" not in material:
        return ""
    key = _object(material["publicKey"], "public key")
    _only(key, _KEY_FIELDS, "public key")
    hint = key.get("hint") or ""
    if not isinstance(hint, str) or len(hint) > 256:
        raise ParseError("signature file names its key in a way that cannot be read")
    return hint


def _certificates(material: Mapping[str, Any]) -> tuple[bytes, ...]:
    if "certificate" in material:
        found: object = [material["certificate"]]
    elif "x509CertificateChain" in material:
        chain = _object(material["x509CertificateChain"], "certificate chain")
        _only(chain, frozenset({"certificates"}), "certificate chain")
        found = chain.get("certificates")
    else:
        return ()
    if not isinstance(found, list) or not 0 < len(found) <= _BOUNDS.max_certificates:
        raise ParseError(f"signature file has no certificates, or more than {_BOUNDS.max_certificates}")
    return tuple(map(_certificate, found))


def _certificate(value: object) -> bytes:
    certificate = _object(value, "certificate")
    _only(certificate, frozenset({"rawBytes"}), "certificate")
    text = certificate.get("rawBytes")
    try:
        raw = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        raw = b""
    if not 0 < len(raw) <= _BOUNDS.max_certificate_bytes or base64.b64encode(raw).decode() != text:
        raise ParseError("signature file has a certificate that cannot be read")
    return raw


def _object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ParseError(f"signature file: {what} is no JSON object")
    return value


def _only(found: Mapping[str, Any], known: frozenset[str], what: str) -> None:
    unknown = sorted(set(found) - known)
    if unknown:
        raise ParseError(f"{what} has a field that is not known: `{unknown[0][:200]}`")

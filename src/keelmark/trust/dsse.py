"""DSSE envelopes: a payload, what kind it is, and signatures over both.

Source of the form: Dead Simple Signing Envelope v1.0.2 (secure-systems-lab). Signatures cover the pre-authentication
encoding, so that a payload cannot be taken for one of another kind.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from keelmark.errors import ParseError, TrustError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keelmark.trust.keys import PublicKey, Signer

__all__ = ["Envelope", "Signature", "document_of", "encode", "envelope_of", "pae", "parse", "sign", "verify"]

_MAX_BYTES = 64 * 1024**2
_MAX_SIGNATURES = 64
_FORM = "it is JSON with payload, payloadType and signatures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature over the envelope's payload.

    Attributes:
        keyid: SHA-256 of the public key in DER form, hexadecimal. A hint which key to try, never a proof.
        value: The signature itself.
    """

    keyid: str
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A payload with signatures. Nothing in it may be believed before `verify` said by whom it was signed."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]


class _WireSignature(msgspec.Struct):
    sig: str
    keyid: str | None = ""


class _Wire(msgspec.Struct):
    payload: str
    payloadType: str  # noqa: N815 - the name on the wire
    signatures: list[_WireSignature]


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding: the bytes that are signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def sign(payload_type: str, payload: bytes, *, keys: Iterable[Signer]) -> Envelope:
    """An envelope that every key has signed."""
    signed = pae(payload_type, payload)
    signatures = tuple(Signature(keyid=key.public.keyid, value=key.sign(signed)) for key in keys)
    return Envelope(payload_type=payload_type, payload=payload, signatures=signatures)


def verify(envelope: Envelope, *, payload_type: str, keys: Iterable[PublicKey]) -> tuple[str, ...]:
    """Ids of the keys that signed the envelope, each once.

    Raises:
        TrustError: It is of another kind, or none of the keys signed it.
    """
    if envelope.payload_type != payload_type:
        raise TrustError(
            f"envelope holds `{envelope.payload_type[:200]}`, not `{payload_type}`",
            hint="name the file that was meant",
        )
    signed = pae(envelope.payload_type, envelope.payload)
    found = tuple(
        dict.fromkeys(
            key.keyid
            for key in keys
            if any(key.is_signature(signature.value, signed) for signature in envelope.signatures)
        )
    )
    if not found:
        raise TrustError(
            "none of the trusted keys signed this", hint="check who signed it, and with which key"
        )
    return found


def encode(envelope: Envelope) -> bytes:
    """The envelope as JSON, ending with a line feed."""
    return json.dumps(document_of(envelope), indent=2).encode() + b"\n"


def document_of(envelope: Envelope) -> dict[str, Any]:
    """The envelope as an object of JSON, to stand in another document."""
    return {
        "payload": base64.b64encode(envelope.payload).decode(),
        "payloadType": envelope.payload_type,
        "signatures": [
            {"keyid": signature.keyid, "sig": base64.b64encode(signature.value).decode()}
            for signature in envelope.signatures
        ],
    }


def parse(data: bytes) -> Envelope:
    """Read an envelope; its signatures are not checked yet.

    Raises:
        ParseError: It is none.
    """
    if len(data) > _MAX_BYTES:
        raise ParseError("envelope is longer than 64 MiB")
    try:
        wire = msgspec.json.decode(data, type=_Wire)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ParseError("no DSSE envelope", hint=_FORM) from error
    return _envelope(wire)


def envelope_of(document: object) -> Envelope:
    """Read an envelope that stands in another document; its signatures are not checked yet.

    Raises:
        ParseError: It is none.
    """
    try:
        wire = msgspec.convert(document, type=_Wire)
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        raise ParseError("no DSSE envelope", hint=_FORM) from error
    return _envelope(wire)


def _envelope(wire: _Wire) -> Envelope:
    try:
        payload = _decoded(wire.payload)
        signatures = tuple(
            Signature(keyid=(each.keyid or "")[:200], value=_decoded(each.sig))
            for each in wire.signatures[:_MAX_SIGNATURES]
        )
    except (binascii.Error, ValueError) as error:
        raise ParseError("no DSSE envelope", hint=_FORM) from error
    return Envelope(payload_type=wire.payloadType, payload=payload, signatures=signatures)


def _decoded(text: str) -> bytes:
    """Base64 in the standard or the URL form; the specification allows both.

    Bits that no byte uses must be zero, so that there is one spelling of the same bytes.
    """
    standard = text.replace("-", "+").replace("_", "/")
    raw = base64.b64decode(standard, validate=True)
    if base64.b64encode(raw).decode() != standard:
        raise ValueError("base64 with bits that belong to no byte")
    return raw

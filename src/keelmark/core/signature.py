"""What signing and verifying a model say: what was covered, who signed, and what differs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from keelmark.core.outcome import Outcome

__all__ = ["Change", "Difference", "ModelVerification", "SignedModel", "SignerIdentity"]


class Change(StrEnum):
    """How a file differs from what was signed."""

    CHANGED = "changed"
    REMOVED = "removed"
    ADDED = "added"
    LEFT_OUT = "left out"
    LINK = "link"
    SPECIAL = "special"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One file that is not as it was signed.

    Attributes:
        change: How it differs.
        path: Relative to the folder.
        detail: What is known beyond that.
    """

    change: Change
    path: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerIdentity:
    """Who signed, as far as the verifier's own keys and roots prove it.

    Attributes:
        algorithm: Of the key.
        keyid: SHA-256 of the key in DER form.
        subject: Distinguished name in the certificate; empty for a plain key.
        names: Names in the certificate.
        issuer: Who issued the certificate.
        fingerprint: SHA-256 of the certificate.
        not_after: End of the certificate's validity.
    """

    algorithm: str
    keyid: str
    subject: str = ""
    names: tuple[str, ...] = ()
    issuer: str = ""
    fingerprint: str = ""
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedModel:
    """What was signed.

    Attributes:
        name: Name of the folder or file.
        digest: SHA-256 that names this very content.
        files: How many files the signature covers.
        size: Bytes of them.
        left_out: Paths that the signature does not cover, as asked.
        signers: Who signed, the first first.
    """

    name: str
    digest: str
    files: int
    size: int
    left_out: tuple[str, ...]
    signers: tuple[SignerIdentity, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVerification:
    """Whether a model is what somebody trusted has signed.

    Attributes:
        outcome: Pass: it is. Fail: it is not. Unknown: that cannot be told here.
        reasons: Why it is no pass, apart from the differences.
        differences: Each file that is not as it was signed; empty when the signature itself was not accepted.
        signers: Who signed; empty unless proved.
        name: Name under which it was signed.
        digest: SHA-256 that names the signed content.
        files: Files that were compared.
        size: Bytes of them.
        allowed: Files that no signature covers, and that the verifier allowed.
        notes: What the reader should know though it changes nothing.
    """

    outcome: Outcome
    reasons: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    signers: tuple[SignerIdentity, ...] = ()
    name: str = ""
    digest: str = ""
    files: int = 0
    size: int = 0
    allowed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

"""Signed notes: a text and signatures under it that name their keys (C2SP signed-note).

Which signatures are made and understood:

- Ed25519, type 0x01. The one to choose: a log that others watch must carry it.
- ECDSA over P-256 with SHA-256, type 0x02, whose key id is taken from the key's DER form.
- Ed25519 cosignatures with a time, type 0x04 (C2SP tlog-cosignature), which witnesses make over checkpoints.

ECDSA over P-384 is refused: the assigned type hashes with SHA-256 whatever the curve, and keys of ours with SHA-384.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.errors import ParseError, TrustError, UsageError
from keelmark.trust.keys import PublicKey, load_public

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keelmark.trust.keys import PrivateKey

__all__ = [
    "COSIGNATURE",
    "ECDSA",
    "ED25519",
    "Note",
    "NoteBounds",
    "NoteSignature",
    "Signed",
    "Verifier",
    "cosign",
    "encode",
    "is_key_name",
    "parse",
    "parse_vkey",
    "sign",
    "signed_by",
    "verifier",
    "verify",
]

ED25519 = 0x01
ECDSA = 0x02
COSIGNATURE = 0x04

_KINDS = {ED25519: "ed25519", ECDSA: "ecdsa-p256-sha256", COSIGNATURE: "ed25519"}
_DASH = "\N{EM DASH} "
_RAW_KEY_BYTES = 32
_DER_OF_ED25519 = bytes.fromhex("302a300506032b6570032100")
_ID_BYTES = 4
_TIME_BYTES = 8
_MAX_TIME = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteBounds:
    """Bounds of a signed note.

    Attributes:
        max_bytes: Bytes of the whole note.
        max_signatures: Signature lines; sixteen must be accepted.
        max_name: Characters of a key's name.
    """

    max_bytes: int = 256 * 1024
    max_signatures: int = 64
    max_name: int = 255


_BOUNDS = NoteBounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSignature:
    """One signature line."""

    name: str
    key_id: bytes
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A text that ends with a line feed, and its signatures. Not to be believed before `verify`."""

    text: str
    signatures: tuple[NoteSignature, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """A known key: its name, what kind of signatures it makes, and their key id."""

    name: str
    kind: int
    key_id: bytes
    key: PublicKey

    @property
    def vkey(self) -> str:
        """The verifier key as text: `name+id+key`."""
        material = bytes([self.kind]) + _material(self.key, self.kind)
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(material).decode()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A signature that holds; a cosignature also says when it was made, in seconds since 1970."""

    verifier: Verifier
    time_s: int | None = None


def verifier(name: str, key: PublicKey, *, is_witness: bool = False) -> Verifier:
    """The verifier that a key is under a name.

    Raises:
        UsageError: The name cannot be one, or keys of this algorithm sign no notes.
    """
    if not is_key_name(name):
        raise UsageError(
            f"`{name}` cannot name a key", hint="a name like example.org/log: no space, no plus sign"
        )
    kind = COSIGNATURE if is_witness else _kind_of(key)
    if _KINDS[kind] != key.algorithm:
        raise UsageError(f"witnesses sign with Ed25519, not {key.algorithm}", hint="name an Ed25519 key")
    return Verifier(name=name, kind=kind, key_id=_key_id(name, key, kind), key=key)


def parse_vkey(text: str) -> Verifier:
    """The verifier of a verifier key.

    Raises:
        ParseError: It is none.
        UsageError: It is of a kind that is not used, or the extra is not installed.
    """
    name, _, rest = text.strip().partition("+")
    key_id, _, material = rest.partition("+")
    try:
        raw = base64.b64decode(material, validate=True)
        wanted = bytes.fromhex(key_id)
    except (binascii.Error, ValueError):
        raw = wanted = b""
    if not is_key_name(name) or len(wanted) != _ID_BYTES or wanted.hex() != key_id or not raw:
        raise ParseError("no verifier key", hint="it looks like example.org/log+530d903a+AekyeRrm...")
    kind, der = raw[0], raw[1:]
    if kind not in _KINDS:
        raise UsageError(f"`{name}` signs in a way that is not used (type {kind:#04x})")
    if kind != ECDSA:
        if len(der) != _RAW_KEY_BYTES:
            raise ParseError(f"verifier key of `{name}` has {len(der)} bytes, not {_RAW_KEY_BYTES}")
        der = _DER_OF_ED25519 + der
    body = base64.encodebytes(der).decode()
    try:
        key = load_public(f"-----BEGIN PUBLIC KEY-----\n{body}-----END PUBLIC KEY-----\n".encode())
    except TrustError as error:
        raise ParseError(f"verifier key of `{name}` holds no key") from error
    if key.algorithm != _KINDS[kind] or _key_id(name, key, kind) != wanted:
        raise ParseError(f"verifier key of `{name}` does not fit its id", hint="copy it again, whole")
    return Verifier(name=name, kind=kind, key_id=wanted, key=key)


def is_key_name(name: str) -> bool:
    """Whether a key may have this name."""
    return 0 < len(name) <= _BOUNDS.max_name and not any(
        char.isspace() or char == "+" or ord(char) < 0x20 or 0xD800 <= ord(char) <= 0xDFFF for char in name
    )


def sign(text: str, *, name: str, key: PrivateKey) -> NoteSignature:
    """A signature over the text.

    Raises:
        UsageError: The key is of a kind that signs no notes.
    """
    of = verifier(name, key.public)
    return NoteSignature(name=name, key_id=of.key_id, value=key.sign(text.encode()))


def cosign(text: str, *, name: str, key: PrivateKey, time_s: int) -> NoteSignature:
    """The signature of a witness over the text and the time.

    Raises:
        UsageError: The key is not an Ed25519 key.
    """
    of = verifier(name, key.public, is_witness=True)
    value = time_s.to_bytes(_TIME_BYTES, "big") + key.sign(_cosigned(text, time_s))
    return NoteSignature(name=name, key_id=of.key_id, value=value)


def signed_by(note: Note, verifiers: Iterable[Verifier]) -> tuple[Signed, ...]:
    """Signatures of the known that hold, perhaps none. Signatures of unknown keys are passed over.

    Raises:
        TrustError: A signature of a known key does not hold.
    """
    found = [
        _checked(note.text, signature, known)
        for known in verifiers
        for signature in note.signatures
        if (signature.name, signature.key_id) == (known.name, known.key_id)
    ]
    return tuple(dict.fromkeys(found))


def verify(note: Note, verifiers: Iterable[Verifier]) -> tuple[Signed, ...]:
    """Who of the known signed the note: one at least.

    Raises:
        TrustError: A signature of a known key does not hold, or no known key signed.
    """
    found = signed_by(note, verifiers)
    if not found:
        raise TrustError(
            "none of the trusted keys signed this", hint="check who signed it, and with which key"
        )
    return found


def encode(note: Note) -> bytes:
    """The note as bytes."""
    lines = [
        f"{_DASH}{each.name} {base64.b64encode(each.key_id + each.value).decode()}\n"
        for each in note.signatures
    ]
    return f"{note.text}\n{''.join(lines)}".encode()


def parse(data: bytes) -> Note:
    """Read a note; nothing is verified. One without any signature is read too, and never verifies.

    Raises:
        ParseError: It is none.
    """
    if len(data) > _BOUNDS.max_bytes:
        raise ParseError(f"note is longer than {_BOUNDS.max_bytes} bytes")
    try:
        whole = data.decode()
    except UnicodeDecodeError as error:
        raise ParseError("note is not UTF-8") from error
    if any(char < " " and char != "\n" for char in whole):
        raise ParseError("note holds control characters")
    text, blank, rest = whole.rpartition("\n\n")
    if not blank or not text or (rest and not rest.endswith("\n")):
        raise ParseError("no signed note", hint="it is a text, an empty line, and lines of signatures")
    lines = rest.split("\n")[:-1]
    if len(lines) > _BOUNDS.max_signatures:
        raise ParseError(f"note has more than {_BOUNDS.max_signatures} signatures")
    return Note(text=f"{text}\n", signatures=tuple(map(_signature, lines)))


def _signature(line: str) -> NoteSignature:
    name, _, value = line.removeprefix(_DASH).partition(" ")
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    canonical = base64.b64encode(raw).decode() == value
    if not line.startswith(_DASH) or not is_key_name(name) or len(raw) <= _ID_BYTES or not canonical:
        raise ParseError("note has a line that is no signature")
    return NoteSignature(name=name, key_id=raw[:_ID_BYTES], value=raw[_ID_BYTES:])


def _checked(text: str, signature: NoteSignature, known: Verifier) -> Signed:
    value, time_s, signed = signature.value, None, text.encode()
    if known.kind == COSIGNATURE:
        time_s, value = int.from_bytes(value[:_TIME_BYTES], "big"), value[_TIME_BYTES:]
        signed = _cosigned(text, time_s)
    if (time_s or 0) > _MAX_TIME or not known.key.is_signature(value, signed):
        raise TrustError(
            f"the signature of `{known.name}` does not hold",
            hint="the note was changed after it was signed, or a part of it was lost",
        )
    return Signed(verifier=known, time_s=time_s)


def _cosigned(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def _kind_of(key: PublicKey) -> int:
    for kind, algorithm in _KINDS.items():
        if algorithm == key.algorithm:
            return kind
    raise UsageError(f"{key.algorithm} signs no logs", hint="use a key of Ed25519, or of ECDSA over P-256")


def _key_id(name: str, key: PublicKey, kind: int) -> bytes:
    if kind == ECDSA:
        return bytes.fromhex(key.keyid)[:_ID_BYTES]
    named = name.encode() + b"\n" + bytes([kind]) + _material(key, kind)
    return hashlib.sha256(named).digest()[:_ID_BYTES]


def _material(key: PublicKey, kind: int) -> bytes:
    der = base64.b64decode("".join(key.pem.strip().splitlines()[1:-1]))
    return der if kind == ECDSA else der[-_RAW_KEY_BYTES:]

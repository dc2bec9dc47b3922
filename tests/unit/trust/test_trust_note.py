"""Signed notes, checkpoints and cosignatures, by the examples of their specifications and against tampering."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.log import TreeHead
from keelmark.errors import ParseError, TrustError, UsageError
from keelmark.trust import checkpoint, note
from keelmark.trust.keys import load_private, load_public
from keelmark.trust.merkle import EMPTY_ROOT

NAME = "example.org/log"
TEXT = f"{NAME}\n3\n{base64.b64encode(b'r' * 32).decode()}\n"


def pem_of(key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


RAW = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = load_private(pem_of(RAW))
OTHER = load_private(pem_of(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))))
P256 = ec.derive_private_key(12345, ec.SECP256R1())
P256_KEY = load_private(pem_of(P256))
P384_KEY = load_private(pem_of(ec.derive_private_key(12345, ec.SECP384R1())))
LOG = note.verifier(NAME, KEY.public)


def signed(text: str = TEXT, *, key=KEY, name: str = NAME) -> note.Note:
    return note.Note(text=text, signatures=(note.sign(text, name=name, key=key),))


@pytest.mark.parametrize(
    ("vkey", "text"),
    [
        (
            "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n",
        ),
        (
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
        ),
    ],
)
def test_notes_of_others_verify(vkey: str, text: str) -> None:
    known = note.parse_vkey(vkey)
    assert known.vkey == vkey
    found = note.parse(text.encode())
    assert [each.verifier for each in note.verify(found, [known])] == [known]
    assert note.encode(found) == text.encode()
    changed = note.parse(text.replace("is an", "is no", 1).replace("answer", "question", 1).encode())
    with pytest.raises(TrustError, match="does not hold"):
        note.verify(changed, [known])


def test_key_id_and_signature_are_what_the_specification_says() -> None:
    raw = RAW.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    key_id = hashlib.sha256(NAME.encode() + b"\n\x01" + raw).digest()[:4]
    line = signed().signatures[0]
    assert line.key_id == key_id == LOG.key_id
    RAW.public_key().verify(line.value, TEXT.encode())
    assert LOG.vkey == f"{NAME}+{key_id.hex()}+" + base64.b64encode(b"\x01" + raw).decode()


def test_ecdsa_over_p256_has_the_id_of_its_der_form() -> None:
    known = note.verifier(NAME, P256_KEY.public)
    der = P256.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert known.key_id == hashlib.sha256(der).digest()[:4]
    found = signed(key=P256_KEY)
    P256.public_key().verify(found.signatures[0].value, TEXT.encode(), ec.ECDSA(hashes.SHA256()))
    assert note.verify(found, [note.parse_vkey(known.vkey)])


def test_keys_that_sign_no_notes_are_refused() -> None:
    with pytest.raises(UsageError, match="signs no logs"):
        note.verifier(NAME, P384_KEY.public)
    with pytest.raises(UsageError, match="witnesses sign with Ed25519"):
        note.verifier(NAME, P256_KEY.public, is_witness=True)
    unknown = f"{NAME}+00000000+{base64.b64encode(bytes([6]) + bytes(32)).decode()}"
    with pytest.raises(UsageError, match="type 0x06"):
        note.parse_vkey(unknown)


def test_cosignature_covers_time_and_text() -> None:
    line = note.cosign(TEXT, name="witness.example/w", key=KEY, time_s=1_679_315_147)
    RAW.public_key().verify(line.value[8:], b"cosignature/v1\ntime 1679315147\n" + TEXT.encode())
    known = note.verifier("witness.example/w", KEY.public, is_witness=True)
    assert note.parse_vkey(known.vkey) == known
    assert known.key_id != note.verifier("witness.example/w", KEY.public).key_id
    found = note.verify(note.Note(text=TEXT, signatures=(line,)), [known])
    assert [each.time_s for each in found] == [1_679_315_147]
    for value in (
        (1).to_bytes(8, "big") + line.value[8:],
        note.cosign(TEXT, name="witness.example/w", key=KEY, time_s=2**63).value,
        line.value[:5],
    ):
        forged = note.NoteSignature(name=line.name, key_id=line.key_id, value=value)
        with pytest.raises(TrustError):
            note.verify(note.Note(text=TEXT, signatures=(forged,)), [known])


def test_unknown_signatures_are_passed_over_and_known_ones_must_hold() -> None:
    good, foreign = signed().signatures[0], signed(key=OTHER).signatures[0]
    same_id = note.NoteSignature(name="another", key_id=good.key_id, value=b"x" * 64)
    mixed = note.Note(text=TEXT, signatures=(foreign, same_id, good))
    assert len(note.verify(mixed, [LOG])) == 1
    bad = note.NoteSignature(name=NAME, key_id=good.key_id, value=b"x" * 64)
    with pytest.raises(TrustError, match="does not hold"):
        note.verify(note.Note(text=TEXT, signatures=(good, bad)), [LOG])
    with pytest.raises(TrustError, match="none of the trusted keys"):
        note.verify(note.Note(text=TEXT, signatures=(foreign,)), [LOG])
    with pytest.raises(TrustError, match="none of the trusted keys"):
        note.verify(mixed, [])
    assert note.signed_by(note.Note(text=TEXT), [LOG]) == ()


@given(st.data())
def test_any_bit_flipped_is_noticed(data: st.DataObject) -> None:
    whole = bytearray(note.encode(signed()))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises((ParseError, TrustError)):
        note.verify(note.parse(bytes(whole)), [LOG])


@given(st.binary(max_size=300))
def test_any_bytes_are_a_note_or_none(data: bytes) -> None:
    try:
        found = note.parse(data)
    except ParseError:
        return
    assert note.encode(found) == data


def test_parse_is_strict() -> None:
    good = note.encode(signed())
    for broken in (
        b"", b"\n", b"\n\n", b"text", b"text\n", good[:-1], good.replace("—".encode(), b"-"),
        good + b"rest\n", b"\xff" + good, b"\x00" + good, good.replace(b"\n3\n", b"\r\n3\n"),
        good.replace(b"=\n", b"\n"), "a\n\n— b AAAA\n".encode(), "a\n\n— b c AAAAAAAA\n".encode(),
        "a\n\n— b+c AAAAAAAA\n".encode(),
    ):  # fmt: skip
        with pytest.raises(ParseError):
            note.parse(broken)
    with pytest.raises(ParseError, match="more than 64"):
        note.parse(note.encode(note.Note(text=TEXT, signatures=signed().signatures * 65)))
    assert (
        len(note.parse(note.encode(note.Note(text=TEXT, signatures=signed().signatures * 16))).signatures)
        == 16
    )
    with pytest.raises(ParseError, match="longer"):
        note.parse(b"a\n" * 200_000)
    assert note.parse(b"a\n\nb\n\n").text == "a\n\nb\n"
    assert note.parse(good + b"\n").signatures == ()


@pytest.mark.parametrize(
    "name", ["", "a b", "a+b", "a\u00a0b", "a\u2003b", "a\n", "x" * 256, "\ud800", "a\x01"]
)
def test_names_are_those_of_the_specification(name: str) -> None:
    assert not note.is_key_name(name)
    with pytest.raises(UsageError):
        note.verifier(name, KEY.public)


@pytest.mark.parametrize(
    "text",
    ["", "x", "a+b", "a+b+c", f"{NAME}+zz+AQ==", LOG.vkey.replace(LOG.key_id.hex(), LOG.key_id.hex(" ")), f"{NAME}+00000000+", f"{NAME}+00000000+AQ==",
     f"{NAME}+00000000+{LOG.vkey.split('+', 2)[2]}", "é" + LOG.vkey, LOG.vkey[:-4],
     f"{NAME}+00000000+" + base64.b64encode(b"\x02junk").decode()],
)  # fmt: skip
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        note.parse_vkey(text)


def test_checkpoint_is_written_and_read_back() -> None:
    head = TreeHead(origin=NAME, size=3, root=b"r" * 32)
    assert checkpoint.text_of(head) == TEXT
    assert checkpoint.head_of(TEXT) == head
    assert checkpoint.head_of(f"{TEXT}extension\n") == head


ROOT = base64.b64encode(b"r" * 32).decode()


@pytest.mark.parametrize(
    "text",
    ["", "\n", "a\n3\n", f"a\u202eb\n3\n{ROOT}\n", f"a\x9bb\n3\n{ROOT}\n", f"\n3\n{ROOT}\n", f"a\n03\n{ROOT}\n", f"a\n+3\n{ROOT}\n", f"a\n-3\n{ROOT}\n",
     f"a\n٣\n{ROOT}\n", f"a\n{2**63}\n{ROOT}\n", f"a\n3\n{ROOT[:-4]}\n", f"a\n3\n{ROOT}", "a\n3\n!\n",
     f"a\n3\n{ROOT}\n\nx\n", f"a\n0\n{ROOT}\n", f"a\n3\n{ROOT[:-2]}l=\n", "a\n" + "9" * 5000 + f"\n{ROOT}\n"],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        checkpoint.head_of(text)


def test_empty_log_has_the_empty_root() -> None:
    head = TreeHead(origin="a", size=0, root=EMPTY_ROOT)
    assert checkpoint.head_of(checkpoint.text_of(head)) == head


def test_verifier_of_a_public_key_is_that_of_the_private_one() -> None:
    assert note.verifier(NAME, load_public(KEY.public.pem.encode())) == LOG

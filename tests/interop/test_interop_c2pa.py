"""Images that the gateway signs, read by the library of the Content Authenticity Initiative.

Runs where c2pa-python is installed (`make test-c2pa`).
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tests.e2e.test_e2e_gateway import CHAT, SETTINGS, run, serving, tmp_path

c2pa = pytest.importorskip("c2pa", reason="the package c2pa-python is not installed")

from keelmark.core.image_credential import MadeImage  # noqa: E402 - only where the package is
from keelmark.core.secret import Secret  # noqa: E402
from keelmark.errors import ConfigurationError, TrustError  # noqa: E402
from keelmark.operation.credentials.c2pa_signer import C2paImages, material_of  # noqa: E402

__all__ = ["tmp_path"]

SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
ABOUT = MadeImage(system="Desk", model="painter", release="rel", request="0" * 32)
IMAGES = {
    "image/png": "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAAAAABX3VL4AAAADklEQVR4nGM8wcDEwAAAA/oAzIAKlEUAAAAASUVORK5CYII=",
    "image/webp": "UklGRjwAAABXRUJQVlA4IDAAAADQAQCdASoCAAIAAUAmJaACdLoB+AADsAD+934v/kFpXLeAP/4kL8SF+JC/8P4AAAA=",
    "image/gif": "R0lGODdhAgACAIEAAMgAAAAAAAAAAAAAACwAAAAAAgACAAAIBgABCAQQEAA7",
    "image/jpeg": (
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgy"
        "PC4zNDL/wAALCAACAAIBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEG"
        "E1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJ"
        "ipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/APSK/9k="
    ),
}


def pem(key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def certificate(name: str, key, *, issuer=None, issuer_key=None) -> x509.Certificate:
    """A certificate as C2PA wants it; one that issues others where no issuer is given."""
    now = datetime.now(tz=UTC)
    is_issuer = issuer is None
    subject = x509.Name([
        x509.NameAttribute(NameOID.COMMON_NAME, name), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example"),
    ])  # fmt: skip
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=is_issuer, crl_sign=is_issuer, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    signer = issuer_key or key
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=is_issuer, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if not is_issuer:
        made = made.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
        )
    return made.sign(signer, hashes.SHA256())


def chain(key) -> tuple[bytes, bytes]:
    """Certificates of a signer, and its key, as PEM."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    root = certificate("root", root_key)
    leaf = certificate("signer", key, issuer=root, issuer_key=root_key)
    return leaf.public_bytes(Encoding.PEM) + root.public_bytes(Encoding.PEM), pem(key)


@pytest.fixture(scope="module")
def material() -> tuple[bytes, bytes]:
    return chain(ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture(scope="module")
def signer(material) -> C2paImages:
    return C2paImages(material_of(material[0], Secret(material[1])))


def read(image: bytes, kind: str) -> dict:
    with c2pa.Reader(kind, io.BytesIO(image)) as reader:
        return json.loads(reader.json())


def active(said: dict) -> dict:
    return said["manifests"][said["active_manifest"]]


def assertion(manifest: dict, label: str) -> dict:
    return next(each["data"] for each in manifest["assertions"] if each["label"].startswith(label))


@pytest.mark.parametrize("kind", sorted(IMAGES))
def test_an_image_says_that_a_model_made_it_and_verifies(signer: C2paImages, kind: str) -> None:
    said = read(signer.sign(base64.b64decode(IMAGES[kind]), kind, ABOUT), kind)
    assert said["validation_state"] == "Valid"
    (action,) = assertion(active(said), "c2pa.actions")["actions"]
    assert (action["action"], action["digitalSourceType"]) == ("c2pa.created", SOURCE)
    assert action["softwareAgent"] == {"name": "painter", "version": "rel"}
    assert assertion(active(said), "org.keelmark.made") == {
        "system": "Desk", "model": "painter", "release": "rel", "request": "0" * 32,
    }  # fmt: skip


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65_537, 2_048),
    ],
)
def test_keys_of_every_kind_that_c2pa_knows_sign(key) -> None:
    certificates, private = chain(key)
    made = C2paImages(material_of(certificates, Secret(private)))
    image = made.sign(base64.b64decode(IMAGES["image/png"]), "image/png", ABOUT)
    assert read(image, "image/png")["validation_state"] == "Valid"


def test_a_changed_image_does_not_verify(signer: C2paImages) -> None:
    image = bytearray(signer.sign(base64.b64decode(IMAGES["image/png"]), "image/png", ABOUT))
    image[-20] ^= 1
    assert read(bytes(image), "image/png")["validation_state"] == "Invalid"


def test_what_an_image_came_with_is_kept(signer: C2paImages) -> None:
    before = signer.sign(base64.b64decode(IMAGES["image/png"]), "image/png", ABOUT)
    said = read(signer.sign(before, "image/png", ABOUT), "image/png")
    assert said["validation_state"] == "Valid"
    assert len(said["manifests"]) == 2
    (parent,) = active(said)["ingredients"]
    assert parent["relationship"] == "parentOf"
    assert parent["active_manifest"] == read(before, "image/png")["active_manifest"]
    assert [each["action"] for each in assertion(active(said), "c2pa.actions")["actions"]] == ["c2pa.opened"]


@pytest.mark.parametrize("image", [b"", b"\x89PNG\r\n\x1a\n", b"x" * 100])
def test_what_is_no_image_is_not_signed(signer: C2paImages, image: bytes) -> None:
    with pytest.raises(TrustError):
        signer.sign(image, "image/png", ABOUT)


def test_a_key_that_is_not_of_the_certificate_is_met_at_the_start(material) -> None:
    other = pem(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(ConfigurationError, match="cannot be signed"):
        C2paImages(material_of(material[0], Secret(other)))


def test_a_certificate_that_does_not_do_is_met_at_the_start() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    alone = certificate("root", key).public_bytes(Encoding.PEM)
    with pytest.raises(ConfigurationError, match="cannot be signed"):
        C2paImages(material_of(alone, Secret(pem(key))))


@pytest.mark.parametrize("key", [b"no key", pem(ec.generate_private_key(ec.SECP256K1()))])
def test_a_key_of_no_known_kind_is_refused_and_not_shown(material, key: bytes) -> None:
    with pytest.raises(ConfigurationError) as caught:
        material_of(material[0], Secret(key))
    assert key.decode()[:40] not in str(caught.value)


def test_a_time_stamp_that_cannot_be_had_leaves_nothing_signed(material) -> None:
    with pytest.raises(ConfigurationError, match="cannot be signed"):
        C2paImages(material_of(material[0], Secret(material[1]), time_stamp="http://127.0.0.1:9/"))


def test_several_threads_may_ask(signer: C2paImages) -> None:
    async def main() -> list[bytes]:
        image = base64.b64decode(IMAGES["image/png"])
        asked = (asyncio.to_thread(signer.sign, image, "image/png", ABOUT) for _ in range(32))
        return list(await asyncio.gather(*asked))

    for image in asyncio.run(main()):
        assert read(image, "image/png")["validation_state"] == "Valid"


def test_the_gateway_signs_what_it_answers(tmp_path: Path, material, monkeypatch) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "chain.pem").write_bytes(material[0])
    (tmp_path / "image.key").write_bytes(material[1])
    settings = f"{SETTINGS}credentials: {{{{images: {{{{certificate: ../chain.pem, key: 'file:{tmp_path}/image.key'}}}}}}}}\n"

    async def main() -> None:
        async with serving(tmp_path, settings=settings) as gateway:
            gateway.model.texts = [f"![a](data:image/png;base64,{IMAGES['image/png']})"]
            status, body = await gateway.ask(CHAT)
            assert status == 200
            text = json.loads(body)["choices"][0]["message"]["content"]
            image = base64.b64decode(text.partition(",")[2].rstrip(")"))
            said = read(image, "image/png")
            assert said["validation_state"] == "Valid"
            assert assertion(active(said), "org.keelmark.made")["model"] == "small"
            broken = base64.b64encode(b"\x89PNG\r\n\x1a\n no chunks IEND").decode()
            gateway.model.texts = [f"data:image/png;base64,{broken}"]
            status, body = await gateway.ask(CHAT)
            assert (status, json.loads(body)["error"]["code"]) == (502, "image-not-signed")

    run(main())

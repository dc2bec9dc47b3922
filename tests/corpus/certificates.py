"""Keys and chains of certificates for tests, each named by its defect."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
_DAY = timedelta(days=1)
_NO_USAGE = dict.fromkeys(
    [
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ],
    False,
)


def new_key(curve=ec.SECP256R1):
    return ec.generate_private_key(curve())


def private_pem(key, password: bytes | None = None) -> bytes:
    protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)


def public_pem(key) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def usage(**allowed: bool) -> x509.KeyUsage:
    return x509.KeyUsage(**{**_NO_USAGE, **allowed})


def extended(*purposes) -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage(purposes or (ExtendedKeyUsageOID.CODE_SIGNING,))


def certificate(  # noqa: PLR0913 - each defect is one argument
    name,
    key,
    *,
    issuer=None,
    issuer_key=None,
    ca=None,
    path_length=None,
    extensions=(),
    start=NOW - 2_000 * _DAY,
    end=NOW + 30_000 * _DAY,
):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, path_length), critical=True)
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, critical=is_critical)
    return builder.sign(issuer_key or key, hashes.SHA256())


SIGNING = ((usage(digital_signature=True), True), (extended(), False))
ISSUING = ((usage(key_cert_sign=True, crl_sign=True), True),)


class Chain:
    """A root, an issuer in between, and a signer."""

    def __init__(self, curve=ec.SECP256R1, **leaf) -> None:
        self.root_key, self.issuer_key, self.key = new_key(), new_key(ec.SECP384R1), new_key(curve)
        self.root = certificate("Test root", self.root_key, ca=True, extensions=ISSUING)
        self.issuer = certificate(
            "Test issuer",
            self.issuer_key,
            issuer=self.root,
            issuer_key=self.root_key,
            ca=True,
            path_length=0,
            extensions=ISSUING,
        )
        names = x509.SubjectAlternativeName([x509.RFC822Name("ml@example.org")])
        self.leaf = certificate(
            "Model team",
            self.key,
            issuer=self.issuer,
            issuer_key=self.issuer_key,
            **{
                "ca": False,
                "start": NOW - 30 * _DAY,
                "end": NOW + 300 * _DAY,
                "extensions": (*SIGNING, (names, False)),
                **leaf,
            },
        )

    @property
    def der(self) -> tuple[bytes, ...]:
        return der(self.leaf), der(self.issuer)

    @property
    def roots(self) -> tuple[bytes, ...]:
        return (der(self.root),)


def der(each) -> bytes:
    return each.public_bytes(serialization.Encoding.DER)


def pem(*each) -> bytes:
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in each)

"""Signs images in the form of C2PA (Content Credentials), by the library of the Content Authenticity Initiative.

The manifest says that a trained algorithm made the image (`c2pa.created` with the digital source type of the IPTC), by
which system, model and release, and for which request. An image that comes with a manifest keeps it: the new manifest opens
it as its parent. The library is told to fetch nothing: manifests that lie elsewhere are not asked for. Only a time stamp, where
one is wanted, comes over the network.

Needs the package `c2pa-python`, which is loaded with the first signer: only who signs images has it.
"""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from keelmark.core.secret import Secret
from keelmark.errors import ConfigurationError, TrustError
from keelmark.operation.credentials.disclosure import SOURCE_TYPE
from keelmark.version import __version__

if TYPE_CHECKING:
    from keelmark.core.image_credential import MadeImage

__all__ = ["C2paImages", "SignerMaterial", "material_of"]

_SETTINGS: Final = {
    # An image says where to fetch from: nobody but the operator decides whom the gateway talks to.
    "verify": {"verify_after_sign": True, "remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}
_CURVES: Final = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
# One white dot, as PNG: signed at the start, so that a certificate that does not do is met then.
_DOT: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a49444154789c63f80f0001010100"
    "1bb6ee560000000049454e44ae426082"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerMaterial:
    """What images are signed with.

    Attributes:
        certificates: PEM: the certificate of the signer first, then those of its issuers.
        key: PEM of its private key.
        algorithm: As C2PA names it: `es256`, `es384`, `es512`, `ps256`, `ed25519`.
        time_stamp: Address of a time stamp authority (RFC 3161); "" for none.
    """

    certificates: bytes
    key: Secret
    algorithm: str
    time_stamp: str = ""


class C2paImages:
    """Signs images; one at a time, whichever threads ask.

    Args:
        material: What with. It is tried on a small image.

    Raises:
        ConfigurationError: It does not do, or the package is not installed.
    """

    __slots__ = ("_context", "_library", "_lock", "_signer")

    def __init__(self, material: SignerMaterial) -> None:
        try:
            import c2pa  # noqa: PLC0415 - an extra, and large: only who signs images has it
        except ImportError as error:
            raise ConfigurationError(
                "images are to be signed, and the package for it is not installed",
                hint="pip install 'keelmark[c2pa]'",
            ) from error
        self._lock, self._library = threading.Lock(), c2pa
        try:
            self._context = c2pa.Context(c2pa.Settings.from_dict(_SETTINGS))
            self._signer = c2pa.Signer.from_info(
                c2pa.C2paSignerInfo(
                    material.algorithm,
                    material.certificates,
                    material.key.reveal(),
                    material.time_stamp or None,
                )
            )
            self._made(_DOT, "image/png", _manifest({"name": "keelmark"}))
        except c2pa.C2paError as error:
            raise ConfigurationError(
                f"images cannot be signed with this certificate and key: {error}",
                hint="C2PA wants a certificate of an issuer, for signing, with an extended key usage that fits, and its own key",
            ) from error

    def sign(self, image: bytes, kind: str, about: MadeImage) -> bytes:
        """The image with its manifest.

        Raises:
            TrustError: It cannot be signed.
        """
        c2pa = self._library
        try:
            with self._lock:
                if self._has_manifest(image, kind):
                    return self._opened(image, kind, about)
                return self._made(image, kind, _manifest(_agent(about), about))
        except c2pa.C2paError as error:
            raise TrustError(f"the image cannot be signed: {error}") from error

    def _has_manifest(self, image: bytes, kind: str) -> bool:
        c2pa = self._library
        try:
            c2pa.Reader(kind, io.BytesIO(image), context=self._context).close()
        except c2pa.C2paError.ManifestNotFound:
            return False
        return True

    def _made(self, image: bytes, kind: str, manifest: dict[str, Any]) -> bytes:
        out = io.BytesIO()
        with self._library.Builder(manifest, self._context) as builder:
            builder.sign(self._signer, kind, io.BytesIO(image), out)
        return out.getvalue()

    def _opened(self, image: bytes, kind: str, about: MadeImage) -> bytes:
        """An image that comes with a manifest, which becomes the parent of the new one."""
        manifest, out = _manifest(None, about), io.BytesIO()
        with self._library.Builder(manifest, self._context) as builder:
            builder.set_intent(self._library.C2paBuilderIntent.EDIT)
            parent = {"title": "as the model's provider signed it", "relationship": "parentOf"}
            builder.add_ingredient(parent, kind, io.BytesIO(image))
            builder.sign(self._signer, kind, io.BytesIO(image), out)
        return out.getvalue()


def material_of(certificates: bytes, key: Secret, *, time_stamp: str = "") -> SignerMaterial:
    """What images are signed with, the algorithm being that of the key.

    Raises:
        ConfigurationError: The key is none, or of no kind that C2PA allows.
    """
    try:
        found = load_pem_private_key(key.reveal(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # What the library says may show parts of it.
        raise ConfigurationError(
            "the key that images are signed with is no private key in PEM form"
        ) from None
    algorithm = ""
    if isinstance(found, ec.EllipticCurvePrivateKey):
        algorithm = _CURVES.get(found.curve.name, "")
    elif isinstance(found, rsa.RSAPrivateKey):
        algorithm = "ps256"
    elif isinstance(found, ed25519.Ed25519PrivateKey):
        algorithm = "ed25519"
    if not algorithm:
        raise ConfigurationError("C2PA does not know the kind of the key that images are signed with")
    plain = Secret(found.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return SignerMaterial(certificates=certificates, key=plain, algorithm=algorithm, time_stamp=time_stamp)


def _agent(about: MadeImage) -> dict[str, str]:
    return {"name": about.model or "model", **({"version": about.release} if about.release else {})}


def _manifest(agent: dict[str, str] | None, about: MadeImage | None = None) -> dict[str, Any]:
    assertions: list[dict[str, Any]] = []
    if agent is not None:
        action = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE, "softwareAgent": agent}
        assertions.append({"label": "c2pa.actions.v2", "data": {"actions": [action]}})
    if about is not None:
        said = {
            "system": about.system, "model": about.model, "release": about.release, "request": about.request,
        }  # fmt: skip
        assertions.append(
            {"label": "org.keelmark.made", "data": {name: each for name, each in said.items() if each}}
        )
    return {
        "claim_generator_info": [{"name": "keelmark", "version": __version__}],
        "title": "image of a model",
        "assertions": assertions,
    }

"""Keys that never leave their device: PKCS#11 tokens, smart cards and security modules, named by a URI (RFC 7512).

Needs the extra `pkcs11`. Keys of ECDSA over P-256, P-384 and P-521 are used. The PIN never stands in the URI, where
lists of processes and histories of shells would show it.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from keelmark.errors import TrustError, UsageError
from keelmark.trust.keys import PublicKey, load_public

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.secret import Secret

__all__ = ["DeviceKey", "KeyUri", "open_device_key", "parse_uri"]

_SCHEME = "pkcs11:"
_MAX_URI = 4_096
_FORM = "it looks like pkcs11:token=signing;object=models?module-path=/usr/lib/softhsm/libsofthsm2.so"
_PATH = frozenset({"token", "serial", "object", "id", "type", "manufacturer", "model"})
_QUERY = frozenset({"module-path"})
_DIGESTS = {
    "ecdsa-p256-sha256": hashlib.sha256,
    "ecdsa-p384-sha384": hashlib.sha384,
    "ecdsa-p521-sha512": hashlib.sha512,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUri:
    """Where a key lies.

    Attributes:
        module: The library of the device.
        token: Label of the token.
        serial: Serial number of the token.
        label: Label of the key.
        id: Identifier of the key.
    """

    module: str = ""
    token: str = ""
    serial: bytes = b""
    label: str = ""
    id: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceKey:
    """A key in a device, while its session is open."""

    public: PublicKey
    _key: Any = field(repr=False, compare=False)

    def sign(self, data: bytes) -> bytes:
        """The signature over the data, made by the device.

        Raises:
            TrustError: The device refused.
        """
        pkcs11, curves = _library(), importlib.import_module("pkcs11.util.ec")
        digest = _DIGESTS[self.public.algorithm](data).digest()
        try:
            raw = self._key.sign(digest, mechanism=pkcs11.Mechanism.ECDSA)
        except pkcs11.PKCS11Error as error:
            raise TrustError(f"the device refused to sign: {_words(error)}") from error
        return self.public.lowered(bytes(curves.encode_ecdsa_signature(raw)))


def parse_uri(text: str) -> KeyUri:
    """Read a URI of PKCS#11.

    Raises:
        UsageError: It is none, names no key, or holds a PIN.
    """
    if not text.startswith(_SCHEME) or len(text) > _MAX_URI:
        raise UsageError("no URI of PKCS#11", hint=_FORM)
    path, _, query = text.removeprefix(_SCHEME).partition("?")
    found = {**_attributes(path, ";", _PATH), **_attributes(query, "&", _QUERY)}
    uri = KeyUri(
        module=_text(found, "module-path"),
        token=_text(found, "token"),
        serial=found.get("serial", b""),
        label=_text(found, "object"),
        id=found.get("id", b""),
    )
    if not (uri.label or uri.id):
        raise UsageError("the URI names no key", hint=_FORM)
    return uri


@contextmanager
def open_device_key(uri: KeyUri, *, pin: Secret | None, module: str = "") -> Iterator[DeviceKey]:
    """Log in to a device and find a key; logged out again at the end.

    Args:
        uri: Where the key lies.
        pin: PIN of the token.
        module: Library of the device, when the URI names none.

    Raises:
        UsageError: The extra or the module is missing, or there is no such token or key.
        TrustError: The PIN is wrong, or the key is of a kind that is not used.
    """
    pkcs11 = _library()
    path = uri.module or module
    if not path:
        raise UsageError(
            "the library of the device is not named",
            hint="set KEELMARK_PKCS11_MODULE, or module-path in the URI",
        )
    with ExitStack() as stack:
        try:
            library = pkcs11.lib(path)
            token = library.get_token(token_label=uri.token or None, token_serial=uri.serial or None)
            session = stack.enter_context(token.open(user_pin=pin.reveal().decode() if pin else None))
            key = _found(session, uri, pkcs11)
        except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange, pkcs11.PinLocked) as error:
            raise TrustError(
                f"the device refused the PIN: {_words(error)}", hint="set KEELMARK_PKCS11_PIN"
            ) from error
        except (pkcs11.PKCS11Error, RuntimeError, ValueError) as error:
            raise UsageError(f"the device cannot be used: {_words(error)}", hint=_FORM) from error
        yield key


def _found(session: Any, uri: KeyUri, pkcs11: Any) -> DeviceKey:
    wanted = {"label": uri.label or None, "id": uri.id or None}
    kinds, curves = pkcs11.ObjectClass, importlib.import_module("pkcs11.util.ec")
    private = session.get_key(object_class=kinds.PRIVATE_KEY, **wanted)
    public = session.get_key(object_class=kinds.PUBLIC_KEY, **wanted)
    if public.key_type != pkcs11.KeyType.EC:
        raise TrustError("a key of this kind is not used", hint="ECDSA over P-256, P-384 or P-521")
    body = base64.encodebytes(curves.encode_ec_public_key(public)).decode()
    key = load_public(f"-----BEGIN PUBLIC KEY-----\n{body}-----END PUBLIC KEY-----\n".encode())
    return DeviceKey(public=key, _key=private)


def _attributes(text: str, separator: str, known: frozenset[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for part in filter(None, text.split(separator)):
        name, _, value = part.partition("=")
        if name in {"pin-value", "pin-source"}:
            raise UsageError(
                "a PIN does not stand in the URI", hint="set KEELMARK_PKCS11_PIN, or type it when asked"
            )
        if name not in known or name in found:
            raise UsageError(f"the URI has `{name[:60]}`, which is not used or stands twice", hint=_FORM)
        found[name] = unquote_to_bytes(value)
    return found


def _text(found: dict[str, bytes], name: str) -> str:
    return found.get(name, b"").decode("utf-8", "replace")


def _library() -> Any:
    try:
        return importlib.import_module("pkcs11")
    except ImportError as error:
        raise UsageError(
            "keys in devices need the extra `pkcs11`", hint="pip install 'keelmark[pkcs11]'"
        ) from error


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__

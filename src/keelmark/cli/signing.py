"""What the commands about signatures share: keys as people name them, and passwords, which nobody sees."""

from __future__ import annotations

import getpass
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.config.environment import secret_of, text_of
from keelmark.core.secret import Secret
from keelmark.errors import UsageError
from keelmark.trust.keys import is_encrypted, load_private, load_public
from keelmark.workflows.hsm import open_device_key, parse_uri

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.trust.keys import PublicKey, Signer

__all__ = ["ask_twice", "open_signer", "public_key", "read_bytes"]

_MAX_BYTES = 8 * 1024**2
_ENVIRONMENT = "env:"
_DEVICE = "pkcs11:"
_PASSWORD = "KEELMARK_KEY_PASSWORD"  # noqa: S105 - the name of a variable
_PIN = "KEELMARK_PKCS11_PIN"
_MODULE = "KEELMARK_PKCS11_MODULE"


@contextmanager
def open_signer(text: str, *, password: str = _PASSWORD) -> Iterator[Signer]:
    """The key that `--key` names: a file, `env:NAME`, or `pkcs11:...`.

    Args:
        text: What stands behind `--key`.
        password: Variable that holds the password of the key.

    Raises:
        UsageError: There is no such file, variable, device or key.
        TrustError: No key, a wrong password or PIN, or a key of a kind that is not used.
    """
    if text.startswith(_DEVICE):
        uri = parse_uri(text)
        pin = secret_of(_PIN) or _asked("PIN of the device: ")
        with open_device_key(uri, pin=pin, module=text_of(_MODULE)) as key:
            yield key
        return
    pem = _pem(text)
    if b"CERTIFICATE" in pem and b"PRIVATE KEY" not in pem:
        raise UsageError(f"`{text}` is a certificate, not a key", hint="it belongs behind --certificate")
    found = None
    if is_encrypted(pem):
        found = secret_of(password) or _asked(f"Password of {text}: ")
    yield load_private(pem, password=found.reveal() if found else None)


def public_key(text: str) -> PublicKey:
    """The public key that `--key` names, as a file or `env:NAME`.

    Raises:
        UsageError: There is no such file or variable, or it holds a private key.
        TrustError: It holds no key.
    """
    pem = _pem(text)
    if b"PRIVATE KEY" in pem:
        raise UsageError(
            f"`{text}` is a private key: it does not belong where signatures are verified",
            hint="keelmark key public FILE prints the public one",
        )
    return load_public(pem)


def read_bytes(file: Path) -> bytes:
    """A small file that the command line names.

    Raises:
        UsageError: It cannot be read, or is too long.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it cannot be a path"
        raise UsageError(f"`{file}` cannot be read: {reason}") from error
    if len(data) > _MAX_BYTES:
        raise UsageError(f"`{file}` is too long")
    return data


def ask_twice() -> Secret:
    """A password for a new key: that of the environment, or typed twice.

    Raises:
        UsageError: There is none, and nobody to ask.
    """
    found = secret_of(_PASSWORD)
    if found is not None:
        return found
    first = _asked("Password for the new key: ")
    if first is None:
        raise UsageError(
            f"a new key needs a password, and there is no terminal to ask: set {_PASSWORD}",
            hint="--no-password leaves the key open to whoever reads the file",
        )
    again = _asked("The same again: ")
    if again is None or again.reveal() != first.reveal():
        raise UsageError("the passwords differ")
    return first


def _pem(text: str) -> bytes:
    if not text.startswith(_ENVIRONMENT):
        return read_bytes(Path(text))
    variable = text.removeprefix(_ENVIRONMENT)
    found = secret_of(variable)
    if found is None:
        raise UsageError(f"the variable `{variable}` is not set", hint="it holds the key in PEM form")
    return found.reveal()


def _asked(words: str) -> Secret | None:
    if not sys.stdin.isatty():
        return None
    return Secret(getpass.getpass(words).encode("utf-8", "surrogateescape"))

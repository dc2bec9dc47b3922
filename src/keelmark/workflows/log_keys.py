"""Keys of logs and witnesses, as people name them: a verifier key, a file that holds one, or a public key in PEM form."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.errors import ParseError, TrustError, UsageError
from keelmark.trust import note
from keelmark.trust.keys import PrivateKey, load_private, load_public

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.trust.note import Verifier

__all__ = ["private_key", "read_file", "verifier_key", "verifiers_of"]

_MAX_KEY_BYTES = 64 * 1024


def verifiers_of(values: Sequence[str], *, origin: str) -> tuple[Verifier, ...]:
    """The verifiers that keys name. A key in PEM form is taken for that of the log itself.

    Args:
        values: Verifier keys, or files.
        origin: Name of the log.

    Raises:
        UsageError: A value is neither, or its file cannot be read.
        TrustError: A file holds no key.
    """
    return tuple(_one(value, origin) for value in values)


def private_key(file: Path, *, password: bytes | None) -> PrivateKey:
    """The private key of a log or witness, in PEM form.

    Raises:
        UsageError: The file cannot be read.
        TrustError: It holds no key, or the password is wrong.
    """
    return load_private(read_file(file, _MAX_KEY_BYTES), password=password)


def verifier_key(file: Path, *, name: str, is_witness: bool, password: bytes | None = None) -> str:
    """The verifier key of a key in PEM form, private or public, under a name.

    Raises:
        UsageError: The file cannot be read, or such a key signs no logs.
        TrustError: It holds no key.
    """
    pem = read_file(file, _MAX_KEY_BYTES)
    key = load_private(pem, password=password).public if b"PRIVATE KEY" in pem else load_public(pem)
    return note.verifier(name, key, is_witness=is_witness).vkey


def read_file(file: Path, limit: int) -> bytes:
    """A file that the command line names.

    Raises:
        UsageError: It cannot be read, or is longer than `limit` bytes.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it cannot be a path"
        raise UsageError(f"`{file}` cannot be read: {reason}") from error
    if len(data) > limit:
        raise UsageError(f"`{file}` is longer than {limit} bytes")
    return data


def _one(value: str, origin: str) -> Verifier:
    try:
        return note.parse_vkey(value)
    except ParseError as error:
        if not Path(value).is_file():
            hint = "name a verifier key (example.org/log+530d903a+...), or a file with a public key"
            raise UsageError(f"`{value}` is no key and no file: {error.message}", hint=hint) from error
    data = read_file(Path(value), _MAX_KEY_BYTES)
    if b"-----BEGIN" in data:
        return note.verifier(origin, load_public(data))
    try:
        return note.parse_vkey(data.decode())
    except (ParseError, UnicodeDecodeError) as error:
        raise TrustError(f"`{value}` holds no key") from error

"""Makes keys for signing, as files: the private one for its owner alone, the public one for everybody."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from keelmark.errors import UsageError
from keelmark.trust.keys import load_private, new_private

if TYPE_CHECKING:
    from pathlib import Path

    from keelmark.core.secret import Secret
    from keelmark.trust.keys import PublicKey

__all__ = ["make_key", "public_path", "write_public"]

_MIN_PASSWORD = 12


def make_key(file: Path, *, algorithm: str, password: Secret | None) -> PublicKey:
    """Make a key: `file` holds the private one, `file.pub` the public one. Neither is ever overwritten.

    Args:
        file: The private key, readable by its owner alone.
        algorithm: One of `trust.keys.ALGORITHMS`.
        password: Encrypts the private key; None leaves it open.

    Raises:
        UsageError: A file is there, cannot be written, the password is short, or there is no such algorithm.
    """
    if password is not None and len(password.reveal()) < _MIN_PASSWORD:
        raise UsageError(f"the password has fewer than {_MIN_PASSWORD} bytes", hint="take several words")
    public_file = public_path(file)
    for each in (file, public_file):
        if os.path.lexists(each):
            raise UsageError(f"`{each}` is there, and is not overwritten", hint="name another file")
    secret = password.reveal() if password else None
    pem = new_private(algorithm, password=secret)
    public = load_private(pem, password=secret).public
    _write_new(file, pem, mode=0o600)
    try:
        write_public(public_file, public)
    except UsageError:
        with suppress(OSError):
            file.unlink()
        raise
    return public


def public_path(file: Path) -> Path:
    """Where the public key of a private one lies."""
    return file.with_name(f"{file.name}.pub")


def write_public(file: Path, key: PublicKey) -> None:
    """Write a public key to a new file.

    Raises:
        UsageError: The file is there, or cannot be written.
    """
    _write_new(file, key.pem.encode(), mode=0o644)


def _write_new(file: Path, content: bytes, *, mode: int) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise UsageError(f"`{file}` cannot be written: {error.strerror}", hint="name another file") from error

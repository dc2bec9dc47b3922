"""The key of the fingerprint register: made once for a project, kept in a file that its owner alone can read."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING

from keelmark.core.secret import Secret
from keelmark.errors import ConfigurationError, StoreError
from keelmark.store.api_keys import read_pepper, write_pepper

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["find_key", "find_or_make_key"]

_BYTES = 32


def find_key(file: Path) -> Secret:
    """The key in a file.

    Raises:
        StoreError: It is not there, or must not be used.
        ConfigurationError: It is no key.
    """
    try:
        key = bytes.fromhex(read_pepper(file).decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != _BYTES:
        raise ConfigurationError(f"it holds no key: {2 * _BYTES} hexadecimal digits", path=str(file))
    return Secret(key)


def find_or_make_key(file: Path) -> Secret:
    """The key in a file, made when there is none. Of several workers that start at once, all get the same.

    Raises:
        StoreError: It cannot be made, or must not be used.
        ConfigurationError: It is no key.
    """
    if not os.path.lexists(file):
        draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}.part")
        write_pepper(draft, f"{secrets.token_hex(_BYTES)}\n".encode())
        try:
            # A link appears whole or not at all, and never in the place of another.
            with contextlib.suppress(FileExistsError):
                os.link(draft, file)
            draft.unlink()
        except OSError as error:
            raise StoreError(f"cannot be written: {error.strerror}", path=str(file)) from error
        ignored = file.with_name(".gitignore")
        with contextlib.suppress(StoreError):
            write_pepper(ignored, b"*\n")
    return find_key(file)

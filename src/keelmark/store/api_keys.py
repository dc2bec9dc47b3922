"""The key file and the pepper on the disk: who may have written them, who may read them, and how they are written.

1. A file of keys that others than its owner can write, or that belongs to another user (but root), is not read.
2. A pepper that others than its owner can read is not read either.
3. A file is written whole or not at all, readable by its owner alone; changes by several programs happen one after the other.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from typing import TYPE_CHECKING

from keelmark.errors import LimitExceededError, StoreError
from keelmark.store.durable import sync_folder, write_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["KeyFile", "read_pepper", "write_pepper"]

_MAX_BYTES = 32 * 1024**2
_MAX_PEPPER = 256
_ONLY_OWNER = 0o600


class KeyFile:
    """A file of API keys. Links are followed when it is read (mounted secrets are links), never when it is written."""

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        """Whether something lies there."""
        return os.path.lexists(self.path)

    def fingerprint(self) -> tuple[int, ...]:
        """Differs when the file was written or replaced.

        Raises:
            OSError: It cannot be looked at.
        """
        found = os.stat(self.path)  # noqa: PTH116 - half the cost, and it runs beside requests
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_mode

    def read(self) -> bytes:
        """The whole file.

        Raises:
            StoreError: It cannot be read, or others could have written it.
        """
        return _read(self.path, _MAX_BYTES, forbidden=0o022, harm="others can write it")

    def write(self, content: bytes) -> None:
        """Replace the file.

        Raises:
            StoreError: It cannot be written.
        """
        draft = self.path.with_name(f".{self.path.name}.part")
        try:
            if self.path.is_symlink():
                raise StoreError(
                    "it is a link", path=str(self.path), hint="change the file that it points to"
                )
            draft.unlink(missing_ok=True)
            _write_new(draft, content)
            draft.replace(self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            raise StoreError(f"cannot be written: {error.strerror}", path=str(self.path)) from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes the file meanwhile; its folder is made if there is none.

        Raises:
            StoreError: It cannot be locked.
        """
        lock = self.path.with_name(f".{self.path.name}.lock")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _ONLY_OWNER)
        except OSError as error:
            raise StoreError(f"cannot be locked: {error.strerror}", path=str(self.path)) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def read_pepper(path: Path) -> bytes:
    """The content of the file of a pepper.

    Raises:
        StoreError: It cannot be read, or others can read it.
    """
    return _read(path, _MAX_PEPPER, forbidden=0o077, harm="others can read it")


def write_pepper(path: Path, content: bytes) -> None:
    """Write a pepper to a new file.

    Raises:
        StoreError: It is there, or cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_new(path, content)
        sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"cannot be written: {error.strerror}", path=str(path)) from error


def _read(path: Path, limit: int, *, forbidden: int, harm: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise StoreError("is no regular file", path=str(path))
            if found.st_mode & forbidden:
                raise StoreError(f"is not used: {harm}", path=str(path), hint=f"chmod 600 {path}")
            if found.st_uid not in {os.geteuid(), 0}:
                raise StoreError("is not used: it belongs to another user", path=str(path))
            content = stream.read(limit + 1)
    except OSError as error:
        raise StoreError(f"cannot be read: {error.strerror}", path=str(path)) from error
    if len(content) > limit:
        raise LimitExceededError(f"is longer than {limit} bytes", path=str(path))
    return content


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(
        path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _ONLY_OWNER
    )
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

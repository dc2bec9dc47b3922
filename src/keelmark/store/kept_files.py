"""Copies of released files by their digest, so that an earlier release can be put back.

    .keelmark/kept/ab/abcd...   content with this SHA-256; of a link, the text of its target

1. A copy is there whole or not at all, and has the digest that it is called by when it is made.
2. Its digest is taken again when it is handed out: a copy that was changed is refused.
3. Nobody but the owner of the folder can read it. Whether the file could be run is remembered.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.errors import StoreError
from keelmark.store.durable import make_folder

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["KEPT_FOLDER", "KeptFiles"]

KEPT_FOLDER = Path(".keelmark/kept")

_PIECE = 1024**2
_DIGITS = 64
_CLONE = 0x40049409  # FICLONE of Linux: both files share their blocks until one is written to.
_CANNOT_CLONE = {errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM}


class KeptFiles:
    """The copies of one project. One writer at a time: whoever writes holds the lock of the releases.

    Args:
        place: The folder; made when something is kept.
    """

    def __init__(self, place: Path) -> None:
        self.place = place

    def holds(self, digest: str) -> bool:
        """Whether there is a copy of this content, by its name."""
        return self._file(digest).is_file()

    def keep(self, file: Path, digest: str) -> bool:
        """Copy a regular file; whether its content is still the one with this digest.

        Raises:
            OSError: It cannot be read, or the copy not be written.
        """
        source = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            mode = os.fstat(source).st_mode
            if not stat.S_ISREG(mode):
                return False
            with self._draft(digest, 0o500 if mode & stat.S_IXUSR else 0o400) as (draft, target):
                if _copied(source, target) != digest:
                    draft.unlink()
                    return False
                draft.replace(self._file(digest))
        finally:
            os.close(source)
        return True

    def keep_text(self, text: bytes, digest: str) -> None:
        """Keep the target of a link.

        Raises:
            OSError: It cannot be written.
        """
        with self._draft(digest, 0o400) as (draft, target):
            os.write(target, text)
            draft.replace(self._file(digest))

    def text(self, digest: str, *, most: int = 4096) -> bytes:
        """A short content: the target of a link.

        Raises:
            StoreError: There is none, or it was changed.
        """
        with self._opened(digest) as source:
            text = os.read(source, most + 1)
        if hashlib.sha256(text).hexdigest() != digest:
            raise _changed(digest)
        return text

    def copy(self, digest: str, target: Path) -> None:
        """Write a content to a new file, durably.

        Raises:
            StoreError: There is no copy of it, or it was changed.
            OSError: The file cannot be written.
        """
        with self._opened(digest) as source:
            mode = 0o777 if os.fstat(source).st_mode & stat.S_IXUSR else 0o666
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            written = os.open(target, flags, mode)
            try:
                found = _copied(source, written)
                os.fsync(written)
            finally:
                os.close(written)
        if found != digest:
            raise _changed(digest)

    def forget(self, but: Collection[str]) -> None:
        """Remove all copies but those with these digests."""
        for folder in self._folders():
            with contextlib.suppress(OSError):
                for file in folder.iterdir():
                    if file.name not in but:
                        file.unlink()
                folder.rmdir()

    def _folders(self) -> list[Path]:
        try:
            return [each for each in self.place.iterdir() if not each.is_symlink() and each.is_dir()]
        except OSError:
            return []

    def _file(self, digest: str) -> Path:
        # INVARIANT: a digest is a name here, never a path.
        if len(digest) != _DIGITS or not digest.isalnum():
            raise StoreError("a copy is called by its SHA-256")
        return self.place / digest[:2] / digest

    @contextlib.contextmanager
    def _opened(self, digest: str) -> Iterator[int]:
        try:
            source = os.open(self._file(digest), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise StoreError(f"there is no copy of the content {digest[:16]}") from error
        try:
            yield source
        finally:
            os.close(source)

    @contextlib.contextmanager
    def _draft(self, digest: str, mode: int) -> Iterator[tuple[Path, int]]:
        """A file under another name, to be put in its place when it is whole."""
        folder = self._file(digest).parent
        for each in (self.place.parent, self.place, folder):
            if make_folder(each) and each != self.place.parent:
                each.chmod(0o700)
        draft = folder / f".{secrets.token_hex(8)}.part"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        target = os.open(draft, flags, mode)
        try:
            yield draft, target
        finally:
            os.close(target)
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()


def _copied(source: int, target: int) -> str:
    """Copy a file that was opened into a new one; the digest of what is in the new one."""
    try:
        fcntl.ioctl(target, _CLONE, source)
    except OSError as error:
        if error.errno not in _CANNOT_CLONE:
            raise
        return _written(source, target)
    digest = hashlib.sha256()
    at = 0
    while piece := os.pread(target, _PIECE, at):
        digest.update(piece)
        at += len(piece)
    return digest.hexdigest()


def _written(source: int, target: int) -> str:
    digest = hashlib.sha256()
    while piece := os.read(source, _PIECE):
        digest.update(piece)
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(target, rest) :]
    return digest.hexdigest()


def _changed(digest: str) -> StoreError:
    return StoreError(
        f"the copy {digest[:16]} was changed since it was kept", hint="bring the file from elsewhere"
    )

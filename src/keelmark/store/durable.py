"""Files that are on the disk when a function returns, written whole or not at all, without following links.

A folder may have been laid out by somebody else: whatever lies in the way is replaced or refused, never followed.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from keelmark.errors import LimitExceededError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["make_folder", "read_bounded", "sync_folder", "write_all", "write_files"]


def write_files(root: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write files below a folder, durably. The caller sees to it that nobody else writes the same ones.

    Args:
        root: The folder, which exists.
        files: Paths below it, with contents.

    Raises:
        OSError: One cannot be written. Each file has its old content or its new one.
    """
    touched: set[Path] = set()
    for name, content in files:
        file = root / name
        if file.parent not in touched:
            _make_below(root, file.parent, touched)
        draft = file.with_name(f".{file.name}.part")  # A left one is the work of a process that is no more.
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        descriptor = os.open(
            draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666
        )
        try:
            write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        draft.replace(file)
    for folder in touched:
        sync_folder(folder)


def make_folder(folder: Path) -> bool:
    """Make a folder that is a folder and no link; whether it was not there before.

    Raises:
        OSError: Something else lies there.
    """
    try:
        folder.mkdir(mode=0o777)
    except FileExistsError:
        if not stat.S_ISDIR(folder.lstat().st_mode):
            raise OSError(f"`{folder.name}` is no folder") from None
        return False
    return True


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable.

    Raises:
        OSError: It cannot be done.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, content: bytes, *, at: int = 0) -> None:
    """Write the whole content from an offset on.

    Raises:
        OSError: A part could not be written.
    """
    rest = memoryview(content)
    while rest:
        written = os.pwrite(descriptor, rest, at)
        rest, at = rest[written:], at + written


def read_bounded(file: Path, limit: int) -> bytes:
    """A regular file's whole content.

    Raises:
        OSError: It cannot be read, is a link, or is no regular file.
        LimitExceededError: It is longer than `limit` bytes.
    """
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"`{file.name}` is no regular file")
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise LimitExceededError(f"`{file.name}` is longer than {limit} bytes")
    return content


def _make_below(root: Path, folder: Path, touched: set[Path]) -> None:
    """Make all folders from `root` down to `folder`, and note those whose names have to be made durable."""
    above = root
    for part in folder.relative_to(root).parts:
        below = above / part
        if below not in touched and make_folder(below):
            touched.add(above)
        above = below
    touched.add(folder)

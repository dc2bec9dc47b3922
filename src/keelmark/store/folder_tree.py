"""Moves and places files below a folder without ever following a link on the way.

Each step of a path is opened from the one above it and must be a folder; so nothing outside of the root is touched,
whatever somebody laid out in it.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from keelmark.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

__all__ = ["FolderTree", "parts_of"]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_NUMBER = 10_000


def parts_of(path: str) -> tuple[str, ...]:
    """The steps of a relative path.

    Raises:
        StoreError: It is none: absolute, empty, or with `.` or `..` in it.
    """
    parts = tuple(path.split("/"))
    if not path or "\0" in path or any(each in {"", ".", ".."} for each in parts):
        raise StoreError(f"`{path}` is no path below a folder")
    return parts


class FolderTree:
    """One folder.

    Args:
        root: The folder; it must be there.

    Raises:
        OSError: It cannot be opened, or is no folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = os.open(root, _FOLDER)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._root)

    def move(self, path: str, other: FolderTree) -> str:
        """Move what lies at a path into another tree, under the same path; the path there, with a number where it was taken.

        Folders that are empty then are removed.

        Raises:
            OSError: It cannot be moved, or lies on another file system.
        """
        *above, name = parts_of(path)
        with self._folder(above) as source, other._folder(above, makes=True) as target:
            there = name
            for number in range(1, _MAX_NUMBER):
                if not _is_there(there, target):
                    break
                there = f"{name}.{number}"
            os.rename(name, there, src_dir_fd=source, dst_dir_fd=target)
        self._tidy(above)
        return "/".join((*above, there))

    def place(self, file: Path, path: str) -> None:
        """Put a file that lies elsewhere on this file system at a path where nothing is.

        Raises:
            OSError: It cannot be put there, or something is.
        """
        *above, name = parts_of(path)
        with self._folder(above, makes=True) as target:
            if _is_there(name, target):
                raise FileExistsError(f"something lies at `{path}`")
            os.rename(file, name, dst_dir_fd=target)
            os.fsync(target)

    def link(self, target_text: bytes, path: str) -> None:
        """Make a link at a path where nothing is; it is not followed.

        Raises:
            OSError: It cannot be made, or something is there.
        """
        *above, name = parts_of(path)
        with self._folder(above, makes=True) as target:
            os.symlink(target_text, os.fsencode(name), dir_fd=target)
            os.fsync(target)

    @contextlib.contextmanager
    def _folder(self, parts: list[str], *, makes: bool = False) -> Iterator[int]:
        opened = [os.dup(self._root)]
        try:
            for part in parts:
                if makes:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, dir_fd=opened[-1])
                opened.append(os.open(part, _FOLDER, dir_fd=opened[-1]))
            yield opened[-1]
        finally:
            for each in opened:
                os.close(each)

    def _tidy(self, parts: list[str]) -> None:
        """Remove folders that are empty, the innermost first."""
        for size in range(len(parts), 0, -1):
            with self._folder(parts[: size - 1]) as above:
                try:
                    os.rmdir(parts[size - 1], dir_fd=above)
                except OSError:
                    return


def _is_there(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True

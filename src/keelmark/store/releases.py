"""The releases of a project, as files: whole or not there, never overwritten, one writer at a time.

    .keelmark/releases/
      ID.dsse.json              a release that everybody has signed
      ID.pending.dsse.json      one that waits for its second signature
      ID.revocation.dsse.json   who ended it, and why
      lock                      held by the one who writes

A folder may have been laid out by somebody else: what is read from it is bytes, and links in it are not followed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.errors import LimitExceededError, StoreError
from keelmark.store.durable import make_folder, read_bounded, sync_folder, write_files

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RELEASES_FOLDER", "ReleaseBounds", "ReleaseFolder", "read_envelopes"]

RELEASES_FOLDER = Path(".keelmark/releases")

_ENVELOPE = ".dsse.json"
_LOCK = "lock"
_LOCK_POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseBounds:
    """Bounds of the folder.

    Attributes:
        max_files: Envelopes in it.
        max_bytes: Bytes of one envelope.
        max_total_bytes: Bytes of all of them.
        max_lock_wait_s: Seconds to wait for another writer.
    """

    max_files: int = 10_000
    max_bytes: int = 64 * 1024**2
    max_total_bytes: int = 1024**3
    max_lock_wait_s: float = 10.0


class ReleaseFolder:
    """The folder `.keelmark/releases` of a project.

    Args:
        place: The folder; made when something is written.
        bounds: Bounds.
    """

    def __init__(self, place: Path, *, bounds: ReleaseBounds | None = None) -> None:
        self.place = place
        self._bounds = bounds or ReleaseBounds()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only one who writes, until the end of the block.

        Raises:
            StoreError: The folder cannot be made, or somebody else writes.
        """
        try:
            self._make()
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self.place / _LOCK, flags, 0o666)
        except OSError as error:
            raise StoreError(
                f"`{self.place.name}` cannot be written: {error.strerror or error}",
                hint="check who may write .keelmark; a link there is not followed",
            ) from error
        try:
            self._lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def put(self, name: str, content: bytes) -> Path:
        """Keep a new file, durably; call it inside of `writing`.

        Raises:
            StoreError: There is one of that name, or it cannot be written.
        """
        file = self.place / name
        if os.path.lexists(file):
            raise StoreError(f"`{name}` is there, and is never overwritten", hint="wait a second, and again")
        try:
            write_files(self.place, [(name, content)])
        except OSError as error:
            raise StoreError(
                f"`{name}` cannot be written: {error.strerror or error}", hint="nothing was released"
            ) from error
        return file

    def drop(self, name: str) -> None:
        """Remove a file that another one has replaced."""
        with contextlib.suppress(OSError):
            (self.place / name).unlink()
            sync_folder(self.place)

    def envelopes(self) -> dict[str, bytes]:
        """Every envelope in the folder, by its name, in their order.

        Raises:
            StoreError: One cannot be read, or there are too many.
        """
        if self.place.is_symlink():
            raise StoreError(f"`{self.place.name}` is a link", hint="name the project itself")
        return read_envelopes(self.place, bounds=self._bounds)

    def _make(self) -> None:
        above = self.place.parent
        made = make_folder(above)
        if make_folder(self.place) or made:
            sync_folder(above)
            sync_folder(above.parent)
        with contextlib.suppress(FileExistsError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(above / ".gitignore", flags, 0o666), "w", encoding="utf-8") as stream:
                stream.write("*\n")

    def _lock(self, descriptor: int) -> None:
        until = time.monotonic() + self._bounds.max_lock_wait_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise StoreError(
                        "somebody else makes a release here", hint="wait until they are done, or stop them"
                    ) from None
                time.sleep(_LOCK_POLL_S)
            else:
                return


def read_envelopes(place: Path, *, bounds: ReleaseBounds | None = None) -> dict[str, bytes]:
    """The files of a folder that are called like envelopes, by name; none when there is no such folder.

    Raises:
        StoreError: One cannot be read, or there are too many.
    """
    limits = bounds or ReleaseBounds()
    found: dict[str, bytes] = {}
    try:
        with os.scandir(place) as entries:
            # A draft begins with a dot and ends with .part.
            names = sorted(each.name for each in entries if each.name.endswith(_ENVELOPE))
        if len(names) > limits.max_files:
            raise StoreError(f"`{place.name}` holds more than {limits.max_files} releases")
        left = limits.max_total_bytes
        for name in names:
            found[name] = read_bounded(place / name, min(limits.max_bytes, left))
            left -= len(found[name])
    except (FileNotFoundError, NotADirectoryError):
        return found
    except (OSError, LimitExceededError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise StoreError(f"releases cannot be read: {reason}", hint="move the file away") from error
    return found

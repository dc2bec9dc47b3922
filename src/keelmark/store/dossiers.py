"""The dossiers of a project, as files, and the secret of each release, which is made once and read by its owner alone.

    .keelmark/dossiers/
      ID.secret                 what the salts of a release follow from, signed by who exported first
      ID.LEVEL.dossier.zip      a dossier

A folder may have been laid out by somebody else: what is read from it is bytes, and links in it are not followed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from keelmark.errors import LimitExceededError, StoreError
from keelmark.store.durable import make_folder, read_bounded, sync_folder, write_all, write_files

__all__ = ["DOSSIERS_FOLDER", "DossierFolder"]

DOSSIERS_FOLDER = Path(".keelmark/dossiers")

_MAX_SECRET_BYTES = 64 * 1024
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_CHECK = "check who may write .keelmark; a link there is not followed"


class DossierFolder:
    """The folder `.keelmark/dossiers` of a project.

    Args:
        place: The folder; made when something is written.
    """

    def __init__(self, place: Path) -> None:
        self.place = place

    def secret(self, release: str) -> bytes | None:
        """What is kept for a release; None before the first dossier.

        Raises:
            StoreError: It cannot be read, or others can read it.
        """
        file = self._secret_file(release)
        try:
            mode = file.lstat().st_mode
            if mode & _OTHERS and stat.S_ISREG(mode):
                raise StoreError(
                    f"`{file.name}` can be read by others, and what dossiers hide follows from it",
                    hint=f"if nobody else has read it: chmod 600 {file}",
                )
            return read_bounded(file, _MAX_SECRET_BYTES)
        except FileNotFoundError:
            return None
        except (OSError, LimitExceededError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise StoreError(f"`{file.name}` cannot be read: {reason}", hint=_CHECK) from error

    def keep_secret(self, release: str, content: bytes) -> bool:
        """Keep what belongs to a release, whole, durably and for its owner alone; False when somebody was faster.

        Raises:
            StoreError: It cannot be written.
        """
        file = self._secret_file(release)
        draft = file.with_name(f".{secrets.token_hex(8)}.part")
        try:
            self._make()
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(draft, flags, 0o600)
            try:
                write_all(descriptor, content)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            try:
                # A new name for a whole file: unlike a rename, it never replaces what another process kept.
                os.link(draft, file, follow_symlinks=False)
            except FileExistsError:
                return False
            finally:
                draft.unlink()
            sync_folder(self.place)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise StoreError(
                f"`{file.name}` cannot be written: {error.strerror or error}", hint=_CHECK
            ) from error
        return True

    def put(self, name: str, content: bytes) -> Path:
        """Write a dossier, durably; one of the same release and level is replaced.

        Raises:
            StoreError: It cannot be written.
        """
        try:
            self._make()
            write_files(self.place, [(name, content)])
        except OSError as error:
            raise StoreError(f"`{name}` cannot be written: {error.strerror or error}", hint=_CHECK) from error
        return self.place / name

    def _secret_file(self, release: str) -> Path:
        return self.place / f"{release}.secret"

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

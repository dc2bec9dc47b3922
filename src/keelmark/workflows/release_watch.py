"""Keeps what is in force true while it is served: looks at the files and records of a release again and again.

The rules, each with a test:

1. While anything is not as it was when it was last verified, nothing is served, from the first look on that meets it; then
   all is verified anew.
2. A look that fails leaves nothing in force.
3. When no release is named, the newest that everybody signed counts, whatever its worth: an older one never slips in for it.
4. A release that was verified and does not fit to what is in force beside it serves nothing until that was mended.
5. Between two verifications nothing is read: names, sizes and times are compared, which the file system keeps.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.core.clock import SystemClock
from keelmark.deployment.release.stage_released import InForce, ReleaseBook, in_force
from keelmark.errors import KeelmarkError, UsageError
from keelmark.store.releases import RELEASES_FOLDER
from keelmark.trust.keys import PublicKey
from keelmark.workflows.release_files import take_snapshot
from keelmark.workflows.verify_release import VerifyReleaseRequest, verify_release

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.core.clock import Clock
    from keelmark.core.release import ReleaseVerification

__all__ = ["ReleaseWatch", "WatchSettings", "newest_release"]

_PENDING, _REVOCATION, _ENDING = ".pending.dsse.json", ".revocation.dsse.json", ".dsse.json"
_MAX_RECORDS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """What is watched.

    Attributes:
        root: The folder that was released.
        release: The release; None for the newest in the folder.
        keys: Public keys, one of which must have signed.
        also_keys: Keys that all must have signed besides.
        revocations: Further files or folders with records.
    """

    root: Path
    keys: Sequence[PublicKey]
    release: Path | None = None
    also_keys: Sequence[PublicKey] = ()
    revocations: Sequence[Path] = ()


class ReleaseWatch:
    """Looks at one folder and its releases.

    Args:
        settings: What is watched.
        book: Where what is in force is written.
        clock: Says what time it is.
        told: Is told of each verification.
        fits: Why nothing may be served under what was verified; "" when something may.
    """

    def __init__(
        self,
        settings: WatchSettings,
        *,
        book: ReleaseBook,
        clock: Clock | None = None,
        told: Callable[[ReleaseVerification | KeelmarkError], None] = lambda _: None,
        fits: Callable[[], str] = lambda: "",
    ) -> None:
        self._settings, self._book, self._told, self._fits = settings, book, told, fits
        self._clock = clock or SystemClock()
        self._seen: object = None
        self._lock = threading.Lock()

    def look(self) -> InForce:
        """Look once; what is in force now. Blocks while files are read; may be called by several threads."""
        with self._lock:
            try:
                self._look()
            except (KeelmarkError, OSError) as error:
                self._seen = None
                self._book.page = InForce()
                self._told(error if isinstance(error, KeelmarkError) else UsageError(str(error)))
            except BaseException:
                self._seen = None
                self._book.page = InForce()
                raise
            return self._book.page

    def forget(self) -> None:
        """Verify anew at the next look."""
        with self._lock:
            self._seen = None

    def _look(self) -> None:
        seen = self._state()
        if seen == self._seen:
            return
        if self._seen is not None:
            self._book.page = replace(self._book.page, reason="release-changed")
        self._seen = None
        settings = self._settings
        release = settings.release or newest_release(settings.root / RELEASES_FOLDER)
        request = VerifyReleaseRequest(
            release=release,
            root=settings.root,
            revocations=settings.revocations,
            keys=settings.keys,
            also_keys=settings.also_keys,
        )
        verification = verify_release(request, clock=self._clock)
        self._told(verification)
        if self._state() != seen:
            return  # Something changed while it was read: closed until the next look.
        page = in_force(verification)
        self._book.page = replace(page, reason=page.reason or self._fits())
        self._seen = seen

    def _state(self) -> object:
        """What can be compared without reading: files and links by identity, size and times, and records likewise."""
        settings = self._settings
        places = [settings.root / RELEASES_FOLDER, *settings.revocations]
        if settings.release is not None:
            places.append(settings.release)
        return take_snapshot(settings.root), tuple(record for place in places for record in _records(place))


def newest_release(folder: Path) -> Path:
    """The newest release that everybody signed; ids begin with the time.

    Raises:
        UsageError: There is none.
    """
    found = [
        path
        for path, *_ in _records(folder)
        if path.name.endswith(_ENDING) and not path.name.endswith((_PENDING, _REVOCATION))
    ]
    if not found:
        raise UsageError(
            f"there is no release in `{folder}`", hint="make one: keelmark release --key KEY --owner NAME"
        )
    return max(found, key=lambda path: path.name)


def _records(place: Path) -> list[tuple[Path, int, int, int, int]]:
    """A file, or all files of a folder, with what tells whether they changed.

    Raises:
        UsageError: There are too many.
    """
    if place.is_dir():
        files = sorted(place.iterdir())
    elif place.exists():
        files = [place]
    else:
        files = []
    if len(files) > _MAX_RECORDS:
        raise UsageError(f"`{place}` holds more than {_MAX_RECORDS} records")
    found = []
    for file in files:
        status = file.lstat()
        found.append((file, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    return found

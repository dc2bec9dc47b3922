"""Whether the settings in force are those that lie in the folder: a release covers them, so what is served must follow it.

A new release, or a roll-back, may bring other settings, policies or definitions of tools than those that were read when the
gateway started. From the look that meets it on, nothing is served until they were read again.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from keelmark.errors import LimitExceededError
from keelmark.store.durable import read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from keelmark.config.gateway import GatewaySettings

__all__ = ["SettingsInForce"]

_MAX_BYTES = 16 * 1024**2
_MAX_FILES = 10_000


class SettingsInForce:
    """Remembers what was read.

    Args:
        file: Of the settings.
        root: Paths in them start here.
    """

    __slots__ = ("_file", "_is_due", "_read", "_root", "is_behind")

    def __init__(self, file: Path, root: Path) -> None:
        self._file, self._root = file, root
        self._read: tuple[GatewaySettings, str] | None = None
        self.is_behind = self._is_due = False
        """Whether a release came that brought others."""

    def digest(self, settings: GatewaySettings) -> str:
        """A digest over all that is read for these settings, as it lies there now. Blocks while files are read."""
        found = hashlib.sha256()
        for file in (self._file, *self._places(settings)):
            try:
                content = hashlib.sha256(read_bounded(file, _MAX_BYTES)).hexdigest()
            except (OSError, LimitExceededError) as error:
                content = type(error).__name__
            found.update(f"{file}\0{content}\n".encode("utf-8", "surrogateescape"))
        return found.hexdigest()

    def took(self, settings: GatewaySettings, digest: str) -> None:
        """These are in force now.

        Args:
            settings: What was read.
            digest: As it was before it was read.
        """
        self._read, self.is_behind = (settings, digest), False

    def fits(self) -> str:
        """Why nothing may be served under a release that was verified just now; "" when they are still those in force."""
        self.is_behind = self._read is not None and self.digest(self._read[0]) != self._read[1]
        self._is_due = self.is_behind
        return "release-changed" if self.is_behind else ""

    def due(self) -> bool:
        """Whether they are to be read again; once for each verification that met others."""
        is_due, self._is_due = self._is_due, False
        return is_due

    def _places(self, settings: GatewaySettings) -> Iterator[Path]:
        for name in (settings.access.policies, *settings.tools.definitions):
            place = self._root / name
            if place.is_dir():
                yield from sorted(each for each in place.rglob("*") if each.is_file())[:_MAX_FILES]
            else:
                yield place

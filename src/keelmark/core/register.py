"""A place of a few bytes that several machines read, and change one at a time."""

from __future__ import annotations

from typing import Protocol

__all__ = ["MAX_REGISTER_BYTES", "Register"]

MAX_REGISTER_BYTES = 64 * 1024
"""Most that one holds."""


class Register(Protocol):
    """One such place. Called by one thread at a time."""

    def look(self) -> bytes | None:
        """What is there; None when nothing is.

        Raises:
            StoreError: It cannot be told.
        """
        ...

    def swap(self, seen: bytes | None, new: bytes) -> bool:
        """Put something else there, if what was seen still is; whether it was done.

        Raises:
            StoreError: It cannot be told whether it was.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...

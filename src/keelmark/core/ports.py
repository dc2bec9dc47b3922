"""What the inside asks of the outside: stores and caches, as protocols."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.core.assessment import Assessment
    from keelmark.core.facts import FileFacts

__all__ = ["EvidenceStore", "FactCache", "RunSummary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """One line about a kept run."""

    id: str
    started: datetime
    system: str
    verdict: str
    failures: int
    tree_digest: str


class EvidenceStore(Protocol):
    """Keeps assessments. What was kept is never changed, only added to."""

    def keep(self, assessment: Assessment) -> None:
        """Keep one assessment, durably, before returning.

        Raises:
            StoreError: It could not be kept, or its id is taken.
        """
        ...

    def runs(self, *, limit: int = 50) -> Sequence[RunSummary]:
        """The newest runs, newest first."""
        ...

    def load(self, run: str) -> Assessment:
        """One run by its id, an unambiguous prefix of it, or `latest`.

        Raises:
            StoreError: There is no such run, or more than one.
        """
        ...

    def close(self) -> None:
        """Release the store."""
        ...


class FactCache(Protocol):
    """Remembers what was read from a file, by content and by reader version."""

    def digest_of(self, identity: str) -> str | None:
        """The content digest that a file of this identity (device, inode, size, times) had; None when not known."""
        ...

    def recall(self, path: str, digest: str) -> FileFacts | None:
        """What was read from a file of this path and content by the present readers; None when not known."""
        ...

    def remember(self, identity: str, facts: FileFacts) -> None:
        """Remember what was read. May forget at any time."""
        ...

    def close(self) -> None:
        """Write what is pending and release the cache."""
        ...

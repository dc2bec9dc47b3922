"""Words of the transparency log: what is recorded, what a leaf says of it, and the head of the tree over all leaves.

A leaf is small and holds no content: kind, time, digests of what it is about, and digest and length of the record. The
record itself is kept beside the tree by its digest. So a proof can be shown to an outsider without showing the record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Leaf", "LogBounds", "LogEntry", "LogKind", "TransparencyLog", "TreeHead"]


class LogKind(StrEnum):
    """What a record is. The list is closed: a leaf of another kind does not verify."""

    FINDINGS = "findings"
    WAIVER = "waiver"
    ATTESTATION = "attestation"
    RELEASE = "release"
    REVOCATION = "revocation"
    SUPERSESSION = "supersession"
    ACKNOWLEDGEMENT = "acknowledgement"
    SIGNATURE = "signature"
    REQUESTS = "requests"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogBounds:
    """Bounds of a log.

    Attributes:
        max_entry_bytes: Bytes of one leaf; the length prefix of an entry bundle holds no more.
        max_record_bytes: Bytes of one record.
        max_batch_entries: Entries that are made durable together.
        max_batch_bytes: Bytes that are made durable together; what breaks off at the end of a journal is no longer.
        max_pending: Entries that may wait for a checkpoint.
        rotate_bytes: Journals longer than this begin anew once all their entries are under a checkpoint.
        max_lock_wait_s: Seconds to wait for another writer.
        max_clock_lag_s: Seconds that the clock may lie behind the last entry; more is refused.
    """

    max_entry_bytes: int = 65_535
    max_record_bytes: int = 64 * 1024**2
    max_batch_entries: int = 65_536
    max_batch_bytes: int = 32 * 1024**2
    max_pending: int = 262_144
    rotate_bytes: int = 4 * 1024**2
    max_lock_wait_s: float = 10.0
    max_clock_lag_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """What is to be recorded.

    Attributes:
        kind: What the record is.
        subjects: Digests of what it is about, as `sha256:...`.
        record: The record itself.
    """

    kind: LogKind
    subjects: tuple[str, ...] = ()
    record: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """What the log says of one record.

    Attributes:
        kind: What the record is.
        time: When it was logged. It never goes backwards from leaf to leaf.
        subjects: Digests of what it is about, sorted.
        record: Digest of the record, as `sha256:...`.
        size: Bytes of the record.
        clock: What the clock of the machine said, when that was earlier than the leaf before; else None.
    """

    kind: LogKind
    time: datetime
    subjects: tuple[str, ...]
    record: str
    size: int
    clock: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeHead:
    """Size and root of the tree of one log: what a checkpoint states.

    Attributes:
        origin: Name of the log, unlike that of any other log.
        size: How many leaves.
        root: Hash over all of them (RFC 6962).
    """

    origin: str
    size: int
    root: bytes


class TransparencyLog(Protocol):
    """A log that is only ever added to."""

    def append(self, entries: Sequence[LogEntry]) -> range:
        """Record entries, durably before returning; their indexes.

        Raises:
            StoreError: They could not be recorded; nothing more can be until the log is opened anew.
            LimitExceededError: An entry is too large, or there are too many.
        """
        ...

    def publish(self, sign: Callable[[TreeHead], bytes]) -> TreeHead:
        """Put all entries under a checkpoint, which `sign` writes.

        Raises:
            StoreError: It could not be written.
        """
        ...

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        """Leaves from `start` to before `end`, of those that are under the checkpoint.

        Raises:
            StoreError: They cannot be read.
        """
        ...

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """Hashes that prove a leaf to be in the tree of this size."""
        ...

    def consistency(self, before: int, after: int) -> tuple[bytes, ...]:
        """Hashes that prove the tree of one size to be the beginning of that of another."""
        ...

    def close(self) -> None:
        """Release the log."""
        ...

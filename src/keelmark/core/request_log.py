"""Words of the request log: its bounds, its head, and the port through which requests are recorded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

__all__ = ["ChainHead", "RequestLog", "RequestLogBounds", "Written"]

Written = bytes | Callable[[], bytes]
"""An event as one line, or what makes it, away from those who wait for an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLogBounds:
    """Bounds of one request log.

    Attributes:
        gather_ms: How long events that nobody waits for are gathered before they are written.
        max_record_bytes: Of one event.
        max_queued: Events that wait to be written, those that requests under way will still need included.
        max_queued_bytes: Of all that wait.
        max_batch_events: Made durable together.
        max_batch_bytes: Made durable together; what breaks off at the end of a segment is no longer.
        rotate_bytes: Segments longer than this are followed by another.
        max_lock_wait_s: Seconds to wait for another writer.
        publish_every_s: Seconds between heads that are handed to the transparency log.
        max_publish_lag_s: Seconds for which no head could be handed over, after which the log takes no more.
        close_timeout_s: Seconds that closing may take.
    """

    gather_ms: int = 8
    max_record_bytes: int = 64 * 1024
    max_queued: int = 16_384
    max_queued_bytes: int = 32 * 1024**2
    max_batch_events: int = 2_048
    max_batch_bytes: int = 4 * 1024**2
    rotate_bytes: int = 32 * 1024**2
    max_lock_wait_s: float = 10.0
    publish_every_s: float = 300.0
    max_publish_lag_s: float = 1_800.0
    close_timeout_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainHead:
    """How far a request log goes, and the hash that commits to all of it.

    Attributes:
        log: Random name of the log, hexadecimal.
        worker: Name of its folder.
        lines: How many lines there are, heads of segments included.
        chain: Hash of the last line, hexadecimal.
        segment: Number of the segment that it stands in.
        time: When it was taken.
    """

    log: str
    worker: str
    lines: int
    chain: str
    segment: int
    time: datetime


class RequestLog(Protocol):
    """A log of requests that is only ever added to.

    Room is reserved for each request before it is let through, so that its event finds a place when it is over.
    """

    @property
    def is_writable(self) -> bool:
        """Whether it takes events."""
        ...

    @property
    def failure(self) -> str:
        """Why it takes none; "" while it does."""
        ...

    def reserve(self) -> bool:
        """Keep room for one event; False when there is none, or nothing can be written."""
        ...

    def append(self, event: Written, *, is_reserved: bool = False) -> None:
        """Take an event; it is durable within the time that events are gathered, and that of one sync.

        Raises:
            StoreError: It cannot be taken.
        """
        ...

    def append_awaited(self, event: Written) -> Awaitable[None]:
        """Take an event; what is returned is done when the event is durable, or fails when it cannot be.

        Raises:
            StoreError: It cannot be taken.
        """
        ...

    def miss(self) -> None:
        """Count an event of a refusal that found no room; the count is written as soon as there is."""
        ...

    def fail(self, reason: str) -> None:
        """Take nothing more: something was not recorded that had to be."""
        ...

    def flush(self, timeout_s: float) -> None:
        """Wait until everything taken so far is durable.

        Raises:
            StoreError: It could not be made so, or not in time.
        """
        ...

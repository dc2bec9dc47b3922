"""What operators do while the gateway serves: steer all workers, end keys, and the record of what they did."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from keelmark.core.request_event import NoticeEvent, encode
from keelmark.errors import UsageError
from keelmark.gateway.control.ports import RevokedKey
from keelmark.workflows.access_keys import listed, revoke

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from keelmark.core.clock import Clock
    from keelmark.core.request_log import RequestLog
    from keelmark.deployment.access.key_ring import KeyRing
    from keelmark.gateway.control.ports import Gateway, Record
    from keelmark.workflows.access_keys import KeyPlace

__all__ = ["Everyone", "KeyDesk", "recorded"]

_MAX_REVOKED = 1_000


class Everyone:
    """One of several workers, as operators steer it: what it is told, all are told.

    Args:
        worker: That has the control plane.
        signal_all: Sends a signal to all workers.
    """

    def __init__(self, worker: Gateway, signal_all: Callable[[int], None]) -> None:
        self._worker, self._signal_all = worker, signal_all
        self.standing, self.state = worker.standing, worker.state

    async def reload(self) -> str:
        """Read the settings again here, which tells whether they are sound; then everywhere.

        Raises:
            KeelmarkError: They are not sound; the old ones are still in force.
        """
        words = await self._worker.reload()
        self._signal_all(signal.SIGHUP)
        return words

    async def drain(self) -> None:
        """Begin to stop, everywhere."""
        self._signal_all(signal.SIGTERM)


class KeyDesk:
    """API keys, as operators end them.

    Args:
        place: Where they lie.
        ring: The keys of this process, now.
        clock: Says what time it is.
    """

    def __init__(self, place: KeyPlace, *, ring: Callable[[], KeyRing | None], clock: Clock) -> None:
        self._place, self._ring, self._clock = place, ring, clock

    async def revoked(self) -> Sequence[RevokedKey]:
        """Keys that were revoked, newest first."""
        document = await asyncio.to_thread(listed, self._place)
        found = [
            RevokedKey(id=each.id, revoked=each.revoked.isoformat(), reason=each.reason)
            for each in document.records
            if each.revoked is not None
        ]
        return sorted(found, key=lambda each: each.revoked, reverse=True)[:_MAX_REVOKED]

    async def revoke(self, id: str, reason: str) -> bool:  # noqa: A002 - as the interface calls it
        """End a key: here at once, in other processes with their next look.

        Raises:
            KeelmarkError: It could not be ended for good.
        """
        ring = self._ring()
        is_known = ring is not None and ring.revoke_now(id)
        try:
            await asyncio.to_thread(revoke, self._place, id, reason=reason, clock=self._clock)
        except UsageError:
            if is_known:
                raise
            return False
        return True


def recorded(log: RequestLog, clock: Clock) -> Record:
    """Keeps what operators did in the request log.

    Raises:
        StoreError: When called: it could not be kept.
    """

    async def record(action: str, who: str, reason: str) -> None:
        event = NoticeEvent(what=action, time=clock.now(), reason=reason[:1_000], owner=who[:200])
        await log.append_awaited(encode(event))

    return record

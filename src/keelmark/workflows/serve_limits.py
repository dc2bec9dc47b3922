"""The counters of one worker: its own, or those it shares with others through Redis or Valkey."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from keelmark.deployment.protection.limits import KeptLimits
from keelmark.deployment.protection.shared_limits import SharedLimits
from keelmark.errors import ConfigurationError
from keelmark.workflows.serve_parts import cluster_for, secret_from

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from keelmark.deployment.protection.limit_settings import LimitRule, LimitSettings
    from keelmark.deployment.protection.stage_limit import Reserving

__all__ = ["ServedLimits"]


class ServedLimits:
    """Counters that outlive the settings they were made for.

    Args:
        settings: The first ones; whether counters are shared, and where, stays as they say.
        root: Paths of the settings start here.
        environment: Variables that name credentials.

    Raises:
        ConfigurationError: The address of the shared counters is not there or not sound.
        UsageError: The extra `cluster` is not installed.
    """

    def __init__(
        self, settings: LimitSettings, *, root: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._own = KeptLimits(now_ns=time.monotonic_ns)
        self._shared: SharedLimits | None = None
        if not settings.shared.url:
            return
        with cluster_for("shared limits"):
            from keelmark.store.leases_redis import RedisLeases  # noqa: PLC0415 - its client is a part of an extra
        url = secret_from(settings.shared.url, root=root, environment=environment)
        store = RedisLeases(url, timeout_s=settings.shared.timeout_s)
        self._shared = SharedLimits(settings, store, worker=secrets.token_hex(16), now_ns=time.monotonic_ns)

    @property
    def is_shared(self) -> bool:
        """Whether others count together with this worker."""
        return self._shared is not None

    def of(self, settings: LimitSettings) -> Reserving:
        """Counters for these rules; what counts the same goes on.

        Raises:
            ConfigurationError: Counters are to be shared otherwise than before.
        """
        if bool(settings.shared.url) is not self.is_shared:
            raise ConfigurationError("`limits.shared` changes with a restart only")
        if self._shared is None:
            return self._own.of(settings)
        self._shared.use(settings)
        return self._shared

    def used(self) -> Iterator[tuple[LimitRule, str, int]]:
        """What is used of each limit now: rule, name and amount."""
        return (self._shared or self._own.current).used()

    async def keep(self) -> None:
        """Keep shared counters in step, until cancelled."""
        if self._shared is not None:
            await self._shared.keep()

    async def close(self) -> None:
        """Give back what was leased, when no request is under way any more."""
        if self._shared is not None:
            await self._shared.close()

"""How large the system is in service, kept beside the gateway: shared by the workers of one machine, and written down.

.keelmark/envelope/counts          what each worker counted today, and names that were met (`store/shared_counts`)
.keelmark/envelope/WORKER.json     what outlives a day: callers of thirty days, classes of data, models
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from keelmark.errors import LimitExceededError
from keelmark.gateway.worker_metrics import private_folder
from keelmark.operation.behaviour.envelope import Measures, not_measured
from keelmark.store.durable import read_bounded, write_files
from keelmark.store.shared_counts import SharedCounts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from keelmark.config.gateway import GatewaySettings
    from keelmark.core.price import Price
    from keelmark.core.release import GrowthLimits

__all__ = ["ServedGrowth", "prices_of", "told_of"]

_FOLDER = ".keelmark/envelope"
_COUNTS = "counts"
_WORKER = "worker-"
_MAX_BYTES = 64 * 1024**2


def prices_of(settings: GatewaySettings) -> dict[str, Price]:
    """Prices of models that have one: millionths for a million tokens going in, and coming out."""
    return {
        each.name: (each.input_price, each.output_price)
        for each in settings.models
        if min(each.input_price, each.output_price) >= 0
    }


class ServedGrowth:
    """The measures of one worker.

    Args:
        root: The folder of the gateway.
        worker: Name of the worker; one that is not numbered shares nothing.
        workers: How many there are.
        told: Is told what cannot be gone on from.

    Raises:
        ConfigurationError: Others have rights on the folder.
        StoreError: What is shared cannot be opened.
    """

    def __init__(self, root: Path, *, worker: str, workers: int, told: Callable[[str], None]) -> None:
        self._root, self._file = root, f"{_FOLDER}/{worker}.json"
        self._shared: SharedCounts | None = None
        number = worker.removeprefix(_WORKER)
        if number != worker and number.isdecimal():
            place = private_folder(root / _FOLDER) / _COUNTS
            self._shared = SharedCounts(place, row=int(number), rows=max(workers, int(number) + 1))
        self.measures = Measures(shared=self._shared)
        self._written = b""
        with contextlib.suppress(FileNotFoundError):
            try:
                data = read_bounded(root / self._file, _MAX_BYTES)
                is_read = self.measures.restore(data, now_s=time.time())
            except (PermissionError, LimitExceededError):
                is_read = False
            if not is_read:
                told("measures of growth begin anew: those written down cannot be read")
        self.measures.now(now_s=time.time())  # From here on what others tell is heard.

    def keep(self, *, now_s: float | None = None) -> None:
        """Write down what was measured, where it changed.

        Args:
            now_s: Seconds since 1970; None writes at once, with it at most each few seconds.

        Raises:
            OSError: It cannot be written.
        """
        if self._shared is None:
            return
        data = self.measures.snapshot(now_s=now_s)
        if data != self._written:
            write_files(self._root, [(self._file, data)])
            self._shared.flush()
            self._written = data

    def close(self) -> None:
        """Write down everything, and let go of what is shared."""
        if self._shared is not None:
            with contextlib.suppress(OSError):
                self.keep()
            self._shared.close()


def told_of(limits: GrowthLimits, settings: GatewaySettings) -> tuple[str, ...]:
    """What the release limits and nothing here measures."""
    priced = prices_of(settings)
    return not_measured(limits, unpriced=[each.name for each in settings.models if each.name not in priced])

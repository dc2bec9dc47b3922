"""Hands heads of a request log to the transparency log, from a thread of its own: at the start, now and then, and at the end.

What a published head speaks of cannot be cut off or changed without being found, also by whoever may write the folder.

1. A head that was handed over is not handed over again.
2. A failure is tried again. When none could be handed over for `max_publish_lag_s`, `on_lag` is told.
3. Closing hands the last head over.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from keelmark.errors import KeelmarkError

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.core.request_log import ChainHead, RequestLogBounds

__all__ = ["HeadPublisher"]

_RETRY_S = 5.0


class HeadPublisher:
    """Publishes heads until it is closed.

    Args:
        head: Says how far the log is durable.
        publish: Puts a head into the transparency log; may take its time, and may fail.
        bounds: How often, and how long it may fail.
        on_lag: Is told when it failed for too long.
        now_s: Seconds that never go back.
        is_started: Whether a thread is started; else `look` is called by hand.
    """

    def __init__(
        self,
        head: Callable[[], ChainHead],
        publish: Callable[[ChainHead], None],
        *,
        bounds: RequestLogBounds,
        on_lag: Callable[[str], None],
        now_s: Callable[[], float] = time.monotonic,
        is_started: bool = True,
    ) -> None:
        self._head, self._publish, self._on_lag, self._now_s = head, publish, on_lag, now_s
        self._bounds = bounds
        self._chain = ""
        self._well_s = now_s()
        self._end = threading.Event()
        self.failure = ""
        self._thread: threading.Thread | None = None
        if is_started:
            self._thread = threading.Thread(target=self._run, name="request-log-heads", daemon=True)
            self._thread.start()

    def look(self) -> None:
        """Publish the head if it is another than before."""
        head = self._head()
        if head.chain == self._chain:
            self._well_s = self._now_s()
            return
        try:
            self._publish(head)
        except Exception as error:  # noqa: BLE001 - whatever fails is tried again, and told in the end
            reason = error.message if isinstance(error, KeelmarkError) else type(error).__name__
            self.failure = f"head of the request log could not be published: {reason}"
            if self._now_s() - self._well_s >= self._bounds.max_publish_lag_s:
                self._on_lag(self.failure)
            return
        self._chain, self._well_s, self.failure = head.chain, self._now_s(), ""

    def close(self, timeout_s: float) -> str:
        """Publish the last head; why that failed, or ""."""
        self._end.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                return "head of the request log could not be published in time"
        self.look()
        return self.failure

    def _run(self) -> None:
        while not self._end.is_set():
            self.look()
            every = self._bounds.publish_every_s
            self._end.wait(min(every, _RETRY_S) if self.failure else every)

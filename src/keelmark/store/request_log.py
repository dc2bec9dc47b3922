"""The request log as a gateway writes it: events of requests, linked by hashes, on disk in batches.

The promises, each with a test:

1. What `append_awaited` returns is done only when the event survives a kill and a loss of power.
2. What `append` took is on disk within `gather_ms` and the time of one sync; nobody waits for it.
3. Killed at any point, the log opens again, holds everything that was told to be durable, and verifies.
4. After a failed write nothing more is written; everybody who waits is told, and nothing more is taken.
5. What waits to be written is bounded. Requests that are let through have room reserved; refusals take half of it at most.
6. A log that takes no new requests still takes the events of those under way, as long as it can be written.

Events are taken by any thread and written by one of the log's own, which also makes the hashes.
"""

from __future__ import annotations

import contextlib
import threading
from asyncio import get_running_loop
from typing import TYPE_CHECKING

from keelmark.core.request_event import NoticeEvent, encode
from keelmark.core.request_log import ChainHead, RequestLogBounds
from keelmark.errors import StoreError
from keelmark.store.request_heads import HeadPublisher
from keelmark.store.request_segments import Segments

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from keelmark.core.clock import Clock
    from keelmark.core.request_log import RequestLog, Written

    _Item = tuple[Written, Future[None] | None]

__all__ = ["FileRequestLog"]

_FULL = "request log is full: events are not written as fast as they come"
_FORM = "event is longer than one may be, or has more than one line"


class FileRequestLog:
    """A request log that this process alone writes, from opening to closing.

    Args:
        place: The folder; made with the one above it when it is not there.
        clock: Says what time it is.
        bounds: Bounds of the log.
        publish: Puts a head into the transparency log; None where there is none.

    Raises:
        StoreError: It cannot be opened, somebody else writes it, or it lost or changed what it had.
    """

    def __init__(
        self,
        place: Path,
        *,
        clock: Clock,
        bounds: RequestLogBounds | None = None,
        publish: Callable[[ChainHead], None] | None = None,
    ) -> None:
        self._clock, self._bounds = clock, bounds or RequestLogBounds()
        self._worker = place.name
        self._mutex = threading.Lock()
        self._written = threading.Condition(self._mutex)
        self._wake, self._hurry = threading.Lock(), threading.Event()
        self._wake.acquire()
        self._queue: list[_Item] = []
        self._is_idle = self._is_closing = False
        self._waiting = self._waiting_bytes = self._reserved = self._missed = 0
        self._taken = self._done = 0
        self._failed: StoreError | None = None
        self._shut: StoreError | None = None
        self._segments = Segments(place, clock=clock, bounds=self._bounds)
        self._writer = threading.Thread(target=self._write, name="request-log", daemon=True)
        self._writer.start()
        self._publisher = (
            HeadPublisher(self.head, publish, bounds=self._bounds, on_lag=self.fail) if publish else None
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def is_writable(self) -> bool:
        """Whether it takes new requests."""
        return self._shut is None

    @property
    def failure(self) -> str:
        """Why it takes none; "" while it does."""
        return self._shut.message if self._shut is not None else ""

    @property
    def publish_failure(self) -> str:
        """Why the last head could not be put into the transparency log; "" when it could."""
        return self._publisher.failure if self._publisher is not None else ""

    @property
    def waiting(self) -> int:
        """How many events wait to be written."""
        return self._waiting

    @property
    def cut_off(self) -> int:
        """Bytes of a torn tail that were cut off when the log was opened."""
        return self._segments.cut_off

    def head(self) -> ChainHead:
        """How far it is durable."""
        mark = self._segments.mark
        return ChainHead(
            log=mark.log,
            worker=self._worker,
            lines=mark.lines,
            chain=mark.chain.hex(),
            segment=mark.segment,
            time=self._clock.now(),
        )

    def reserve(self) -> bool:
        """Keep room for one event, which `append` takes with `is_reserved`; False when there is none."""
        with self._mutex:
            if self._shut is not None or not self._has_room(self._bounds.max_queued):
                return False
            self._reserved += 1
            return True

    def append(self, event: Written, *, is_reserved: bool = False) -> None:
        """Take an event. May be called by many threads.

        Raises:
            StoreError: It cannot be taken.
        """
        size = self._size_of(event)
        with self._mutex:
            if is_reserved:
                self._reserved -= 1
            if self._failed is not None:
                raise self._failed
            if not is_reserved and not self._has_room(self._bounds.max_queued // 2):
                raise StoreError(_FULL)
            self._take((event, None), size)

    def append_awaited(self, event: Written) -> Future[None]:
        """Take an event; the future is done when the event is durable, or fails. To be called in an event loop.

        Raises:
            StoreError: It cannot be taken.
        """
        size = self._size_of(event)
        future: Future[None] = get_running_loop().create_future()
        with self._mutex:
            if self._shut is not None:
                raise self._shut
            if not self._has_room(self._bounds.max_queued):
                raise StoreError(_FULL)
            self._hurry.set()
            self._take((event, future), size)
        return future

    def miss(self) -> None:
        """Count an event of a refusal that found no room; the count is written as soon as there is."""
        with self._mutex:
            self._missed += 1

    def fail(self, reason: str) -> None:
        """Take no new requests."""
        with self._mutex:
            self._shut = self._shut or StoreError(reason)

    def flush(self, timeout_s: float = 10.0) -> None:
        """Wait until everything taken so far is durable.

        Raises:
            StoreError: It could not be made so, or not in time.
        """
        with self._mutex:
            wanted = self._taken
            self._hurry.set()
            self._written.wait_for(lambda: self._done >= wanted or self._failed is not None, timeout_s)
            if self._done < wanted:
                raise self._failed or StoreError("request log could not be written in time")

    def close(self) -> None:
        """Write what was taken, publish the last head, and release the log.

        Raises:
            StoreError: Something that was taken could not be written, or the head not published.
        """
        with self._mutex:
            if self._is_closing:
                return
            self._is_closing = True
            problem = self._failed.message if self._failed else ""
            self._failed = self._failed or StoreError("request log is closed")
            self._shut = self._shut or self._failed
            self._hurry.set()
            self._rouse()
        self._writer.join(self._bounds.close_timeout_s)
        if self._done < self._taken:
            problem = problem or "request log could not be written before it was closed"
        if self._publisher is not None:
            problem = problem or self._publisher.close(self._bounds.close_timeout_s)
        if not self._writer.is_alive():  # A thread in the middle of a write keeps what it writes to.
            self._segments.close()
        if problem:
            raise StoreError(problem)

    def _size_of(self, event: Written) -> int:
        if not isinstance(event, bytes):
            return self._bounds.max_record_bytes
        if len(event) > self._bounds.max_record_bytes or b"\n" in event:
            raise StoreError(_FORM)
        return len(event)

    def _has_room(self, limit: int) -> bool:
        return self._waiting + self._reserved < limit and self._waiting_bytes < self._bounds.max_queued_bytes

    def _take(self, item: _Item, size: int) -> None:
        self._queue.append(item)
        self._waiting += 1
        self._waiting_bytes += size
        self._taken += 1
        self._rouse()

    def _rouse(self) -> None:
        if self._is_idle:
            self._is_idle = False
            self._wake.release()

    def _write(self) -> None:
        """What the thread of the log does until the log is closed or has failed."""
        gather_s = self._bounds.gather_ms / 1000
        while True:
            with self._mutex:
                self._is_idle = is_idle = not self._queue
                if is_idle and self._is_closing:
                    return
            if is_idle:
                self._wake.acquire()
            self._hurry.wait(gather_s)
            with self._mutex:
                items, self._queue = self._queue, []
                self._hurry.clear()
                missed, self._missed = self._missed, 0
            try:
                for batch, told in self._batches(items, missed):
                    self._segments.write(batch)
                    self._tell(told)
            except BaseException as error:  # noqa: BLE001 - told to everybody who waits, and kept
                self._stop(items, error)
                return

    def _batches(self, items: Sequence[_Item], missed: int) -> Iterator[tuple[list[bytes], Sequence[_Item]]]:
        """Batches inside their bounds: events that are made and checked, and whom to tell of them."""
        bounds = self._bounds
        batch: list[bytes] = []
        begin = length = 0
        if missed:
            batch.append(encode(NoticeEvent(what="gap", count=missed, time=self._clock.now())))
        for at, (event, _) in enumerate(items):
            if isinstance(event, bytes):
                made = event
            else:
                made = event()
                if len(made) > bounds.max_record_bytes or b"\n" in made:
                    raise StoreError(_FORM)
            # Half, since the lines of short events are longer than the events.
            if len(batch) >= bounds.max_batch_events or length + len(made) > bounds.max_batch_bytes // 2:
                yield batch, items[begin:at]
                batch, begin, length = [], at, 0
            batch.append(made)
            length += len(made)
        if batch:
            yield batch, items[begin:]

    def _tell(self, items: Sequence[_Item]) -> None:
        most = self._bounds.max_record_bytes
        length = sum([len(event) if isinstance(event, bytes) else most for event, _ in items])
        with self._mutex:
            self._waiting -= len(items)
            self._waiting_bytes -= length
            self._done += len(items)
            self._written.notify_all()
        _settle(items, None)

    def _stop(self, items: Sequence[_Item], error: BaseException) -> None:
        reason = error.message if isinstance(error, StoreError) else str(error) or type(error).__name__
        failed = StoreError(
            f"request log could not be written: {reason}", hint="free room, then start the gateway again"
        )
        failed.__cause__ = error
        with self._mutex:
            self._failed = self._shut = failed
            items = [*items, *self._queue]
            self._queue = []
            self._written.notify_all()
        _settle(items, failed)


def _settle(items: Sequence[_Item], error: StoreError | None) -> None:
    """Tell those who wait, each in the event loop where it waits."""
    loops: dict[AbstractEventLoop, list[Future[None]]] = {}
    for _, future in items:
        if future is not None:
            loops.setdefault(future.get_loop(), []).append(future)
    for loop, futures in loops.items():
        with contextlib.suppress(RuntimeError):  # The loop has ended, and with it everybody who waited there.
            loop.call_soon_threadsafe(_done, futures, error)


def _done(futures: Sequence[Future[None]], error: StoreError | None) -> None:
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
            future.exception()  # A caller that went away does not ask for it; that is no fault to report.


if TYPE_CHECKING:
    _port: type[RequestLog] = FileRequestLog

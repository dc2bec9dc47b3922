"""The transparency log on disk, as its one writer has it.

The promises, each with a test:

1. When `append` returns, its entries survive a kill and a loss of power.
2. Killed at any point, the log opens again, holds everything that `append` returned, and verifies.
3. A torn tail is kept in `torn/`, cut off, and told in `cut_off`; entries that a checkpoint speaks of are never cut off.
4. A checkpoint is written after everything it speaks of is durable, and never over a tree that does not go on from the
   checkpoint before.
5. There is one writer. Threads that append at once share one sync.
6. After a failed write nothing more is written until the log is opened anew.
7. The time of an entry is never before that of the one before. A clock that lags a little is recorded; one that lags
   more is refused, unless the caller asks for it to be recorded, too.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

from keelmark.core.log import LogBounds, LogEntry, TreeHead
from keelmark.errors import LimitExceededError, ParseError, StoreError, UsageError
from keelmark.store.durable import make_folder, sync_folder, write_all, write_files
from keelmark.store.journal import MAX_JOURNAL_BYTES, Journal, frame, header
from keelmark.store.log_files import CHECKPOINT, JOURNAL, LOCK, TORN, LogFiles, record_path
from keelmark.trust import leaf as leaves
from keelmark.trust.merkle import EMPTY_ROOT
from keelmark.trust.note import is_key_name
from keelmark.trust.tiles import ENTRIES, WIDTH, Tile, TileBuilder, path_of, tiles_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from keelmark.core.clock import Clock
    from keelmark.core.log import TransparencyLog

__all__ = ["FileLog"]

_LOCK_POLL_S = 0.02
_MAX_STAMP = 100
"""Bytes that times and the length add to an entry, at most."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Batch:
    """Entries of one or more callers that are made durable together: record, its digest, body of the leaf."""

    entries: list[tuple[bytes, str, bytes]] = field(default_factory=list)
    length: int = 0
    first: int | None = None
    error: Exception | None = None


class FileLog(LogFiles):
    """A log that this process alone writes, from opening to closing.

    Args:
        place: The folder; made when it is not there.
        clock: Says what time it is.
        origin: Name that the log gets when it is new.
        bounds: Bounds of the log.
        accept_lag: Record entries although the clock lies far behind the last one; each such entry says so.

    Raises:
        StoreError: It cannot be opened, somebody else writes it, or it lost or changed what it had.
    """

    def __init__(
        self,
        place: Path,
        *,
        clock: Clock,
        origin: str,
        bounds: LogBounds | None = None,
        accept_lag: bool = False,
    ) -> None:
        self._clock = clock
        self._bounds = bounds or LogBounds()
        self._accept_lag = accept_lag
        self._queue, self._commit_lock = threading.Lock(), threading.Lock()
        self._open = _Batch()
        self._failed: Exception | None = None
        self._file = self._lock = -1
        self._end = 0
        self._last = _EPOCH
        self._kept: set[str] = set()
        self._pending: list[bytes] = []
        self._builder = TileBuilder()
        self.cut_off = 0
        try:
            make_folder(place)
            self._lock = _locked(place, self._bounds.max_lock_wait_s)
            super().__init__(place)
            self._recover(origin)
        except OSError as error:
            self.close()
            raise StoreError(
                f"log cannot be opened: {error}", hint="check who may write its folder"
            ) from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the log."""
        for descriptor in (self._file, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._lock = -1
        self._failed = self._failed or StoreError("log is closed")

    @property
    def origin(self) -> str:
        """Name of the log."""
        return self._base.origin

    @property
    def total(self) -> int:
        """How many entries there are, those not under the checkpoint included."""
        return self._builder.size + len(self._pending)

    def append(self, entries: Sequence[LogEntry]) -> range:
        """Record entries, durably before returning; their indexes. May be called by many threads.

        Raises:
            StoreError: They could not be recorded; nothing more can be until the log is opened anew.
            UsageError: A subject is no digest.
            LimitExceededError: An entry is too large, or there are too many.
        """
        if not entries:
            return range(self.total, self.total)
        if len(entries) > self._bounds.max_batch_entries:
            raise LimitExceededError(f"more than {self._bounds.max_batch_entries} entries at once")
        added = [(entry.record, *leaves.body_of(entry)) for entry in entries]
        length = sum(len(body) + _MAX_STAMP for _, _, body in added)
        if length > self._bounds.max_batch_bytes:
            raise LimitExceededError(f"entries of more than {self._bounds.max_batch_bytes} bytes at once")
        with self._queue:
            batch = self._joined(added, length)
            offset = len(batch.entries) - len(added)
        with self._commit_lock:
            if batch.first is None and batch.error is None:
                with self._queue:
                    if self._open is batch:
                        self._open = _Batch()
                self._commit(batch)
        if batch.first is None:
            assert batch.error is not None
            raise batch.error
        return range(batch.first + offset, batch.first + offset + len(added))

    def publish(self, sign: Callable[[TreeHead], bytes]) -> TreeHead:
        """Put all entries under a checkpoint, which `sign` writes.

        Raises:
            StoreError: It could not be written; nothing more can be until the log is opened anew.
        """
        with self._commit_lock:
            self._check_usable()
            before = self.size
            try:
                if self._pending:
                    made = chain(self._builder.extend(self._pending), self._builder.partial())
                    write_files(self.place, ((path_of(tile), content) for tile, content in made))
                head = TreeHead(origin=self.origin, size=self._builder.size, root=self._builder.root())
                write_files(self.place, [(CHECKPOINT, sign(head))])
                self._reload(head)
                self._pending.clear()
                self._remove_narrow(before)
                if self._end > self._bounds.rotate_bytes:
                    self._begin(head)
            except BaseException as error:
                self._failed = StoreError(f"log could not publish: {error}")
                if isinstance(error, OSError):
                    raise self._failed from error
                raise
            return head

    def _joined(self, added: Sequence[tuple[bytes, str, bytes]], length: int) -> _Batch:
        """The batch that takes these entries; a full one is left to those who wait for it."""
        bounds, now = self._bounds, self._open
        is_full = len(now.entries) + len(added) > bounds.max_batch_entries
        if is_full or now.length + length > bounds.max_batch_bytes:
            now = self._open = _Batch()
        now.entries.extend(added)
        now.length += length
        return now

    def _commit(self, batch: _Batch) -> None:
        """Make a batch durable. Whatever goes wrong is told to everybody who waits for it."""
        try:
            self._check_usable()
            now, lag = self._stamp()
            stamped = leaves.stamped([body for _, _, body in batch.entries], time=now, clock=lag)
            data = frame(self.total, stamped)
            self._check_room(len(stamped), len(data))
        except Exception as error:  # noqa: BLE001 - handed to each caller, who raises it
            batch.error = error
            return
        try:
            self._keep_records(batch)
            write_all(self._file, data, at=self._end)
            os.fdatasync(self._file)
        except OSError as error:
            batch.error = self._failed = StoreError(
                f"log could not be written: {error}", hint="nothing was acknowledged; free room and try again"
            )
            return
        except BaseException:
            batch.error = self._failed = StoreError("log was stopped in the middle of a write")
            raise
        batch.first = self.total
        self._end += len(data)
        self._last = now
        self._pending.extend(stamped)

    def _check_usable(self) -> None:
        if self._failed is not None:
            raise StoreError(
                "log takes no more entries after a failed write", hint="open it anew"
            ) from self._failed

    def _check_room(self, count: int, length: int) -> None:
        bounds = self._bounds
        if len(self._pending) + count > bounds.max_pending or self._end + length > MAX_JOURNAL_BYTES:
            raise LimitExceededError(
                f"{len(self._pending)} entries wait for a checkpoint, and no more can",
                hint="sign a checkpoint",
            )

    def _stamp(self) -> tuple[datetime, datetime | None]:
        now = self._clock.now()
        if now >= self._last:
            return now, None
        lag = (self._last - now).total_seconds()
        if lag > self._bounds.max_clock_lag_s and not self._accept_lag:
            raise StoreError(
                f"the clock says {now:%Y-%m-%dT%H:%M:%SZ}, and the last entry is from {self._last:%Y-%m-%dT%H:%M:%SZ}",
                hint="set the clock right; if the last entry was made with a wrong clock, accept the lag, which each entry then records",
            )
        return self._last, now

    def _keep_records(self, batch: _Batch) -> None:
        new = {
            digest: record
            for record, digest, _ in batch.entries
            if digest not in self._kept and not self._is_kept(digest)
        }
        write_files(self.place, ((record_path(digest), record) for digest, record in new.items()))
        if len(self._kept) > self._bounds.max_pending:
            self._kept.clear()
        self._kept.update(new)

    def _is_kept(self, digest: str) -> bool:
        try:
            found = self.record(digest)
        except StoreError:
            return False
        if found is None or leaves.digest_of(found) != digest:
            return False
        self._kept.add(digest)
        return True

    def _reload(self, head: TreeHead) -> None:
        self._load()
        if self.head != head:
            raise StoreError("what was signed is not the head of the log")

    def _remove_narrow(self, before: int) -> None:
        """Remove partial tiles that full ones have replaced; readers take those instead."""
        for tile in tiles_of(self.size, since=before):
            if tile.is_full:
                folder = self.place / f"{path_of(tile)}.p"
                with contextlib.suppress(OSError):
                    shutil.rmtree(folder)

    def _recover(self, origin: str) -> None:
        journal = self.journal()
        if journal is None:
            if self.head is not None or (self.place / "tile").exists():
                raise StoreError(
                    "journal of the log is missing", hint="restore the folder of the log from a back-up"
                )
            if not is_key_name(origin):
                raise UsageError(
                    f"`{origin}` cannot name a log",
                    hint="a name like example.org/log: no space, no plus sign",
                )
            self._begin(TreeHead(origin=origin, size=0, root=EMPTY_ROOT))
            return
        anchor = self._anchor(journal)
        self._builder = TileBuilder(anchor.size, self.tile)
        if self._builder.root() != anchor.root:
            raise StoreError(
                "tiles of the log do not give the root of its checkpoint",
                hint="they were changed; keelmark log verify says where",
            )
        self._pending = list(journal.entries(anchor.size))
        self._base, self._end = journal.base, journal.end
        self._file = _opened(self.place / JOURNAL)
        if journal.torn:
            self._cut(journal)
        self._last = self._last_time(anchor.size)

    def _anchor(self, journal: Journal) -> TreeHead:
        """The tree that is known to be whole: of the checkpoint, or of the journal's beginning when that is later."""
        head = self.head
        if head is None:
            if journal.base.size:
                raise StoreError(
                    "checkpoint of the log is missing", hint="restore the folder of the log from a back-up"
                )
            return journal.base
        if head.origin != journal.base.origin:
            raise StoreError("checkpoint and journal are of different logs")
        if head.size > journal.size:
            raise StoreError(
                f"log is truncated: its checkpoint speaks of {head.size} entries, and {journal.size} are there",
                hint="restore the folder of the log from a back-up",
            )
        return head if head.size >= journal.base.size else journal.base

    def _last_time(self, published: int) -> datetime:
        if self._pending:
            last = self._pending[-1]
        elif published:
            index = (published - 1) // WIDTH
            tile = Tile(ENTRIES, index, published - index * WIDTH)
            whole = self._parsed(tile, self.tile(tile))
            last = whole[(published - 1) % WIDTH]
        else:
            return _EPOCH
        try:
            return leaves.parse(last).time
        except ParseError as error:
            raise StoreError(f"last entry of the log is damaged: {error.message}") from error

    def _cut(self, journal: Journal) -> None:
        """Keep the torn tail apart, then cut it off."""
        torn = journal.data[journal.end :]
        name = f"{TORN}/{journal.size}-{leaves.digest_of(torn)[7:23]}"
        write_files(self.place, [(name, torn)])
        os.ftruncate(self._file, journal.end)
        os.fsync(self._file)
        self.cut_off = len(torn)

    def _begin(self, base: TreeHead) -> None:
        """Begin a journal that goes on from a tree which is whole."""
        content = header(base)
        write_files(self.place, [(JOURNAL, content)])
        before, self._file = self._file, _opened(self.place / JOURNAL)
        if before >= 0:
            os.close(before)
        self._base, self._end = base, len(content)
        sync_folder(self.place.parent)


def _opened(file: Path) -> int:
    return os.open(file, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)


def _locked(place: Path, wait_s: float) -> int:
    descriptor = os.open(place / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    until = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                os.close(descriptor)
                raise StoreError(
                    "somebody else writes this log", hint="wait until they are done, or stop them"
                ) from None
            time.sleep(_LOCK_POLL_S)
        else:
            return descriptor


if TYPE_CHECKING:
    _port: type[TransparencyLog] = FileLog

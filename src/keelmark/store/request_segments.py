"""The files of a request log in the hands of its one writer: opened after a crash, written in batches, rotated.

1. When `write` returns, the batch is on disk and `HEAD` speaks of it.
2. Opened after a kill or a loss of power, everything that `write` returned from is there.
3. A torn tail is kept in `torn/`, cut off, and told in `cut_off`. What `HEAD` speaks of is never cut off.
4. There is one writer.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from typing import TYPE_CHECKING

from keelmark.errors import StoreError
from keelmark.store.durable import make_folder, sync_folder, write_all, write_files
from keelmark.store.request_chain import (
    FORM,
    GENESIS,
    HEAD,
    LOCK,
    SLOT_BYTES,
    TORN,
    Mark,
    SegmentHeader,
    chained,
    header_line,
    name_of,
    slot_of,
)
from keelmark.store.request_log_files import heads_of, read_last, segments_of
from keelmark.trust.leaf import digest_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from keelmark.core.clock import Clock
    from keelmark.core.request_log import RequestLogBounds

__all__ = ["Segments"]

_LOCK_POLL_S = 0.02
_RESTORE = "keelmark log requests verify says what is wrong; restore the folder from a back-up"


class Segments:
    """The files, from opening to closing. Not to be used by two threads at once.

    Args:
        place: The folder; made with the one above it when it is not there.
        clock: Says what time it is.
        bounds: Bounds of the log.

    Raises:
        StoreError: They cannot be opened, somebody else writes them, or they lost or changed what they had.
    """

    def __init__(self, place: Path, *, clock: Clock, bounds: RequestLogBounds) -> None:
        self._place, self._clock, self._bounds = place, clock, bounds
        self._file = self._head_file = self._lock = -1
        self._slot = 0
        self.cut_off = 0
        try:
            if make_folder(place.parent):
                sync_folder(place.parent.parent)
            if make_folder(place):
                place.chmod(0o700)  # Who asks what is nobody else's business.
            self._lock = _locked(place, bounds.max_lock_wait_s)
            self.mark = self._recovered()
        except OSError as error:
            self.close()
            raise StoreError(
                f"request log cannot be opened: {error}", hint="check who may write its folder"
            ) from error
        except BaseException:
            self.close()
            raise

    def write(self, events: Sequence[bytes]) -> None:
        """Make a batch durable; a new segment is begun for it where the last one is long enough.

        Raises:
            OSError: It could not be written; nothing more must be.
        """
        if self.mark.size > self._bounds.rotate_bytes:
            self._rotate()
        before = self.mark
        data, chain = chained(events, after=before.chain, lines=before.lines)
        write_all(self._file, data, at=before.size)
        os.fdatasync(self._file)
        self._keep(
            Mark(
                log=before.log,
                lines=before.lines + len(events),
                chain=chain,
                segment=before.segment,
                size=before.size + len(data),
            )
        )

    def close(self) -> None:
        """Release the files."""
        for descriptor in (self._file, self._head_file, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._head_file = self._lock = -1

    def _keep(self, mark: Mark) -> None:
        """Write to `HEAD` how far the log is durable. Not synced: after a kill it is there, and that is what it is for."""
        write_all(self._head_file, slot_of(mark), at=self._slot)
        self._slot = SLOT_BYTES - self._slot
        self.mark = mark

    def _rotate(self) -> None:
        """Begin the next segment, once `HEAD` is known to speak of all of this one."""
        os.fdatasync(self._head_file)
        self._keep(self._begun(self.mark.log, self.mark.segment + 1, self.mark.lines, self.mark.chain))

    def _begun(self, log: str, number: int, lines: int, previous: bytes) -> Mark:
        now = self._clock.now().isoformat(timespec="seconds")
        header = SegmentHeader(form=FORM, log=log, number=number, previous=previous.hex(), time=now)
        line, chain = header_line(header, lines=lines)
        write_files(self._place, [(name_of(number), line)])
        self._open(number)
        return Mark(log=log, lines=lines + 1, chain=chain, segment=number, size=len(line))

    def _open(self, number: int) -> None:
        before, self._file = self._file, _opened(self._place, name_of(number))
        if before >= 0:
            os.close(before)

    def _recovered(self) -> Mark:
        """Open what is there, or begin."""
        numbers = segments_of(self._place)
        found = heads_of(self._place)
        if numbers:
            mark = self._gone_on(numbers[-1], found[0] if found else ())
        elif found:
            raise StoreError("request log is truncated: it has a head and no segments", hint=_RESTORE)
        else:
            mark = self._begun(secrets.token_hex(16), 1, 0, GENESIS)
        write_files(self._place, [(HEAD, slot_of(mark) * 2)])
        self._head_file = _opened(self._place, HEAD)
        sync_folder(self._place.parent)
        return mark

    def _gone_on(self, number: int, marks: Sequence[Mark]) -> Mark:
        last = read_last(self._place, number, asked=frozenset(mark.lines for mark in marks))
        if not marks and (number, last.lines) != (1, 1):
            raise StoreError("head of the request log is missing or damaged", hint=_RESTORE)
        for mark in marks:
            if mark.lines > last.lines or mark.segment > number:
                raise StoreError(
                    f"request log is truncated: its head speaks of {mark.lines} lines, and {last.lines} are there",
                    hint=_RESTORE,
                )
            if mark.log != last.header.log or last.known.get(mark.lines, mark.chain) != mark.chain:
                raise StoreError("request log is not the one that its head speaks of", hint=_RESTORE)
        self._open(number)
        if last.tail:
            name = f"{TORN}/{last.lines}-{digest_of(last.tail)[7:23]}"
            write_files(self._place, [(name, last.tail)])
            os.ftruncate(self._file, last.size)
            self.cut_off = len(last.tail)
        os.fsync(self._file)
        return Mark(log=last.header.log, lines=last.lines, chain=last.chain, segment=number, size=last.size)


def _opened(place: Path, name: str) -> int:
    return os.open(place / name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)


def _locked(place: Path, wait_s: float) -> int:
    descriptor = os.open(place / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    until = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                os.close(descriptor)
                raise StoreError(
                    "somebody else writes this request log", hint="each worker has a folder of its own"
                ) from None
            time.sleep(_LOCK_POLL_S)
        else:
            return descriptor

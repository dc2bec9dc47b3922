"""A request log on disk, as whoever only reads it sees it: segments line by line, the head, the tail that may be torn."""

from __future__ import annotations

import fcntl
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.request_log import RequestLogBounds
from keelmark.errors import LimitExceededError, ParseError, StoreError
from keelmark.store.durable import read_bounded
from keelmark.store.request_chain import (
    HEAD,
    HEAD_BYTES,
    LOCK,
    MAX_LINE_BYTES,
    OPENS,
    SLOT_BYTES,
    Mark,
    SegmentHeader,
    marks_of,
    name_of,
    number_in,
    number_of,
    parse_header,
    verified,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "MAX_TAIL_BYTES",
    "Last",
    "heads_of",
    "is_being_written",
    "lines_of",
    "read_last",
    "segments_of",
    "tail_problem",
]

MAX_TAIL_BYTES = RequestLogBounds().max_batch_bytes + MAX_LINE_BYTES
"""No batch is longer, so nothing longer can have broken off."""

_BUFFER = 1024**2
_MAX_SEGMENTS = 1_000_000
_RESTORE = "restore the folder of the log from a back-up; keelmark log requests verify says what is wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Last:
    """The last segment of a log, as far as it verifies.

    Attributes:
        header: Its first line.
        first: Number of that line.
        lines: Number of the last line that verifies.
        chain: Its hash.
        size: Bytes up to its end.
        tail: What follows.
        known: Hashes of the lines that were asked for, by number.
    """

    header: SegmentHeader
    first: int
    lines: int
    chain: bytes
    size: int
    tail: bytes
    known: dict[int, bytes]


def segments_of(place: Path) -> list[int]:
    """Numbers of all segments, in order.

    Raises:
        StoreError: The folder cannot be read.
    """
    try:
        with os.scandir(place) as found:
            numbers = [number for entry in found if (number := number_of(entry.name))]
    except OSError as error:
        raise StoreError(f"request log cannot be read: {error.strerror}") from error
    if len(numbers) > _MAX_SEGMENTS:
        raise StoreError(f"request log has more than {_MAX_SEGMENTS} segments")
    return sorted(numbers)


def heads_of(place: Path) -> tuple[tuple[Mark, ...], bool] | None:
    """What `HEAD` says, the newest first, and whether it is whole; None when it is not there.

    Raises:
        StoreError: It cannot be read.
    """
    try:
        data = read_bounded(place / HEAD, HEAD_BYTES)
    except FileNotFoundError:
        return None
    except (OSError, LimitExceededError) as error:
        raise StoreError(f"`{HEAD}` of the request log cannot be read: {error}") from error
    marks = marks_of(data)
    return marks, len(marks) == HEAD_BYTES // SLOT_BYTES


def lines_of(place: Path, number: int) -> Iterator[bytes]:
    """Lines of a segment with their breaks, each no longer than a line may be.

    Raises:
        StoreError: It cannot be read.
    """
    try:
        descriptor = os.open(
            place / name_of(number), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        )
        with os.fdopen(descriptor, "rb", buffering=_BUFFER) as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise StoreError(f"`{name_of(number)}` is no regular file")
            readline = stream.readline
            while line := readline(MAX_LINE_BYTES):
                yield line
    except OSError as error:
        raise StoreError(f"`{name_of(number)}` cannot be read: {error.strerror}") from error


def read_last(place: Path, number: int, *, asked: frozenset[int]) -> Last:
    """Read the last segment as far as it verifies.

    Args:
        place: Folder of the log.
        number: Of the segment.
        asked: Numbers of lines whose hashes are wanted.

    Raises:
        StoreError: It cannot be read, or is damaged elsewhere than at its end.
    """
    source = lines_of(place, number)
    top = next(source, b"")
    try:
        header, first, chain = parse_header(top)
    except ParseError as error:
        raise StoreError(f"`{name_of(number)}` is damaged: {error.message}", hint=_RESTORE) from error
    if header.number != number:
        raise StoreError(f"`{name_of(number)}` is segment {header.number}", hint=_RESTORE)
    at, size = first, len(top)
    known = {first: chain} if first in asked else {}
    if first - 1 in asked:
        known[first - 1] = bytes.fromhex(header.previous)
    tail = bytearray()
    for line in source:
        found = None if tail else verified(line, after=chain, number=at + 1)
        if found is None:
            tail += line
            if len(tail) > MAX_TAIL_BYTES:
                break
            continue
        chain, at, size = found, at + 1, size + len(line)
        if at in asked:
            known[at] = chain
    if problem := tail_problem(bytes(tail), lines=at):
        raise StoreError(f"request log is damaged after line {at}: {problem}", hint=_RESTORE)
    return Last(header=header, first=first, lines=at, chain=chain, size=size, tail=bytes(tail), known=known)


def tail_problem(tail: bytes, *, lines: int) -> str:
    """Why what follows the last line that verifies is no torn tail; "" when it is one.

    Args:
        tail: What follows.
        lines: Number of the last line that verifies.
    """
    if len(tail) > MAX_TAIL_BYTES:
        return "no batch is that long"
    _, _, rest = tail.partition(b"\n")
    if OPENS + b"\n" in rest:
        return "batches follow"
    # A loss of power may leave later lines of the last batch whole; none of them has a number that was there before.
    numbers = (number_in(line) for line in tail.split(b"\n")[:-1])
    return "lines are repeated" if any(0 < number <= lines for number in numbers) else ""


def is_being_written(place: Path) -> bool:
    """Whether somebody has this log open to write."""
    try:
        descriptor = os.open(place / LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False

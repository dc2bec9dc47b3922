"""What the workers of one machine counted today, in memory that they share: each writes its own row, and reads all of them.

    FILE          one row of numbers for each worker; stays when they end, so that nothing is forgotten
    FILE.DAY      which names were met on that day, as digests; each worker appends, and reads what others appended

1. A row has one writer. What is read of the others is what they had let through at that moment.
2. A worker that died, and one that is started again, goes on from its row.
3. What belongs to another day counts as nothing.
4. A file that is none of ours is refused, not mended.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
from typing import TYPE_CHECKING

from keelmark.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SharedCounts"]

_ROWS, _WIDTH = 64, 8
_MARK = 0x6B6565_6C6D6B_01
_SIZE = (_ROWS + 1) * _WIDTH * 8
_DAY, _REQUESTS, _SPENT, _OUTSIDE, _NAMES = range(5)
_NAME = struct.Struct("<BQ")
_MAX_NAMES = 1_000_000
_PIECE = _NAME.size * 4096


class SharedCounts:
    """The row of one worker, and a view of all.

    Args:
        file: Of the rows; its folder must be there, for the owner alone.
        row: Of this worker.
        rows: How many workers there are.

    Raises:
        StoreError: It cannot be opened, or is none of ours.
    """

    __slots__ = (
        "_at",
        "_day",
        "_file",
        "_heard_names",
        "_map",
        "_names",
        "_offset",
        "_others",
        "_row",
        "_rows",
    )

    def __init__(self, file: Path, *, row: int, rows: int) -> None:
        if not 0 <= row < rows <= _ROWS:
            raise StoreError(f"there are rows for {_ROWS} workers")
        self._file, self._row, self._rows = file, row, rows
        self._map = _mapped(file)
        self._at = memoryview(self._map).cast("q")
        self._day = -1
        self._names = -1
        self._offset = self._heard_names = 0
        # Rows of workers that are no more stay as they are, and count.
        self._others = tuple((each + 1) * _WIDTH for each in range(_ROWS) if each != row)

    def turn(self, day: int) -> tuple[int, int, int]:
        """Go on to a day; requests, money and callers from outside that this worker counted on it before.

        Raises:
            OSError: The names of the day cannot be opened.
        """
        at, mine = self._at, (self._row + 1) * _WIDTH
        if at[mine + _DAY] != day:
            # The day last: who reads half of it takes it for yesterday's.
            at[mine + _DAY] = -1
            at[mine + _REQUESTS] = at[mine + _SPENT] = at[mine + _OUTSIDE] = at[mine + _NAMES] = 0
            at[mine + _DAY] = day
        if self._names >= 0:
            os.close(self._names)
            self._names = -1
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._names = os.open(f"{self._file}.{day}", flags, 0o600)
        self._day, self._offset, self._heard_names = day, 0, -1
        for each in self._file.parent.glob(f"{self._file.name}.*"):
            if (
                each.name != f"{self._file.name}.{day}"
                and each.suffix[1:].isdecimal()
                and int(each.suffix[1:]) < day
            ):
                with contextlib.suppress(OSError):
                    each.unlink()
        # A worker that ended may have had a higher number than there are workers now.
        used = [each for each in range(_ROWS) if at[(each + 1) * _WIDTH + _DAY] == day or each < self._rows]
        self._others = tuple((each + 1) * _WIDTH for each in used if each != self._row)
        return at[mine + _REQUESTS], at[mine + _SPENT], at[mine + _OUTSIDE]

    def others(self) -> tuple[int, int]:
        """Requests and money that all other workers counted today."""
        requests = spent = 0
        at, day = self._at, self._day
        for row in self._others:
            if at[row] == day:
                requests += at[row + _REQUESTS]
                spent += at[row + _SPENT]
        return requests, spent

    def outside(self) -> int:
        """Callers from outside that all other workers met today."""
        return sum(self._at[row + _OUTSIDE] for row in self._others if self._at[row] == self._day)

    def publish(self, requests: int, spent: int, outside: int) -> None:
        """What this worker counted today."""
        at, mine = self._at, (self._row + 1) * _WIDTH
        at[mine + _REQUESTS], at[mine + _SPENT], at[mine + _OUTSIDE] = requests, spent, outside

    def tell(self, kind: int, digest: int) -> None:
        """Tell the others of a name that was met first here.

        Raises:
            OSError: It cannot be written.
            StoreError: There are too many.
        """
        at, mine = self._at, (self._row + 1) * _WIDTH
        if at[mine + _NAMES] >= _MAX_NAMES:
            raise StoreError("too many names were met today")
        os.write(self._names, _NAME.pack(kind, digest))  # Small, and appended: whole or not at all.
        at[mine + _NAMES] += 1

    def heard(self) -> list[tuple[int, int]]:
        """Names that were told since the last time, those of this worker among them.

        Raises:
            OSError: They cannot be read.
        """
        at, day = self._at, self._day
        if self._names < 0:
            return []
        names = sum([at[row + _NAMES] for row in self._others if at[row] == day])
        if names == self._heard_names:
            return []
        found: list[tuple[int, int]] = []
        while piece := os.pread(self._names, _PIECE, self._offset):
            whole = len(piece) - len(piece) % _NAME.size
            found.extend(_NAME.iter_unpack(piece[:whole]))
            self._offset += whole
            if whole < _PIECE:
                break
        self._heard_names = names
        return found

    def flush(self) -> None:
        """See to it that it outlives the machine, too."""
        self._map.flush()

    def close(self) -> None:
        """Let go of the files."""
        self._at.release()
        self._map.close()
        if self._names >= 0:
            os.close(self._names)
            self._names = -1


def _mapped(file: Path) -> mmap.mmap:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        opened = os.open(file, flags, 0o600)
    except OSError as error:
        raise StoreError(f"`{file.name}` cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        size = os.fstat(opened).st_size
        if not size:
            os.pwrite(opened, struct.pack("<q", _MARK).ljust(_SIZE, b"\0"), 0)
        elif size != _SIZE or os.pread(opened, 8, 0) != struct.pack("<q", _MARK):
            raise StoreError(
                f"`{file}` holds no counts of workers",
                hint="remove it while no gateway runs: counts of today begin anew",
            )
        found = mmap.mmap(opened, _SIZE)
        # The map keeps a copy of the descriptor, and with it the lock.
        fcntl.flock(opened, fcntl.LOCK_UN)
    except OSError as error:
        raise StoreError(f"`{file.name}` cannot be read: {error.strerror}") from error
    else:
        return found
    finally:
        os.close(opened)

"""Holds what was unpacked: short content in memory, long content in a temporary file without a name, mapped."""

from __future__ import annotations

import mmap
import tempfile
from typing import TYPE_CHECKING

from keelmark.errors import LimitExceededError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MAX_IN_MEMORY", "gather", "let_go"]

MAX_IN_MEMORY = 16 * 1024**2
"""Bytes that stay in memory; longer content goes to the temporary file."""


def gather(pieces: Iterable[bytes], *, max_in_memory: int = MAX_IN_MEMORY) -> memoryview:
    """All pieces as one view.

    The file lives as long as the view does; it never has a name, so nothing is left behind.

    Raises:
        LimitExceededError: There is no room for the file.
    """
    held: list[bytes] = []
    total = 0
    iterator = iter(pieces)
    for piece in iterator:
        held.append(piece)
        total += len(piece)
        if total > max_in_memory:
            return _in_file(held, iterator)
    return memoryview(b"".join(held))


def _in_file(held: list[bytes], rest: Iterable[bytes]) -> memoryview:
    try:
        with tempfile.TemporaryFile(prefix="keelmark-") as file:
            file.writelines(held)
            held.clear()
            file.writelines(rest)
            file.flush()
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise LimitExceededError("what comes out does not fit into the folder for temporary files") from error


def let_go(data: memoryview) -> None:
    """Give pages of a mapped file back to the system after a long walk; they are read again when needed."""
    mapped = data.obj
    if isinstance(mapped, mmap.mmap):
        mapped.madvise(mmap.MADV_DONTNEED)

"""How the process of a command keeps its memory."""

from __future__ import annotations

import ctypes

__all__ = ["return_large_blocks"]

_M_MMAP_THRESHOLD = -3  # of malloc.h
_BLOCK = 1024**2


def return_large_blocks() -> None:
    """Have blocks of more than a mebibyte given back to the system as soon as they are free.

    The allocator of glibc raises that bound by itself, up to 32 MiB, whenever a large block is freed; what was unpacked
    then stays with the process, in pieces. Other C libraries do not know the setting, and need none.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _BLOCK)

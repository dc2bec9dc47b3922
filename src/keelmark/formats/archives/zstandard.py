"""The decoder of zstd: that of Python from 3.14 on, its backport before; without one, zstd is named as not read."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, cast

from keelmark.errors import ParseError

if TYPE_CHECKING:
    from types import ModuleType

    from keelmark.formats.archives.container import Stream

__all__ = ["FAULTS", "MISSING", "decompressor", "is_here"]

MISSING = (
    "zstd is not unpacked: no decoder is installed (Python 3.14 has one, `backports.zstd` brings it before)"
)
# The window of a frame is memory of whoever unpacks it: 64 MiB.
_MAX_WINDOW_LOG = 26


class _Module(Protocol):
    """What both modules offer."""

    ZstdError: type[Exception]

    def ZstdDecompressor(self, *, options: dict[object, int]) -> Stream: ...  # noqa: N802 - its name

    @property
    def DecompressionParameter(self) -> object: ...  # noqa: N802 - its name


def _find() -> ModuleType | None:
    # Imported by name: which of the two is there depends on the version of Python.
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


_MODULE = cast("_Module | None", _find())
FAULTS: tuple[type[Exception], ...] = (_MODULE.ZstdError,) if _MODULE is not None else ()
"""What the decoder raises."""


def is_here() -> bool:
    """Whether zstd can be unpacked."""
    return _MODULE is not None


def decompressor() -> Stream:
    """A decompressor for one frame.

    Raises:
        ParseError: No decoder is installed.
    """
    if _MODULE is None:
        raise ParseError(MISSING)
    window = getattr(_MODULE.DecompressionParameter, "window_log_max")  # noqa: B009 - an enum of the module
    return _MODULE.ZstdDecompressor(options={window: _MAX_WINDOW_LOG})

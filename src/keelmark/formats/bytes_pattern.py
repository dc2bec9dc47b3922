"""Patterns over bytes, each byte a character of its own.

RE2 takes patterns over bytes for UTF-8 unless told otherwise: then `.` and `[^x]` match no byte that is no UTF-8, and
the escape for byte 128 stands for two bytes. What is judged is any bytes, so that every pattern over bytes is made here.
"""

from __future__ import annotations

from typing import Any

import re2

__all__ = ["bytes_pattern"]

_OPTIONS = re2.Options()
_OPTIONS.encoding = re2.Options.Encoding.LATIN1


def bytes_pattern(pattern: bytes) -> Any:
    """A compiled pattern over bytes.

    Raises:
        re2.error: The pattern is none.
    """
    return re2.compile(pattern, _OPTIONS)

"""Writes a file whole or not at all, without following what somebody laid in the way."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["write_whole"]


def write_whole(file: Path, content: bytes) -> None:
    """Write a file: readers see the old content or the new one, never a part.

    The draft has a name that nobody can foresee, so that a link laid at it by the assessed folder is not followed; a
    link at the name of the file is replaced, not followed. What is no regular file (a pipe, `/dev/stdout`) is written
    to as it stands.

    Raises:
        OSError: It cannot be written; the old content is still there.
    """
    if _is_special(file):
        file.write_bytes(content)
        return
    draft = file.with_name(f".{file.name[:100]}.{secrets.token_hex(8)}.part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        draft.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def _is_special(file: Path) -> bool:
    try:
        mode = file.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)

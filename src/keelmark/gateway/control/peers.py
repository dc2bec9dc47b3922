"""Unix sockets: a name that the system takes, however deep their folder, and who is at the other end."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["MAX_NAME", "peer_user", "short_name"]

MAX_NAME: Final = 107
"""Bytes of the name of a socket, for the system."""

_CREDENTIALS = struct.Struct("iII")


def peer_user(sock: socket.socket) -> int:
    """Number of the user of the process at the other end of a Unix socket.

    Raises:
        OSError: The system does not say.
    """
    found = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(found)
    return int(user)


@contextlib.contextmanager
def short_name(path: Path) -> Iterator[str]:
    """A name of a socket to bind or connect to, inside the block: its path, or a short one through its opened folder.

    Raises:
        OSError: The folder is not there, or the name is too long even so.
    """
    name = os.fspath(path)
    if len(os.fsencode(name)) <= MAX_NAME:
        yield name
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        short = f"/proc/self/fd/{folder}/{path.name}"
        if len(os.fsencode(short)) > MAX_NAME:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        yield short
    finally:
        os.close(folder)

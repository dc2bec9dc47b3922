"""Asks the control plane of a gateway over its Unix socket, within a time, and without trusting who answers.

1. The whole exchange takes no longer than it may, however slowly the other end writes.
2. Who listens must be of our own user or root: anybody could have laid a socket in a folder that others can write to.
3. An answer is read within a bound; one that is not as it should be counts as none.
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, Any

import msgspec

from keelmark.gateway.control.peers import peer_user, short_name

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["UnansweredError", "ask"]

_MAX_BYTES = 1024**2
_PART = 64 * 1024


class UnansweredError(Exception):
    """No gateway answered; the message says why."""


def ask(
    path: Path, method: str, target: str, body: object = None, *, timeout_s: float = 5.0
) -> tuple[int, dict[str, Any]]:
    """Status and decoded body of one answer.

    Args:
        path: The socket.
        method: Of HTTP.
        target: Path of what is asked.
        body: Sent as JSON; None for nothing.
        timeout_s: For all of it.

    Raises:
        UnansweredError: Nobody answered, not in time, or not as a gateway does.
    """
    deadline = time.monotonic() + timeout_s
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(timeout_s)
            with short_name(path) as name:
                sock.connect(name)
            if peer_user(sock) not in {os.geteuid(), 0}:
                raise UnansweredError("somebody else listens there")
            sock.settimeout(max(0.001, deadline - time.monotonic()))
            sock.sendall(_request(method, target, body))
            return _answer(_received(sock, deadline))
    except TimeoutError as error:
        raise UnansweredError(f"no answer within {timeout_s:g} s") from error
    except FileNotFoundError as error:
        raise UnansweredError("there is no socket") from error
    except OSError as error:
        raise UnansweredError((error.strerror or str(error)).lower()) from error


def _request(method: str, target: str, body: object) -> bytes:
    content = b"" if body is None else msgspec.json.encode(body)
    head = (
        f"{method} {target} HTTP/1.1\r\nhost: control\r\nconnection: close\r\n"
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    return head.encode("ascii") + content


def _received(sock: socket.socket, deadline: float) -> bytes:
    """Everything until the other end closes."""
    parts: list[bytes] = []
    length = 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        sock.settimeout(left)
        part = sock.recv(_PART)
        if not part:
            return b"".join(parts)
        parts.append(part)
        length += len(part)
        if length > _MAX_BYTES:
            raise UnansweredError("the answer is too large")


def _answer(received: bytes) -> tuple[int, dict[str, Any]]:
    head, _, content = received.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    try:
        if words[0] != b"HTTP/1.1" or f"content-length: {len(content)}".encode() not in head.lower().split(
            b"\r\n"
        ):
            raise UnansweredError("what answers is no gateway")
        return int(words[1]), msgspec.json.decode(content, type=dict[str, Any])
    except (ValueError, IndexError, msgspec.MsgspecError, RecursionError) as error:
        raise UnansweredError("what answers is no gateway") from error

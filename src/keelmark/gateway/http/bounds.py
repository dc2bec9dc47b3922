"""Bounds of the server and of the connections behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["LONGEST_CHUNK", "ServerBounds", "UpstreamBounds"]

LONGEST_CHUNK: Final = 16
"""Bytes of a chunk that carries one byte, a size written with more digits than it needs among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerBounds:
    """What one caller may ask of the server. Reaching a bound refuses the request, or ends the connection.

    Attributes:
        max_target_bytes: Of path and query.
        max_header_bytes: Of all names and values of a request.
        max_headers: How many of them.
        max_body_bytes: Of a body.
        max_connections: Of one worker at the same time; further ones are closed at once.
        max_pipelined: Requests of one connection that wait for the one before.
        max_requests: Of one connection.
        header_timeout_s: From the first byte of a request to the end of its headers.
        body_timeout_s: From there to the end of its body.
        idle_timeout_s: Between two requests.
        write_timeout_s: How long a caller may take nothing of an answer that waits.
        drain_timeout_s: How long requests may go on when the server stops.
        write_buffer_bytes: Of an answer that waits to be taken, before more of it is made.
    """

    max_target_bytes: int = 4096
    max_header_bytes: int = 32 * 1024
    max_headers: int = 100
    max_body_bytes: int = 1024**2
    max_connections: int = 2000
    max_pipelined: int = 16
    max_requests: int = 100_000
    header_timeout_s: float = 10.0
    body_timeout_s: float = 30.0
    idle_timeout_s: float = 75.0
    write_timeout_s: float = 30.0
    drain_timeout_s: float = 30.0
    write_buffer_bytes: int = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamBounds:
    """What one model behind the gateway may take.

    Attributes:
        max_connections: At the same time; further calls wait.
        max_waiting: Calls that wait for a connection; further ones are refused.
        max_header_bytes: Of an answer.
        max_body_bytes: Of an answer, all parts of a stream together.
        buffer_bytes: Of an answer that was read and not taken yet.
        connect_timeout_s: Until a connection stands, waiting for a free one included.
        answer_timeout_s: From the end of the request to the headers of the answer.
        idle_timeout_s: Between two parts of an answer.
        total_timeout_s: For the whole call.
        keep_idle_s: How long a connection is kept without a call.
    """

    max_connections: int = 256
    max_waiting: int = 1024
    max_header_bytes: int = 64 * 1024
    max_body_bytes: int = 32 * 1024**2
    buffer_bytes: int = 256 * 1024
    connect_timeout_s: float = 5.0
    answer_timeout_s: float = 120.0
    idle_timeout_s: float = 60.0
    total_timeout_s: float = 600.0
    keep_idle_s: float = 30.0

"""The request log of a project: opened for a worker of the gateway, its heads put into the transparency log."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from keelmark.core.log import LogEntry, LogKind
from keelmark.errors import StoreError
from keelmark.store.durable import make_folder, sync_folder
from keelmark.store.request_log import FileRequestLog
from keelmark.workflows.log import LOG_FOLDER, record
from keelmark.workflows.request_log_read import REQUESTS_FOLDER, encode_head

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from keelmark.core.clock import Clock
    from keelmark.core.request_log import ChainHead, RequestLogBounds
    from keelmark.trust.keys import PrivateKey

__all__ = ["head_publisher", "open_worker_log"]


def open_worker_log(
    root: Path,
    *,
    worker: str,
    clock: Clock,
    bounds: RequestLogBounds | None = None,
    publish: Callable[[ChainHead], None] | None = None,
) -> FileRequestLog:
    """The request log of one worker of the gateway in a project.

    Args:
        root: The project.
        worker: Name of the worker, such as `worker-0`; each has a folder of its own.
        clock: Says what time it is.
        bounds: Bounds of the log.
        publish: Puts heads into the transparency log, as `head_publisher` does.

    Raises:
        StoreError: It cannot be opened; nothing may be served then.
    """
    place = root / REQUESTS_FOLDER / worker
    try:
        if make_folder(place.parent.parent):
            sync_folder(root)
        # Not for version control, whoever made the folder first.
        with suppress(FileExistsError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(place.parent.parent / ".gitignore", flags, 0o666)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write("*\n")
    except OSError as error:
        raise StoreError(f"request log cannot be made: {error}") from error
    return FileRequestLog(place, clock=clock, bounds=bounds, publish=publish)


def head_publisher(root: Path, *, key: PrivateKey | None, clock: Clock) -> Callable[[ChainHead], None]:
    """Puts heads of request logs into the transparency log of a project, each under a checkpoint.

    Args:
        root: The project.
        key: Signs the checkpoints; None for none, and then whoever may write the folder can write both logs anew.
        clock: Says what time it is.
    """
    place = root / LOG_FOLDER

    def publish(head: ChainHead) -> None:
        made = encode_head(head)
        subject = f"sha256:{head.chain}"
        # Several workers publish; which of them is first does not matter, so a lag of the clock does not either.
        record(
            place,
            [LogEntry(kind=LogKind.REQUESTS, subjects=(subject,), record=made)],
            key=key,
            clock=clock,
            accept_lag=True,
        )

    return publish

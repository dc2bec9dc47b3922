"""`keelmark serve`: the gateway."""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from keelmark.cli.output import print_text
from keelmark.core.clock import SystemClock
from keelmark.errors import UsageError
from keelmark.report.reasons import EXIT_NOT_ENOUGH_EVIDENCE
from keelmark.report.sanitise import terminal
from keelmark.workflows.serve import ServeRequest, Worker
from keelmark.workflows.serve_workers import supervise

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["serve"]


def serve(
    file: Path = Path("gateway.yaml"),
    *,
    port: int | None = None,
    check: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Serve what was released, to whom it may concern, within its limits, and on record.

    Exit codes: 0 stopped as asked, or --check found everything in place; 2 could not run; 3 --check: no release holds.

    Args:
        file: The settings. Paths in them start from the folder of this file.
        port: Listen here, whatever the settings say; 0 for any free port, which is printed; several workers take one each.
        check: Read the settings, verify the release, say what would be served, and stop.
    """
    if not file.is_file():
        raise UsageError(f"there is no `{file}`", hint="docs/gateway.md shows a full example")
    root = file.resolve().parent
    if check:
        return _check(ServeRequest(file=file, root=root, name="check", port=port))
    first = Worker.settings_of(file, clock=SystemClock())
    if first.listen.workers == 1:
        _serve(ServeRequest(file=file, root=root, port=port), _tell)
        return 0
    requests = [
        ServeRequest(
            file=file, root=root, name=f"worker-{number}", port=port, is_first=number == 0, is_shared=True
        )
        for number in range(first.listen.workers)
    ]
    return supervise([functools.partial(_serve, each, _tell) for each in requests], told=_tell)


def _serve(request: ServeRequest, told: Callable[[str], None]) -> None:
    # Twice as fast as the loop of the standard library; a part of the extra `serve`, as all that the gateway needs.
    import uvloop  # noqa: PLC0415 - see above

    uvloop.run(_life(request, told))


async def _life(request: ServeRequest, told: Callable[[str], None]) -> None:
    worker = Worker(request, clock=SystemClock(), told=told)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: loop.create_task(worker.drain()))
    loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(worker.reload_or_tell()))
    try:
        await worker.start()
    except BaseException:
        # What was opened before it failed would keep the process.
        await worker.stop()
        raise
    # What was made so far stays to the end: it is not walked through each time that garbage is looked for.
    gc.collect()
    gc.freeze()
    host, port = worker.address
    told(f"{request.name} serves on {host}:{port}, process {os.getpid()}")
    await worker.served()


def _check(request: ServeRequest) -> int:
    with Worker.opened(request, clock=SystemClock(), told=_tell) as worker:
        page = worker.look()
        for route in worker.routes:
            print_text(f"{route.kind.value} {terminal(route.name)} through {terminal(route.upstream)}")
        if page.reason:
            print_text(f"nothing would be served: {page.reason}")
            return EXIT_NOT_ENOUGH_EVIDENCE
        print_text(f"release {page.release} would be served")
    return 0


def _tell(words: str) -> None:
    # One write with its end of line: several workers write to the same place, and their lines would run together.
    sys.stderr.write(f"{terminal(words)}\n")
    sys.stderr.flush()

"""Scans on a Ray cluster: files are looked at where there is room, and results are those of one machine.

1. Every node sees the files under the same paths, and has this version of Keelmark.
2. An order whose worker was lost is given out again, then file by file; a file that still ends its worker was not
   analysed.
3. When the time is over, what is not done is cancelled and named.

Ray moves its own messages as pickles among nodes that trust each other; what is scanned never becomes one.
"""

from __future__ import annotations

import socket
from collections import deque
from typing import TYPE_CHECKING, Any

from keelmark.core.facts import GapReason
from keelmark.errors import KeelmarkError, UsageError
from keelmark.version import __version__
from keelmark.workflows import scan_wire
from keelmark.workflows.scan_file import not_analysed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    from keelmark.core.scan import ScannedFile
    from keelmark.engine.walk import Entry
    from keelmark.workflows.scan_file import ScanSettings

__all__ = ["LOCAL", "look", "scan_with_ray"]

LOCAL = "local"
_LOOK_S = 0.5
_KNOCK_S = 10.0
_RETRIES = 1
# Orders given out for each core, so that no core waits for its next one.
_AHEAD = 2


def look(stated: str, ordered: str) -> tuple[str, list[str]]:
    """What a worker does: our version there, and a line for each file."""
    return __version__, list(scan_wire.answers(stated, ordered))


def scan_with_ray(
    entries: Sequence[Entry],
    settings: ScanSettings,
    *,
    address: str,
    today: date,
    monotonic: Callable[[], float],
) -> Iterator[tuple[int, ScannedFile]]:
    """The place and the result of each file, as they come in.

    Args:
        entries: The files.
        settings: How they are looked at.
        address: Of the cluster; `local` starts one on this machine and ends it afterwards.
        today: The day that clearances are held against.
        monotonic: Measures time.

    Raises:
        UsageError: Ray is not installed, or the cluster cannot be reached.
        KeelmarkError: A node has another version of Keelmark.
    """
    try:
        import ray  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise UsageError(
            "Ray is not installed", hint='install the extra: pip install "keelmark[ray]"'
        ) from error
    is_mine = not ray.is_initialized()
    if is_mine:
        try:
            _knock(address)
            ray.init(address=address, log_to_driver=False, logging_level="error")
        except (OSError, RuntimeError, ValueError) as error:
            raise UsageError(f"no Ray cluster at `{address}`: {error}") from error
    try:
        yield from _Course(ray, entries, settings, today=today, monotonic=monotonic).results()
    finally:
        if is_mine:
            ray.shutdown()


def _knock(address: str) -> None:
    """Fail at once where nobody listens; Ray itself goes on trying for more than a minute."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_S).close()


class _Course:
    """One scan while it runs on a cluster."""

    def __init__(
        self,
        ray: Any,
        entries: Sequence[Entry],
        settings: ScanSettings,
        *,
        today: date,
        monotonic: Callable[[], float],
    ) -> None:
        self._ray = ray
        self._entries = entries
        self._settings = settings
        self._terms = scan_wire.terms(settings, today)
        self._monotonic = monotonic
        self._began = monotonic()
        self._task = ray.remote(max_retries=_RETRIES, num_cpus=1)(look)
        self._most = _AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._left: deque[list[int]] = deque(scan_wire.places(entries))
        self._running: dict[Any, list[int]] = {}

    def results(self) -> Iterator[tuple[int, ScannedFile]]:
        while self._left or self._running:
            if self._monotonic() - self._began > self._settings.max_seconds:
                yield from self._too_late()
                return
            while self._left and len(self._running) < self._most:
                places = self._left.popleft()
                ordered = scan_wire.order(self._entries[place] for place in places)
                self._running[self._task.remote(self._terms, ordered)] = places
            done, _ = self._ray.wait(list(self._running), num_returns=1, timeout=_LOOK_S)
            for reference in done:
                yield from self._taken(reference, self._running.pop(reference))

    def _taken(self, reference: Any, places: list[int]) -> Iterator[tuple[int, ScannedFile]]:
        try:
            version, lines = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            if len(places) > 1:
                self._left.extendleft([place] for place in reversed(places))
            else:
                detail = f"the worker that looked at it was lost ({type(error).__name__})"
                yield self._missed(places[0], GapReason.CRASHED, detail)
            return
        if version != __version__:
            raise KeelmarkError(f"a node of the cluster has Keelmark {version}, and this is {__version__}")
        yield from zip(places, map(scan_wire.result, lines), strict=True)

    def _too_late(self) -> Iterator[tuple[int, ScannedFile]]:
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        for places in (*self._running.values(), *self._left):
            for place in places:
                detail = f"after {self._settings.max_seconds:g} s"
                yield self._missed(place, GapReason.OUT_OF_TIME, detail)

    def _missed(self, place: int, reason: GapReason, detail: str) -> tuple[int, ScannedFile]:
        entry = self._entries[place]
        return place, not_analysed(entry.path, entry.size, reason=reason, detail=detail)

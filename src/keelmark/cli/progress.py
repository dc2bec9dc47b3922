"""Progress of long work, on standard error, only when a person watches."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress as Bar

__all__ = ["BarProgress", "watching"]


class BarProgress:
    """A bar with the count of files read."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task = bar.add_task("meeting files", total=None)

    def start(self, total: int) -> None:
        """So many files will be read."""
        self._bar.update(self._task, total=total, description="reading files")

    def advance(self, path: str) -> None:  # noqa: ARG002 - the count says enough; names would flicker
        """One file was read."""
        self._bar.advance(self._task)


@contextmanager
def watching(*, quiet: bool) -> Iterator[BarProgress | None]:
    """A bar while somebody watches a terminal; None in CI, in pipes and when quiet."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - only who is watched pays for it
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield BarProgress(bar)

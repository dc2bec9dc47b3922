"""Numbers of several workers: each writes its own to a file of a private folder, one process reads and adds them up.

1. A file is whole or not there: it is written beside its place and moved.
2. What a worker counted stays counted when it is gone, so that no counter falls; how things stood with it counts no more.
3. How things stand with a worker that has not written for `stale_s` counts no more either, although it is there.
4. What cannot be read is left out, and counted in `keelmark_worker_files_unreadable`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from keelmark.errors import ConfigurationError
from keelmark.gateway.exposition import FamilySnapshot, Kind, Merge, Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

__all__ = ["MergeBounds", "WorkerFile", "WorkerReader", "merged", "private_folder"]

_END = ".metrics.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeBounds:
    """How much is read of workers.

    Attributes:
        max_workers: Files that are read; further ones are left out and counted as unreadable.
        max_bytes: Of one file.
        stale_s: After which a worker that wrote nothing is no longer asked how things stand.
    """

    max_workers: int = 256
    max_bytes: int = 8 * 1024**2
    stale_s: float = 10.0


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in one file."""

    process: int
    written: float
    families: tuple[FamilySnapshot, ...]


_DECODER = msgspec.json.Decoder(_Written)


def private_folder(folder: Path) -> Path:
    """A folder that nobody else can look into; it is made when it is not there.

    Raises:
        ConfigurationError: It is no folder, belongs to somebody else, or others have rights on it.
    """
    hint = "name a folder of its own for it; it is made with the right permissions"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
    except OSError as error:
        raise ConfigurationError(f"`{folder}` cannot be made: {error.strerror}", hint=hint) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise ConfigurationError(
            f"`{folder}` is no folder that only its owner can open", hint=f"chmod 700 {folder}; or {hint}"
        )
    return folder


class WorkerFile:
    """Where one worker writes what it counted.

    Args:
        folder: Private, and there.
        snapshot: What was counted.
        process: Number of the process.
        now: Seconds since 1970.
    """

    __slots__ = ("_draft", "_file", "_now", "_process", "_snapshot")

    def __init__(
        self,
        folder: Path,
        snapshot: Callable[[], tuple[FamilySnapshot, ...]],
        *,
        process: int | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._process = os.getpid() if process is None else process
        self._file = folder / f"{self._process}{_END}"
        self._draft = folder / f".{self._process}.part"
        self._snapshot, self._now = snapshot, now

    def write(self) -> None:
        """Write it now; called every second.

        Raises:
            OSError: It cannot be written; the old one is still there.
        """
        content = msgspec.json.encode(_Written(self._process, self._now(), self._snapshot()))
        descriptor = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        self._draft.replace(self._file)

    async def keep(self, *, interval_s: float = 1.0) -> None:
        """Write it until cancelled. What cannot be written now may be written later; nothing else waits for it."""
        while True:
            with contextlib.suppress(OSError):
                self.write()
            await asyncio.sleep(interval_s)


class WorkerReader:
    """Adds up what all workers wrote. One process has one, and asks it for every reading.

    Args:
        folder: Private, and there.
        bounds: How much is read.
        is_alive: Whether there is a process of a number.
        now: Seconds since 1970.
    """

    def __init__(
        self,
        folder: Path,
        *,
        bounds: MergeBounds | None = None,
        is_alive: Callable[[int], bool] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._folder, self._bounds = folder, bounds or MergeBounds()
        self._is_alive = is_alive or _is_alive
        self._now = now
        self._gone: tuple[FamilySnapshot, ...] = ()

    def snapshot(self) -> tuple[FamilySnapshot, ...]:
        """What all workers counted, those that are gone included."""
        now = self._now()
        parts, workers, unreadable = [], 0, 0
        files = sorted(self._folder.glob(f"*{_END}"))
        unreadable += max(0, len(files) - self._bounds.max_workers)
        for file in files[: self._bounds.max_workers]:
            written = self._read(file)
            if written is None:
                unreadable += 1
            elif not self._is_alive(written.process):
                self._gone = merged([self._gone, _counted(written.families)])
                with contextlib.suppress(OSError):
                    file.unlink()
            else:
                is_fresh = now - written.written <= self._bounds.stale_s
                workers += is_fresh
                parts.append(written.families if is_fresh else _counted(written.families))
        standing = (
            _gauge("keelmark_workers", "Workers that wrote their numbers lately.", workers),
            _gauge(
                "keelmark_worker_files_unreadable", "Files of workers that could not be read.", unreadable
            ),
        )
        return (*merged([self._gone, *parts]), *standing)

    def _read(self, file: Path) -> _Written | None:
        try:
            descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as stream:
                content = stream.read(self._bounds.max_bytes + 1)
            if len(content) > self._bounds.max_bytes:
                return None
            written = _DECODER.decode(content)
        except (OSError, msgspec.MsgspecError, RecursionError):
            return None
        return written if all(map(_is_sound, written.families)) else None


def merged(parts: Iterable[Sequence[FamilySnapshot]]) -> tuple[FamilySnapshot, ...]:
    """One set of families out of several, in the order in which they first come. What differs in form is left out."""
    families: dict[str, FamilySnapshot] = {}
    series: dict[str, dict[tuple[str, ...], Sample]] = {}
    for part in parts:
        for family in part:
            first = families.setdefault(family.name, family)
            if (first.kind, first.labels, first.bounds) != (family.kind, family.labels, family.bounds):
                continue  # Of another version of the gateway, while it is being replaced.
            found = series.setdefault(family.name, {})
            for sample in family.samples:
                before = found.get(sample.labels)
                found[sample.labels] = sample if before is None else _joined(before, sample, family.merge)
    return tuple(
        msgspec.structs.replace(family, samples=tuple(series.get(name, {}).values()))
        for name, family in families.items()
    )


def _joined(one: Sample, other: Sample, merge: Merge) -> Sample:
    if merge is not Merge.SUM:
        pick = min if merge is Merge.MIN else max
        return Sample(one.labels, pick(one.value, other.value))
    counts = tuple(a + b for a, b in zip(one.counts, other.counts, strict=True))
    return Sample(one.labels, one.value + other.value, counts)


def _is_sound(family: FamilySnapshot) -> bool:
    counts = len(family.bounds) + 1 if family.kind is Kind.HISTOGRAM else 0
    return all(
        len(sample.labels) == len(family.labels) and len(sample.counts) == counts for sample in family.samples
    )


def _counted(families: Iterable[FamilySnapshot]) -> tuple[FamilySnapshot, ...]:
    return tuple(family for family in families if family.kind is not Kind.GAUGE)


def _gauge(name: str, help: str, value: float) -> FamilySnapshot:  # noqa: A002 - the word of the format
    return FamilySnapshot(name, Kind.GAUGE, help, samples=(Sample((), value),))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # Somebody else's, or not to be asked: not known to be gone.
    return True

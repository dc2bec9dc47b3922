"""Reads the files of a model or dataset for signing and verifying: which there are, and their digests.

Everything is read once, in large pieces, several files at a time, in bounded memory. What changes while it is read is
refused: each file is compared before and after, and so is the list of them.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import time
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from keelmark.errors import LimitExceededError, TrustError, UsageError
from keelmark.trust.model_manifest import SINGLE_FILE, is_under

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

_CLOCK_STEP_NS = 20_000_000
"""File systems keep times in steps; this is longer than those in use (4 or 10 ms)."""

__all__ = ["Entry", "FileBounds", "Listing", "Span", "digest_spans", "list_files", "relative_to_model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBounds:
    """Bounds of reading a model.

    Attributes:
        max_files: Files in the folder.
        max_bytes: Bytes of all of them.
        max_depth: Folders inside of folders.
        max_path: Bytes of a path, relative to the folder.
        chunk_bytes: Bytes read at once, by each thread.
        max_threads: Files read at the same time.
    """

    max_files: int = 500_000
    max_bytes: int = 64 * 1024**4
    max_depth: int = 128
    max_path: int = 4_096
    chunk_bytes: int = 1024**2
    max_threads: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One regular file.

    Attributes:
        path: Relative to the folder, with slashes; `SINGLE_FILE` when it is what was named.
        size: Bytes.
        identity: Device, inode, and times of change: differs when the file does.
    """

    path: str
    size: int
    identity: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What lies in a folder.

    Attributes:
        root: The folder, or the file.
        files: In the order of their paths.
        links: Symbolic links that were not followed.
        others: Pipes, devices, sockets, and names that are no UTF-8: nothing that can be signed.
    """

    root: Path
    files: tuple[Entry, ...]
    links: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A piece of a file; the whole file when `end` is None."""

    entry: Entry
    start: int = 0
    end: int | None = None


class _Hash(Protocol):
    def update(self, data: memoryview, /) -> object: ...

    def hexdigest(self) -> str: ...


def list_files(
    root: Path, *, ignore: Sequence[str] = (), follow: bool = False, bounds: FileBounds | None = None
) -> Listing:
    """The files of a folder, or the file itself.

    Args:
        root: Folder or file.
        ignore: Files and folders to pass over, relative to `root`.
        follow: Follow links to files. Links to folders are never followed: other tools do not see what is behind them.
        bounds: Bounds.

    Raises:
        UsageError: There is no such file or folder, or it cannot be read.
        LimitExceededError: A bound was reached.
    """
    limits = bounds or FileBounds()
    try:
        if root.is_symlink() and not follow:
            raise UsageError(
                f"`{root}` is a symbolic link", hint="name what it leads to, or give --allow-symlinks"
            )
        found = root.stat()
        if stat.S_ISREG(found.st_mode):
            return Listing(root=root, files=(_entry(SINGLE_FILE, found),))
        if not stat.S_ISDIR(found.st_mode):
            raise UsageError(f"`{root}` is neither a file nor a folder")
        return _Walk(root, frozenset(ignore), follow=follow, bounds=limits).listing()
    except OSError as error:
        raise UsageError(f"`{error.filename or root}` cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"`{root}` cannot be a path") from error


def digest_spans(
    root: Path, spans: Sequence[Span], *, algorithm: str, follow: bool, bounds: FileBounds | None = None
) -> list[str]:
    """The digests of pieces of files, in the order asked for.

    Args:
        root: The folder of the listing.
        spans: What to read.
        algorithm: `sha256`, `blake2b` or `blake3`.
        follow: Whether links may be followed.
        bounds: Bounds.

    Raises:
        TrustError: A file changed while it was read, or cannot be read.
        UsageError: The algorithm needs a package that is not installed.
    """
    limits = bounds or FileBounds()
    _settle(spans)
    reader = _Reader(root, maker=_maker(algorithm), follow=follow, chunk_bytes=limits.chunk_bytes)
    # The largest first, so that no thread is left with a large one at the end.
    order = sorted(range(len(spans)), key=lambda place: -_length(spans[place]))
    digests = [""] * len(spans)
    threads = min(limits.max_threads, _processors(), len(spans))
    if threads <= 1:
        for place in order:
            digests[place] = reader.digest(spans[place])
        return digests
    pending: Iterator[int] = iter(order)
    lock = threading.Lock()

    def work() -> None:
        while not reader.is_stopped:
            with lock:
                place = next(pending, None)
            if place is None:
                return
            digests[place] = reader.digest(spans[place])

    with ThreadPoolExecutor(max_workers=threads) as pool:
        running: list[Future[None]] = [pool.submit(work) for _ in range(threads)]
        try:
            done, _ = wait(running, return_when=FIRST_EXCEPTION)
            for each in done:
                each.result()
        finally:
            # Whoever stops us, or a file that cannot be read, does not wait for the rest of large files.
            reader.is_stopped = True
    return digests


def relative_to_model(root: Path, file: Path) -> str | None:
    """The path of a file inside of a model's folder, with slashes; None when it lies elsewhere."""
    # The file may not exist yet, and may be a link itself: its folder is resolved, its name is not.
    place = file.parent.resolve() / file.name
    with suppress(ValueError):
        return place.relative_to(root.resolve()).as_posix()
    return None


class _Walk:
    def __init__(self, root: Path, ignore: frozenset[str], *, follow: bool, bounds: FileBounds) -> None:
        self._root = root
        self._ignore = ignore
        self._follow = follow
        self._bounds = bounds
        self._files: list[Entry] = []
        self._links: list[str] = []
        self._others: list[str] = []
        self._bytes = 0

    def listing(self) -> Listing:
        folders = [""]
        while folders:
            folder = folders.pop()
            if folder.count("/") >= self._bounds.max_depth:
                raise LimitExceededError(f"folders are nested deeper than {self._bounds.max_depth}")
            with os.scandir(self._root / folder if folder else self._root) as found:
                for each in found:
                    path = f"{folder}/{each.name}" if folder else each.name
                    if not is_under(path, self._ignore) and self._is_folder(each, path):
                        folders.append(path)
        self._files.sort(key=lambda entry: entry.path.split("/"))
        return Listing(
            root=self._root,
            files=tuple(self._files),
            links=tuple(sorted(self._links)),
            others=tuple(sorted(self._others)),
        )

    def _is_folder(self, found: os.DirEntry[str], path: str) -> bool:
        """Whether to go into it; anything else is kept."""
        if not _is_name(path) or len(os.fsencode(path)) > self._bounds.max_path:
            self._others.append(path)
        elif found.is_symlink() and not (self._follow and _leads_to_file(found)):
            self._links.append(path)
        elif found.is_dir(follow_symlinks=False):
            return True
        elif found.is_file():
            self._keep(_entry(path, found.stat(follow_symlinks=self._follow)))
        else:
            self._others.append(path)
        if len(self._files) + len(self._links) + len(self._others) > self._bounds.max_files:
            raise LimitExceededError(f"there are more than {self._bounds.max_files} files")
        return False

    def _keep(self, entry: Entry) -> None:
        self._files.append(entry)
        self._bytes += entry.size
        if self._bytes > self._bounds.max_bytes:
            raise LimitExceededError(f"the files have more than {self._bounds.max_bytes} bytes")


class _Reader:
    """Digests pieces of files; each thread reads into a buffer of its own."""

    def __init__(self, root: Path, *, maker: Callable[[], _Hash], follow: bool, chunk_bytes: int) -> None:
        self._root = root
        self._maker = maker
        self._chunk_bytes = chunk_bytes
        # A pipe laid at the name must not make the read wait; a link must not lead it elsewhere.
        self._flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
        self._buffers = threading.local()
        self.is_stopped = False

    def digest(self, span: Span) -> str:
        path = span.entry.path
        file = self._root if path == SINGLE_FILE else self._root / path
        try:
            descriptor = os.open(file, self._flags)
        except OSError as error:
            raise TrustError(f"`{path}` cannot be read: {error.strerror}") from error
        try:
            return self._read(descriptor, span)
        except OSError as error:
            raise TrustError(f"`{path}` cannot be read: {error.strerror}") from error
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int, span: Span) -> str:
        self._check(descriptor, span.entry)
        end = span.entry.size if span.end is None else span.end
        left = end - span.start
        os.lseek(descriptor, span.start, os.SEEK_SET)
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(descriptor, span.start, left, os.POSIX_FADV_SEQUENTIAL)
        running, buffer = self._maker(), self._buffer()
        while left > 0 and not self.is_stopped:
            count = os.readv(descriptor, [buffer[: min(left, len(buffer))]])
            if not count:
                raise _changed(span.entry)
            running.update(buffer[:count])
            left -= count
        self._check(descriptor, span.entry)
        return running.hexdigest()

    def _check(self, descriptor: int, entry: Entry) -> None:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or _entry(entry.path, found) != entry:
            raise _changed(entry)

    def _buffer(self) -> memoryview:
        found = getattr(self._buffers, "view", None)
        if not isinstance(found, memoryview):
            found = self._buffers.view = memoryview(bytearray(self._chunk_bytes))
        return found


def _processors() -> int:
    """Those that this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _settle(spans: Sequence[Span]) -> None:
    """Let the clock of the file system step on, so that whatever is written from now on has another time."""
    newest = max((span.entry.identity[-1] for span in spans), default=0)
    age_ns = time.time_ns() - newest
    if 0 <= age_ns < _CLOCK_STEP_NS:
        time.sleep((_CLOCK_STEP_NS - age_ns) / 1e9)


def _changed(entry: Entry) -> TrustError:
    return TrustError(f"`{entry.path}` changed while it was read", hint="wait until nobody writes, and again")


def _entry(path: str, found: os.stat_result) -> Entry:
    return Entry(
        path=path,
        size=found.st_size,
        identity=(found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns),
    )


def _length(span: Span) -> int:
    return (span.entry.size if span.end is None else span.end) - span.start


def _is_name(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:  # bytes that are no UTF-8
        return False
    return True


def _leads_to_file(found: os.DirEntry[str]) -> bool:
    with suppress(OSError):
        return found.is_file()
    return False


def _maker(algorithm: str) -> Callable[[], _Hash]:
    if algorithm == "sha256":
        return hashlib.sha256
    if algorithm == "blake2b":
        return hashlib.blake2b
    try:
        import blake3  # noqa: PLC0415 - optional: only signatures of others ask for it
    except ImportError as error:
        raise UsageError("the signature uses BLAKE3", hint="pip install blake3") from error
    return cast("Callable[[], _Hash]", blake3.blake3)

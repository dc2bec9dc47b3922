"""A file under judgement: bounded access to its bytes, and the contract of a reader."""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import stat
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from keelmark.errors import LimitExceededError, ParseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from keelmark.core.facts import Reading

__all__ = ["HEAD_BYTES", "Bounds", "Reader", "Source", "decode"]

HEAD_BYTES = 64 * 1024
"""Length of `Source.head`."""
# A mapped file that is cut short meanwhile ends the program, so that only what is too large to hold is mapped.
_MAP_FROM_BYTES = 64 * 1024 * 1024
_DIGEST_PIECE = 1024 * 1024
# Members up to here are unpacked to look at their end; longer ones only when their start asks for it.
_TAIL_OF_MEMBER = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of reading one file.

    Attributes:
        max_text_bytes: Longest text that is decoded as a whole.
        max_digest_bytes: Longest file that is hashed as a whole.
    """

    max_text_bytes: int = 4 * 1024**2
    max_digest_bytes: int = 64 * 1024**3


def decode(data: bytes | memoryview, *, path: str = "") -> str:
    """Decode text: UTF-8 (with or without mark), UTF-16 or UTF-32 with mark, else Latin-1 without control bytes.

    Raises:
        ParseError: The bytes are no text.
    """
    raw = bytes(data)
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe\x00\x00", "utf-32"),
        (b"\x00\x00\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if raw.startswith(mark):
            try:
                return raw.decode(encoding)
            except UnicodeDecodeError as error:
                raise ParseError("text breaks its own encoding", path=path) from error
    if b"\x00" in raw:
        raise ParseError("binary content where text was expected", path=path)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


class Source:
    """One regular file, opened without following links, read in bounds.

    The file is opened once; size and identity are those of the open file, so that a swap between look and read
    cannot mislead. Use it as a context manager.

    Args:
        file: The file.
        path: Its POSIX path relative to the assessed folder: what readers and messages see.
        bounds: Bounds of reading.

    Raises:
        OSError: The file cannot be opened.
        ParseError: It is no regular file.
    """

    def __init__(self, file: Path, *, path: str, bounds: Bounds | None = None) -> None:
        self.path = path
        self.bounds = bounds or Bounds()
        self._map: mmap.mmap | None = None
        self._load: Callable[[], memoryview] | None = None
        self._descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            status = os.fstat(self._descriptor)
        except BaseException:
            os.close(self._descriptor)
            raise
        if not stat.S_ISREG(status.st_mode):
            os.close(self._descriptor)
            raise ParseError("no regular file", path=path)
        self.size = status.st_size

    @classmethod
    def of_bytes(cls, data: bytes, *, path: str, bounds: Bounds | None = None) -> Source:
        """A source over bytes in memory: archive members, standard input, tests."""
        source = cls.__new__(cls)
        source.path = path
        source.bounds = bounds or Bounds()
        source.size = len(data)
        source._map = None  # noqa: SLF001 - its own constructor
        source._load = None  # noqa: SLF001
        source._descriptor = -1  # noqa: SLF001
        source.__dict__["data"] = memoryview(data)
        return source

    @classmethod
    def of_member(
        cls,
        *,
        path: str,
        size: int,
        head: bytes,
        load: Callable[[], memoryview],
        bounds: Bounds | None = None,
    ) -> Source:
        """A source over an archive member that is unpacked only when more than its head is asked for.

        Args:
            path: What readers and messages see.
            size: Bytes of the whole member as the archive states it; set right once `load` was asked.
            head: Its first bytes, at least `HEAD_BYTES` of them unless the member is shorter.
            load: Gives all bytes; may raise `ParseError` or `LimitExceededError`.
            bounds: Bounds of reading.
        """
        source = cls.of_bytes(b"", path=path, bounds=bounds)
        source.size = size
        del source.__dict__["data"]
        source.__dict__["head"] = head[:HEAD_BYTES]
        source._load = load  # noqa: SLF001 - its own constructor
        return source

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the file. Views handed out before must be gone."""
        view = self.__dict__.pop("data", None)
        if isinstance(view, memoryview):
            view.release()
        if self._map is not None:
            self._map.close()
            self._map = None
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @cached_property
    def name(self) -> str:
        """Last part of the path."""
        return self.path.rpartition("/")[2]

    @cached_property
    def suffix(self) -> str:
        """Last suffix in lower case, with its dot; a hint, never proof."""
        stem, dot, suffix = self.name.rpartition(".")
        return f".{suffix.lower()}" if dot and stem and suffix else ""

    @cached_property
    def head(self) -> bytes:
        """The first 64 KiB (or all, if shorter)."""
        if self._descriptor < 0:
            return bytes(self.data[:HEAD_BYTES])
        return os.pread(self._descriptor, HEAD_BYTES, 0)

    def tail(self, count: int) -> bytes:
        """The last `count` bytes (or all, if shorter); empty for a long archive member that nobody has unpacked yet."""
        if self.size <= len(self.head):
            return self.head[-count:]
        if self._load is not None and "data" not in self.__dict__ and self.size > _TAIL_OF_MEMBER:
            return b""
        if self._descriptor < 0:
            return bytes(self.data[-count:])
        return os.pread(self._descriptor, count, max(self.size - count, 0))

    def start(self, count: int) -> bytes:
        """The first `count` bytes (or all, if shorter); only the head of a long archive member that nobody has unpacked yet."""
        if count <= len(self.head) or self.size <= len(self.head):
            return self.head[:count]
        if "data" in self.__dict__:
            return bytes(self.data[:count])
        return self.head if self._descriptor < 0 else os.pread(self._descriptor, count, 0)

    @cached_property
    def data(self) -> memoryview:
        """All bytes: read up to 64 MiB, memory-mapped beyond.

        Raises:
            OSError: The file was cut short since it was opened.
        """
        if self._load is not None:
            view = self._load()
            self.size = len(view)  # archives may lie about it
            return view
        if self.size <= len(self.head):
            return memoryview(self.head[: self.size])
        if self.size <= _MAP_FROM_BYTES:
            return memoryview(self._read(self.size, 0))
        self._map = mmap.mmap(self._descriptor, self.size, access=mmap.ACCESS_READ)
        return memoryview(self._map)

    def pieces(self, *, size: int = _DIGEST_PIECE) -> Iterator[bytes]:
        """All bytes in order, piece by piece: a file of any length takes no more memory than one piece.

        Raises:
            OSError: The file was cut short since it was opened.
        """
        if self._descriptor < 0 or "data" in self.__dict__:
            data = self.data
            for start in range(0, len(data), size):
                yield bytes(data[start : start + size])
            return
        for start in range(0, self.size, size):
            yield self._read(min(size, self.size - start), start)

    def _read(self, count: int, start: int) -> bytes:
        data = os.pread(self._descriptor, count, start)
        if len(data) < count:
            raise OSError(errno.EIO, "cut short while it was read")
        return data

    @cached_property
    def is_text(self) -> bool:
        """Whether the head decodes as text without control bytes (tab, line feed, form feed, return allowed)."""
        head = self.head[:8192]
        if head.startswith((b"\xff\xfe", b"\xfe\xff")):
            return True
        return not head.translate(None, _TEXT_BYTES)

    @cached_property
    def text(self) -> str:
        """The whole file as text.

        Raises:
            LimitExceededError: Longer than `bounds.max_text_bytes`.
            ParseError: No text.
        """
        if self.size > self.bounds.max_text_bytes:
            raise LimitExceededError(
                f"text of {self.size} bytes is longer than {self.bounds.max_text_bytes}", path=self.path
            )
        return decode(self.data, path=self.path)

    @cached_property
    def lines(self) -> Sequence[str]:
        """The lines of the text without their ends: line feed, return, or both end a line, nothing else does."""
        return self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content, hexadecimal.

        Raises:
            LimitExceededError: Longer than `bounds.max_digest_bytes`.
            OSError: The file was cut short since it was opened.
        """
        if self.size > self.bounds.max_digest_bytes:
            raise LimitExceededError("file is too large to hash", path=self.path)
        if self._descriptor < 0:
            return hashlib.sha256(self.data).hexdigest()
        # Read in pieces: a mapping would count as our memory, and a file cut short meanwhile would end the program.
        state = hashlib.sha256()
        for start in range(0, self.size, _DIGEST_PIECE):
            state.update(self._read(min(_DIGEST_PIECE, self.size - start), start))
        return state.hexdigest()


# Printable ASCII, the four harmless control bytes, escape (terminal colours in logs), and every byte of UTF-8.
_TEXT_BYTES = bytes(range(0x20, 0x7F)) + b"\t\n\f\r\x1b" + bytes(range(0x80, 0x100))


class Reader(Protocol):
    """Reads one family of formats.

    A reader never loads or executes what it reads. It answers for any byte string: what it cannot read becomes a gap
    with its reason, in `Reading.gaps`. `ParseError` and `LimitExceededError` that it raises become gaps as well; any
    other exception is a defect of the reader and becomes the gap `the reader failed`.
    """

    @property
    def name(self) -> str:
        """Name of the family, unique among readers."""
        ...

    @property
    def version(self) -> int:
        """Raised with each change of what it reads, so that cached readings of the older one are forgotten."""
        ...

    def recognises(self, source: Source) -> bool:
        """Whether the file may be of this family: cheap, by head and name."""
        ...

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the file."""
        ...

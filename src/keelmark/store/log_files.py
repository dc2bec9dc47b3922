"""A transparency log on disk, as whoever only reads it sees it.

    checkpoint          head of the tree, signed (C2SP tlog-checkpoint)
    tile/...            hashes and entries (C2SP tlog-tiles); files that never change
    records/ab/cdef...  the records, by SHA-256
    entries.journal     entries that are durable, some not under the checkpoint yet
    torn/...            what had broken off at the end of a journal, kept when it was cut off
    lock                held by the one who writes

Readers take no lock: they read the checkpoint, then what it speaks of, which is complete before it is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.log import LogBounds
from keelmark.errors import LimitExceededError, ParseError, StoreError
from keelmark.store.durable import read_bounded
from keelmark.store.journal import MAX_JOURNAL_BYTES, scan
from keelmark.trust import checkpoint, note
from keelmark.trust.merkle import HASH_BYTES, consistency_path, inclusion_path, root_of
from keelmark.trust.tiles import ENTRIES, WIDTH, Tile, bundle, hashes_of, parse_bundle, path_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from keelmark.core.log import TreeHead
    from keelmark.store.journal import Journal
    from keelmark.trust.merkle import SubtreeHash

__all__ = ["CHECKPOINT", "JOURNAL", "LOCK", "RECORDS", "TORN", "LogFiles", "record_path"]

CHECKPOINT = "checkpoint"
JOURNAL = "entries.journal"
LOCK = "lock"
RECORDS = "records"
TORN = "torn"

_MAX_CHECKPOINT = note.NoteBounds().max_bytes
_MAX_BUNDLE = WIDTH * (LogBounds().max_entry_bytes + 2)


def record_path(digest: str) -> str:
    """Where a record lies, by its digest `sha256:...`."""
    value = digest.removeprefix("sha256:")
    return f"{RECORDS}/{value[:2]}/{value[2:]}"


class LogFiles:
    """Reads the log in a folder, as of the checkpoint that was there when it was opened.

    Args:
        place: The folder of the log.

    Raises:
        StoreError: Its checkpoint cannot be read.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.note: note.Note | None = None
        self.head: TreeHead | None = None
        if place.is_symlink():
            raise StoreError(f"`{place.name}` is a link", hint="name the folder of the log itself")
        self._load()

    @property
    def size(self) -> int:
        """How many entries are under the checkpoint."""
        return self.head.size if self.head else 0

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        """Leaves from `start` to before `end`, of those that are under the checkpoint.

        Raises:
            StoreError: They cannot be read.
        """
        end = min(end, self.size)
        for index in range(start // WIDTH, -(-end // WIDTH)):
            found = self.bundle(index)
            first = index * WIDTH
            yield from found[max(start - first, 0) : end - first]

    def bundle(self, index: int) -> tuple[bytes, ...]:
        """The entries of one bundle, as far as the checkpoint goes.

        Raises:
            StoreError: They cannot be read.
        """
        tile = Tile(ENTRIES, index, min(WIDTH, self.size - index * WIDTH))
        return self._parsed(tile, self.tile(tile))

    def hash_at(self, size: int) -> SubtreeHash:
        """Hashes of complete subtrees of the tree of `size` leaves; raises StoreError when they cannot be read."""
        return hashes_of(size, self.tile)

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """Hashes that prove a leaf to be in the tree of this size.

        Raises:
            StoreError: The tiles cannot be read.
        """
        return inclusion_path(index, size, self.hash_at(size))

    def consistency(self, before: int, after: int) -> tuple[bytes, ...]:
        """Hashes that prove the tree of one size to be the beginning of that of another.

        Raises:
            StoreError: The tiles cannot be read.
        """
        return consistency_path(before, after, self.hash_at(after))

    def root(self, size: int) -> bytes:
        """Root of the tree of this size, as the tiles have it.

        Raises:
            StoreError: The tiles cannot be read.
        """
        return root_of(size, self.hash_at(size))

    def tile(self, tile: Tile) -> bytes:
        """A tile or bundle of exactly this width; the full one serves where the partial one is gone.

        Raises:
            StoreError: It is not there, or is not as long as it must be.
        """
        raw = self._read(path_of(tile), _MAX_BUNDLE)
        if raw is None and not tile.is_full:
            full = Tile(tile.level, tile.index)
            raw = self._read(path_of(full), _MAX_BUNDLE)
            if raw is not None and tile.level == ENTRIES:
                return bundle(self._parsed(full, raw)[: tile.width])
            if raw is not None:
                raw = raw[: tile.width * HASH_BYTES]
        if raw is None:
            raise StoreError(f"`{path_of(tile)}` is missing", hint="restore it from a back-up")
        if tile.level != ENTRIES and len(raw) != tile.width * HASH_BYTES:
            raise StoreError(f"`{path_of(tile)}` has {len(raw)} bytes, not {tile.width * HASH_BYTES}")
        return raw

    def record(self, digest: str) -> bytes | None:
        """The record of a digest, unchecked; None when it is not there.

        Raises:
            StoreError: It cannot be read.
        """
        return self._read(record_path(digest), LogBounds().max_record_bytes)

    def journal(self) -> Journal | None:
        """The journal; None when there is none.

        Raises:
            StoreError: It is damaged elsewhere than at its end, or cannot be read.
        """
        data = self._read(JOURNAL, MAX_JOURNAL_BYTES)
        return None if data is None else scan(data)

    def _load(self) -> None:
        data = self._read(CHECKPOINT, _MAX_CHECKPOINT)
        if data is None:
            return
        try:
            self.note = note.parse(data)
            self.head = checkpoint.head_of(self.note.text)
        except ParseError as error:
            raise StoreError(
                f"checkpoint is damaged: {error.message}", hint="restore the log from a back-up"
            ) from error

    def _parsed(self, tile: Tile, raw: bytes) -> tuple[bytes, ...]:
        try:
            return parse_bundle(raw, count=tile.width)
        except ParseError as error:
            raise StoreError(f"`{path_of(tile)}` is damaged: {error.message}") from error

    def _read(self, name: str, limit: int) -> bytes | None:
        try:
            return read_bounded(self.place / name, limit)
        except FileNotFoundError:
            return None
        except (OSError, LimitExceededError) as error:
            raise StoreError(f"`{name}` of the log cannot be read: {error}") from error

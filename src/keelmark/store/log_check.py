"""Checks a whole log: every entry hashed again, every tile compared, every record's digest taken.

Three ways must agree: the entries give the root of the checkpoint; the entries give the tiles, byte for byte; the
journal holds the same entries as the bundles. Nothing is written and no lock is taken.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keelmark.core.log import TreeHead
from keelmark.errors import ParseError, StoreError
from keelmark.store.log_files import LOCK, TORN, LogFiles
from keelmark.trust import leaf as leaves
from keelmark.trust.merkle import HASH_BYTES, Frontier, leaf_hash
from keelmark.trust.note import Note
from keelmark.trust.tiles import (
    ENTRIES,
    WIDTH,
    Tile,
    TileBuilder,
    bundle,
    parse_bundle,
    parse_path,
    path_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from keelmark.store.journal import Journal

__all__ = ["LogCheck", "Problem", "check_log"]

_MAX_PROBLEMS = 100
_MAX_REMEMBERED = 65_536
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that does not hold.

    Attributes:
        where: File or entry.
        message: What is wrong with it.
    """

    where: str
    message: str


@dataclass(slots=True, kw_only=True)
class LogCheck:
    """What a check of a whole log found.

    Attributes:
        head: What the checkpoint states; None when there is none.
        note: The checkpoint with its signatures, which are not checked here.
        total: Entries found, those not under the checkpoint included.
        torn: Bytes that broke off at the end of the journal and that nobody is writing now.
        records: Records whose digest was taken.
        lagging: Entries made while the clock lay behind.
        problems: What does not hold.
        notes: What is worth knowing.
    """

    head: TreeHead | None = None
    note: Note | None = None
    total: int = 0
    torn: int = 0
    records: int = 0
    lagging: int = 0
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, where: str, message: str) -> None:
        """Note a problem; those beyond a bound are counted as one."""
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(Problem(where=where, message=message))
        elif len(self.problems) == _MAX_PROBLEMS:
            self.problems.append(Problem(where="log", message="there are more problems than are listed"))


def check_log(place: Path, *, earlier: TreeHead | None = None, with_records: bool = True) -> LogCheck:
    """Check the log in a folder.

    Args:
        place: The folder of the log.
        earlier: Head of the same log, known from before: the log must go on from it.
        with_records: Whether records must be there, and are read.

    Raises:
        StoreError: There is no log.
    """
    found = LogCheck()
    try:
        files, journal = _opened(place, found)
    except StoreError as error:
        if not found.problems:
            raise
        found.add("log", error.message)
        return found
    found.head, found.note = files.head, files.note
    known = [(files.head, "checkpoint")] if files.head else []
    if journal is not None:
        known.append((journal.base, "beginning of the journal"))
    if earlier is not None:
        known.append((earlier, "earlier checkpoint"))
    origins = {head.origin for head, _ in known}
    if len(origins) > 1:
        found.add("checkpoint", f"these are different logs: {', '.join(sorted(origins))}")
    _Walk(files, journal, found, known, with_records=with_records).run()
    _note_torn(place, journal, found)
    return found


def _opened(place: Path, found: LogCheck) -> tuple[LogFiles, Journal | None]:
    """The files and the journal, both of one time: whoever writes may put a checkpoint between two looks."""
    for _ in range(_ATTEMPTS):
        try:
            files = LogFiles(place)
        except StoreError as error:
            found.add("checkpoint", error.message)
            raise
        try:
            journal = files.journal()
        except StoreError as error:
            found.add("entries.journal", error.message)
            return files, None
        if journal is None or files.size >= journal.base.size:
            break
    if journal is None and files.head is None:
        raise StoreError("there is no log here", hint="it is made with the first entry, in .keelmark/log")
    if journal is None:
        found.add("entries.journal", "is missing; entries that were under no checkpoint are lost")
    return files, journal


class _Walk:
    """One pass over all entries, in order."""

    def __init__(
        self,
        files: LogFiles,
        journal: Journal | None,
        found: LogCheck,
        known: list[tuple[TreeHead, str]],
        *,
        with_records: bool,
    ) -> None:
        self._files, self._journal, self._found = files, journal, found
        self._heads = sorted(known, key=lambda pair: pair[0].size)
        self._with_records = with_records
        self._builder, self._frontier = TileBuilder(), Frontier()
        self._listed = _listed(files.place, found)
        self._seen: set[str] = set()
        self._last: datetime | None = None

    def run(self) -> None:
        """Walk all entries, then compare what is left."""
        is_whole = True
        journaled = self._journaled()
        base = self._journal.base.size if self._journal else 0
        self._check_heads()
        for index in range(-(-self._files.size // WIDTH)):
            try:
                entries = self._files.bundle(index)
            except StoreError as error:
                self._found.add(f"entries from {index * WIDTH}", error.message)
                is_whole = False
                break
            first = index * WIDTH
            kept = journaled[max(first - base, 0) : max(first + len(entries) - base, 0)]
            if journaled and kept != list(entries[max(base - first, 0) :][: len(kept)]):
                self._found.add(f"entries from {first}", "the journal holds others than the bundle")
            self._take(entries)
        if is_whole:
            self._take(journaled[max(self._files.size - base, 0) :])
            self._check_left()
        self._found.total = self._builder.size

    def _journaled(self) -> list[bytes]:
        if self._journal is None:
            return []
        try:
            found = list(self._journal.entries(self._journal.base.size))
        except StoreError as error:
            self._found.add("entries.journal", error.message)
            return []
        if self._journal.size < self._files.size:
            self._found.add(
                "entries.journal",
                f"is truncated: the checkpoint speaks of {self._files.size} entries, the journal ends at {self._journal.size}",
            )
        return found

    def _take(self, entries: Sequence[bytes]) -> None:
        rest = entries
        while self._heads and self._heads[0][0].size <= self._builder.size + len(rest):
            count = self._heads[0][0].size - self._builder.size
            self._add(rest[:count])
            rest = rest[count:]
            self._check_heads()
        self._add(rest)

    def _add(self, entries: Sequence[bytes]) -> None:
        for at, entry in enumerate(entries, self._builder.size):
            self._check_entry(at, entry)
        self._frontier.extend(map(leaf_hash, entries))
        for tile, content in self._builder.extend(entries):
            self._compare(tile, content)

    def _check_heads(self) -> None:
        """Compare the root here with those of all heads of this size."""
        while self._heads and self._heads[0][0].size == self._frontier.size:
            head, name = self._heads.pop(0)
            if head.root != self._frontier.root():
                self._found.add(name, f"the first {head.size} entries give another root: they were changed")

    def _check_entry(self, at: int, entry: bytes) -> None:
        where = f"entry {at}"
        try:
            leaf = leaves.parse(entry)
        except ParseError as error:
            self._found.add(where, error.message)
            return
        if self._last is not None and leaf.time < self._last:
            self._found.add(where, "is from before the entry before it")
        self._last = leaf.time
        self._found.lagging += leaf.clock is not None
        if not self._with_records or leaf.record in self._seen:
            return
        if len(self._seen) >= _MAX_REMEMBERED:
            self._seen.clear()
        self._seen.add(leaf.record)
        self._check_record(where, leaf.record, leaf.size)

    def _check_record(self, where: str, digest: str, size: int) -> None:
        try:
            record = self._files.record(digest)
        except StoreError as error:
            self._found.add(where, error.message)
            return
        if record is None:
            self._found.add(where, f"its record {digest} is missing")
        elif leaves.digest_of(record) != digest or len(record) != size:
            self._found.add(where, f"its record {digest} was changed")
        else:
            self._found.records += 1

    def _compare(self, tile: Tile, content: bytes) -> None:
        """Compare what the entries give with the file, and with all narrower files of the same place."""
        widths = self._listed.pop((tile.level, tile.index), set())
        for width in sorted(widths):
            if width > tile.width:
                self._found.add(path_of(Tile(tile.level, tile.index, width)), "is wider than the log is long")
                continue
            narrow = Tile(tile.level, tile.index, width)
            try:
                held = self._files.tile(narrow)
            except StoreError as error:
                self._found.add(path_of(narrow), error.message)
                continue
            if held != _first(content, tile, width):
                self._found.add(path_of(narrow), "is not what the entries give")
        needed = self._needed(tile.level, tile.index)
        if needed and not {needed, WIDTH} & widths:
            self._found.add(path_of(Tile(tile.level, tile.index, needed)), "is missing")

    def _needed(self, level: int, index: int) -> int:
        """Width that a tile has under the checkpoint; 0 when it is not under it."""
        return max(0, min(WIDTH, (self._files.size >> (8 * max(level, 0))) - index * WIDTH))

    def _check_left(self) -> None:
        for tile, content in self._builder.partial():
            self._compare(tile, content)
        for level, index in self._listed:
            self._found.add(path_of(Tile(level, index)), "belongs to no entry of this log")
        for head, name in self._heads:
            self._found.add(
                name,
                f"log is truncated: {head.size} entries were stated, and {self._builder.size} are there",
            )


def _first(content: bytes, tile: Tile, width: int) -> bytes:
    if width == tile.width:
        return content
    if tile.level == ENTRIES:
        return bundle(parse_bundle(content, count=tile.width)[:width])
    return content[: width * HASH_BYTES]


def _listed(place: Path, found: LogCheck) -> dict[tuple[int, int], set[int]]:
    """Widths of all tiles and bundles that lie in the folder, by level and index."""
    listed: dict[tuple[int, int], set[int]] = {}
    drafts = 0
    for folder, _, names in os.walk(place / "tile"):
        below = os.path.relpath(folder, place)
        for name in names:
            if name.startswith(".") and name.endswith(".part"):
                drafts += 1
                continue
            try:
                tile = parse_path(f"{below}/{name}")
            except ParseError:
                found.add(f"{below}/{name}", "is no tile")
                continue
            listed.setdefault((tile.level, tile.index), set()).add(tile.width)
    if drafts:
        found.notes.append(f"{drafts} drafts of tiles were left by writers that were stopped")
    return listed


def _note_torn(place: Path, journal: Journal | None, found: LogCheck) -> None:
    kept = sorted(entry.name for entry in (place / TORN).glob("*")) if (place / TORN).is_dir() else []
    if kept:
        found.notes.append(f"{len(kept)} torn tails were cut off earlier and are kept in {TORN}/")
    if found.lagging:
        found.notes.append(f"{found.lagging} entries were made while the clock lay behind; they say so")
    if journal is None or not journal.torn:
        return
    if _is_being_written(place):
        found.notes.append("somebody writes this log right now")
        return
    found.torn = journal.torn
    found.notes.append(
        f"{journal.torn} bytes at the end of the journal are torn; the next entry cuts them off and keeps them apart"
    )


def _is_being_written(place: Path) -> bool:
    try:
        descriptor = os.open(place / LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False

"""Tiles: the tree and its entries as files that never change (C2SP tlog-tiles).

A tile holds up to 256 hashes of one level; the next level of tiles has one hash for each full tile. An entry bundle holds
up to 256 entries, each after its length. Whoever has the files can compute every proof; a web server of plain files is
enough to show the log to others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from keelmark.errors import ParseError
from keelmark.trust.merkle import HASH_BYTES, leaf_hash, root_of, row_above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from keelmark.trust.merkle import SubtreeHash

__all__ = [
    "ENTRIES",
    "WIDTH",
    "Tile",
    "TileBuilder",
    "bundle",
    "hashes_of",
    "parse_bundle",
    "parse_path",
    "path_of",
    "tiles_of",
]

WIDTH = 256
ENTRIES = -1
"""Level of entry bundles."""

_HEIGHT = 8
_MAX_LEVEL = 63
_MAX_DIGITS = 21
_CACHED_TILES = 256


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile or entry bundle.

    Attributes:
        level: Level of tiles, counted from the leaves; `ENTRIES` for bundles.
        index: Which of that level.
        width: How many hashes or entries; 256 when full.
    """

    level: int
    index: int
    width: int = WIDTH

    @property
    def is_full(self) -> bool:
        """Whether it will never be followed by a wider one."""
        return self.width == WIDTH


def path_of(tile: Tile) -> str:
    """Where a tile lies: `tile/0/x001/x234/067`, `tile/entries/000.p/17`."""
    digits = f"{tile.index:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    name = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    level = "entries" if tile.level == ENTRIES else str(tile.level)
    return f"tile/{level}/{name}" + ("" if tile.is_full else f".p/{tile.width}")


def parse_path(path: str) -> Tile:
    """The tile of a path.

    Raises:
        ParseError: No tile has this path.
    """
    root, _, rest = path.partition("/")
    level, _, name = rest.partition("/")
    name, is_partial, width = name.partition(".p/")
    digits = "".join(name.replace("x", "").split("/"))
    numbers = [digits, width if is_partial else "1", level if level != "entries" else "0"]
    is_short = len(digits) <= _MAX_DIGITS and len(width) <= 3 and len(level) <= len("entries")
    if root == "tile" and is_short and all(each.isascii() and each.isdecimal() for each in numbers):
        tile = Tile(
            ENTRIES if level == "entries" else int(level), int(digits), int(width) if is_partial else WIDTH
        )
        # Each tile has one path: whatever is spelled otherwise is none.
        if tile.level <= _MAX_LEVEL and tile.width and path_of(tile) == path:
            return tile
    raise ParseError("no path of a tile")


def tiles_of(size: int, *, since: int = 0) -> Iterator[Tile]:
    """Tiles and bundles that the tree of `size` leaves has and that of `since` leaves had not, partial ones included."""
    level = ENTRIES
    while now := size >> _HEIGHT * max(level, 0):
        before = since >> _HEIGHT * max(level, 0)
        for index in range(before // WIDTH, now // WIDTH):
            yield Tile(level, index)
        if now % WIDTH and now != before:
            yield Tile(level, now // WIDTH, now % WIDTH)
        level += 1


def bundle(entries: Sequence[bytes]) -> bytes:
    """Entries as bytes, each after its length; an entry has at most 65,535 bytes."""
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def parse_bundle(data: bytes, *, count: int) -> tuple[bytes, ...]:
    """The entries of a bundle.

    Raises:
        ParseError: It does not hold exactly `count` entries.
    """
    found: list[bytes] = []
    at, end = 0, len(data)
    while at < end and len(found) < count:
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        found.append(data[start:at])
    if at != end or len(found) != count:
        raise ParseError(f"entry bundle does not hold {count} whole entries")
    return tuple(found)


def hashes_of(size: int, read: Callable[[Tile], bytes]) -> SubtreeHash:
    """Hashes of complete subtrees of the tree of `size` leaves, from its tiles.

    Args:
        size: How many leaves.
        read: Gives the bytes of a tile of exactly this width.
    """

    @lru_cache(maxsize=_CACHED_TILES)
    def rows(level: int, index: int) -> list[bytes]:
        width = min(WIDTH, (size >> (_HEIGHT * level)) - index * WIDTH)
        found = [read(Tile(level, index, width))]
        while len(found[-1]) >= 2 * HASH_BYTES:
            found.append(row_above(found[-1]))
        return found

    def hash_at(level: int, index: int) -> bytes:
        tile_level, above = divmod(level, _HEIGHT)
        tile, place = divmod(index << above, WIDTH)
        at = (place >> above) * HASH_BYTES
        return rows(tile_level, tile)[above][at : at + HASH_BYTES]

    return hash_at


class TileBuilder:
    """Makes tiles and bundles of a tree that only grows; holds the partial ones, at most one in each level.

    Args:
        size: Leaves that the tree has already.
        read: Gives the bytes of a tile of that tree, bundles included.
    """

    def __init__(self, size: int = 0, read: Callable[[Tile], bytes] | None = None) -> None:
        self.size = size
        self._rows: list[bytearray] = []
        self._bundle = bytearray()
        if read is None:
            return
        level = 0
        while count := size >> _HEIGHT * level:
            partial = Tile(level, count // WIDTH, count % WIDTH)
            self._rows.append(bytearray(read(partial) if partial.width else b""))
            level += 1
        if size % WIDTH:
            self._bundle += read(Tile(ENTRIES, size // WIDTH, size % WIDTH))

    def extend(self, entries: Sequence[bytes]) -> Iterator[tuple[Tile, bytes]]:
        """Add entries; yields each tile and bundle as it gets full. Must be consumed to its end."""
        for entry in entries:
            self._bundle += len(entry).to_bytes(2, "big") + entry
            self.size += 1
            row = self._row(0)
            row += leaf_hash(entry)
            if len(row) == WIDTH * HASH_BYTES:
                yield Tile(ENTRIES, self.size // WIDTH - 1), bytes(self._bundle)
                self._bundle.clear()
                yield from self._full()

    def partial(self) -> Iterator[tuple[Tile, bytes]]:
        """The tiles and the bundle that are not full at the present size."""
        if self._bundle:
            yield Tile(ENTRIES, self.size // WIDTH, self.size % WIDTH), bytes(self._bundle)
        for level, row in enumerate(self._rows):
            if row:
                count = self.size >> (_HEIGHT * level)
                yield Tile(level, count // WIDTH, count % WIDTH), bytes(row)

    def root(self) -> bytes:
        """Root of the tree at the present size, from the partial tiles alone."""
        levels: list[list[bytes]] = []
        for row in self._rows:
            levels.append([bytes(row)])
            while len(levels[-1][-1]) >= 2 * HASH_BYTES:
                levels[-1].append(row_above(levels[-1][-1]))

        def hash_at(level: int, index: int) -> bytes:
            tile_level, above = divmod(level, _HEIGHT)
            at = (((index << above) % WIDTH) >> above) * HASH_BYTES
            return levels[tile_level][above][at : at + HASH_BYTES]

        return root_of(self.size, hash_at)

    def _row(self, level: int) -> bytearray:
        if level == len(self._rows):
            self._rows.append(bytearray())
        return self._rows[level]

    def _full(self) -> Iterator[tuple[Tile, bytes]]:
        level = 0
        while level < len(self._rows) and len(self._rows[level]) == WIDTH * HASH_BYTES:
            row = bytes(self._rows[level])
            yield Tile(level, (self.size >> (_HEIGHT * (level + 1))) - 1), row
            self._rows[level].clear()
            for _ in range(_HEIGHT):
                row = row_above(row)
            above = self._row(level + 1)
            above += row
            level += 1

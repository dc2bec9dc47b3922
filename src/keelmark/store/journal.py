"""The journal: entries that are durable, and perhaps not under a checkpoint yet.

The file begins with four lines (form, name of the log, size and root of the tree that it goes on from, and a checksum),
then holds one frame for each batch: mark, first index, count, length, checksum, and the entries as in a bundle. A batch
is written and synced as a whole, so what breaks off can only be the last one:

1. A frame that is whole counts.
2. Bytes after the last whole frame, no longer than one batch, with no mark of another frame among them, are a torn tail: a
   batch that nobody was told to be durable.
3. Everything else is damage, and is never cut off.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.log import LogBounds, TreeHead
from keelmark.errors import ParseError, StoreError
from keelmark.trust.checkpoint import MAX_SIZE
from keelmark.trust.merkle import HASH_BYTES
from keelmark.trust.tiles import bundle, parse_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["MAX_JOURNAL_BYTES", "Journal", "frame", "header", "scan"]

MAX_JOURNAL_BYTES = 128 * 1024**2

_FORM = b"keelmark-journal/v1"
_MARK = b"KMB1"
_FRAME = struct.Struct(">4sQIII")
_CHECKED = _FRAME.size - 4
_LINES = 5
_MAX_HEADER = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """What a journal holds.

    Attributes:
        base: Tree that the journal goes on from.
        frames: First index, count, and place of the entries of each batch.
        end: Bytes of the file that are whole; what follows is torn.
        torn: Bytes of the torn tail.
    """

    base: TreeHead
    frames: tuple[tuple[int, int, slice], ...]
    end: int
    torn: int
    data: bytes

    @property
    def size(self) -> int:
        """Size of the tree with all entries of the journal."""
        return self.base.size + sum(count for _, count, _ in self.frames)

    def entries(self, since: int) -> Iterator[bytes]:
        """Entries from index `since` on.

        Raises:
            StoreError: A frame does not hold what it says.
        """
        for first, count, place in self.frames:
            if first + count <= since:
                continue
            try:
                found = parse_bundle(self.data[place], count=count)
            except ParseError as error:
                raise StoreError(f"journal is damaged: batch at entry {first}: {error.message}") from error
            yield from found[max(since - first, 0) :]


def header(base: TreeHead) -> bytes:
    """The first lines of a journal that goes on from a tree."""
    root = base64.b64encode(base.root)
    lines = b"%s\n%s\n%d\n%s\n" % (_FORM, base.origin.encode(), base.size, root)
    return lines + b"%08x\n" % zlib.crc32(lines)


def frame(first: int, entries: Sequence[bytes]) -> bytes:
    """One batch as bytes."""
    body = bundle(entries)
    checked = _FRAME.pack(_MARK, first, len(entries), len(body), 0)[:_CHECKED]
    return checked + zlib.crc32(body, zlib.crc32(checked)).to_bytes(4, "big") + body


def scan(data: bytes) -> Journal:
    """Read a journal.

    Raises:
        StoreError: It is damaged elsewhere than at its end.
    """
    base, at = _base(data)
    frames: list[tuple[int, int, slice]] = []
    size = base.size
    while (met := _frame_at(data, at)) is not None:
        first, count, place = met
        if first != size:
            raise StoreError(
                f"journal is damaged: a batch begins at entry {first}, not {size}", hint=_RESTORE
            )
        frames.append(met)
        size, at = size + count, place.stop
    _check_tail(data, at, size)
    return Journal(base=base, frames=tuple(frames), end=at, torn=len(data) - at, data=data)


_RESTORE = "entries were changed or lost; restore the folder of the log from a back-up"


def _base(data: bytes) -> tuple[TreeHead, int]:
    lines = data[:_MAX_HEADER].split(b"\n", _LINES)
    try:
        form, origin, size, root, checksum = lines[:_LINES]
        head = TreeHead(origin=origin.decode(), size=int(size), root=base64.b64decode(root, validate=True))
        end = sum(map(len, lines[:_LINES])) + _LINES
        is_whole = len(lines) > _LINES and header(head) == data[:end]
    except (ValueError, binascii.Error) as error:
        raise StoreError("journal is damaged at its beginning", hint=_RESTORE) from error
    is_tree = 0 <= head.size <= MAX_SIZE and len(head.root) == HASH_BYTES
    if not is_whole or form != _FORM or len(checksum) != 8 or not is_tree:
        raise StoreError("journal is damaged at its beginning", hint=_RESTORE)
    return head, end


def _frame_at(data: bytes, at: int) -> tuple[int, int, slice] | None:
    start = at + _FRAME.size
    if start > len(data):
        return None
    mark, first, count, length, checksum = _FRAME.unpack_from(data, at)
    if mark != _MARK or start + length > len(data):
        return None
    view = memoryview(data)
    found = zlib.crc32(view[start : start + length], zlib.crc32(view[at : at + _CHECKED]))
    return (first, count, slice(start, start + length)) if found == checksum else None


def _check_tail(data: bytes, at: int, size: int) -> None:
    if len(data) - at > LogBounds().max_batch_bytes + _FRAME.size:
        raise StoreError(f"journal is damaged after entry {size}: no batch is that long", hint=_RESTORE)
    # Entries hold no such mark, so one batch has it at its beginning alone.
    if data.find(_MARK, at + 1) >= 0:
        raise StoreError(f"journal is damaged after entry {size}: batches follow", hint=_RESTORE)

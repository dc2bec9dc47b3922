"""Zip archives as containers: every member of every directory, what hides between them, and what readers disagree about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.facts import Technique
from keelmark.errors import KeelmarkError, ParseError
from keelmark.formats.archives.compression import new_stream
from keelmark.formats.archives.container import Budget, Member, Opened, afresh, view_of
from keelmark.formats.archives.names import Places, is_interpreted, same_for_some
from keelmark.formats.archives.packed import Packed
from keelmark.formats.archives.prefix import what_stands_before
from keelmark.formats.archives.spool import let_go
from keelmark.formats.archives.tar_headers import BLOCK, is_header
from keelmark.formats.archives.zip_directory import Bounds, ZipDirectory, is_zip
from keelmark.formats.archives.zip_layout import Layout, lay_out
from keelmark.formats.archives.zip_records import END_BYTES, LOCAL, TAIL_BYTES, end_places, find_end, local_at
from keelmark.formats.cursor import BreaksOffError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.archives.zip_directory import Member as Entry
    from keelmark.formats.archives.zip_layout import Region
    from keelmark.formats.source import Source

__all__ = ["CONTAINER", "ZipContainer"]

_STORED = 0
_LINK, _KIND = 0o120000, 0o170000
_MAX_TARGET = 4096
_MAX_CHECKED = 4 * 1024**2
_MAX_CHECKED_ALL = 64 * 1024**2
_SMALL = 64 * 1024
_MIN_UNCHECKED = 3
_LET_GO_BYTES = 16 * 1024**2
_MAX_REGIONS = 64


@dataclass(frozen=True, slots=True)
class ZipContainer:
    """Opens zip archives, wherever they stand in a file."""

    name: str = "zip"

    def recognises(self, source: Source) -> bool:
        """By the first bytes, or by an end record near the end that leads to a directory."""
        if is_zip(source.head):
            return True
        tail = source.tail(TAIL_BYTES)
        place = next(end_places(tail), None)
        if place is None:
            return False
        comment = int.from_bytes(tail[place + END_BYTES - 2 : place + END_BYTES], "little")
        if len(tail) - place - END_BYTES > comment and is_header(source.head[:BLOCK]):
            return False  # the last member of a tar archive, which is met there
        try:
            archive = ZipDirectory(source.data, bounds=Bounds(max_members=1))
            return bool(archive.entries) and bool(archive.local(archive.entries[0]))
        except ParseError:
            return False
        except KeelmarkError:
            return True  # more members than were looked at

    def open(self, source: Source, budget: Budget) -> Opened:
        """Every entry of the directory, repeats included, then what hides between them.

        An archive that does not start its file is handed on as one member, so that readers meet it as loaders do that
        look for its end.

        Raises:
            ParseError: Not even local headers can be followed.
            LimitExceededError: More members than are looked at.
        """
        opened = Opened(format="zip")
        data = source.data
        try:
            find_end(data)
        except ParseError as error:
            opened.miss(error)
            opened.members = _by_local_headers(data, opened, budget)
            return opened
        archive = ZipDirectory(data, bounds=Bounds(max_members=budget.limits.max_members))
        walk = _Walk(archive=archive, opened=opened, budget=budget, layout=lay_out(archive, budget))
        opened.members = walk.members()
        return opened


@dataclass(slots=True, kw_only=True)
class _Walk:
    """One archive while it is met."""

    archive: ZipDirectory
    opened: Opened
    budget: Budget
    layout: Layout

    def members(self) -> Iterator[Member]:
        archive, layout = self.archive, self.layout
        before = next((region for region in layout.regions if region.place == "before"), None)
        if before is not None and bytes(archive.data[before.start : before.start + 4]) != LOCAL:
            technique, detail = what_stands_before(archive.data[: layout.first], is_whole=layout.ends_file)
            if technique is not None:
                self.opened.warn(technique, detail, offset=layout.first)
            # What follows belongs to whatever the archive lies in, unless it is the whole rest of the file.
            end = len(archive.data) if layout.ends_file else layout.behind
            yield view_of(f"archive at byte {layout.first}", archive.data[layout.first : end])
            return
        self._bomb()
        self._differences()
        self._repeats()
        yield from self._listed()
        self._checksums()
        self._discrepancies()
        yield from self._regions()

    def _listed(self) -> Iterator[Member]:
        places = Places()
        met: set[tuple[int, int, int]] = set()
        taken = 0
        for entry in self.archive.entries:
            self._place(entry, places)
            content = (entry.offset, entry.packed, entry.method)
            if content in met or (entry.name.endswith("/") and not entry.size):
                continue
            met.add(content)
            yield self._member(entry)
            taken += entry.packed
            if taken > _LET_GO_BYTES:
                let_go(self.archive.data)
                taken = 0

    def _member(self, entry: Entry) -> Member:
        try:
            packed = self.archive.packed(entry)
            if entry.method == _STORED:
                return Member(
                    name=entry.name,
                    size=len(packed),
                    start=lambda count: bytes(packed[:count]),
                    load=lambda: self._whole(entry, packed),
                )
            make = self.archive.decompressor(entry)
        except KeelmarkError as error:
            return _broken(entry, error)
        return Packed(
            name=entry.name,
            size=entry.size,
            data=packed,
            make=make,
            budget=self.budget,
            opened=self.opened,
            check=lambda done: self.archive.check(entry, done.content, crc=done.crc),
        ).member()

    def _whole(self, entry: Entry, content: memoryview) -> memoryview:
        self.archive.check(entry, content)
        return content[:]  # a view of its own, which its reader may release

    def _differences(self) -> None:
        for name, text in self.layout.differences:
            self.opened.warn(Technique.READERS_DISAGREE, f"`{name[:200]}`: {text}", subject=name)
        for entry in self.archive.entries:
            cut, nul, _ = entry.name.partition("\0")
            if nul:
                self.opened.warn(
                    Technique.READERS_DISAGREE,
                    f"a name holds a NUL byte; some readers see `{cut[:200]}`",
                    subject=entry.name,
                )
            if entry.other_name and entry.raw.isascii() and entry.other_name != entry.name:
                self.opened.warn(
                    Technique.READERS_DISAGREE,
                    f"`{entry.name[:200]}` is called `{entry.other_name[:200]}` by readers of Unicode names",
                    subject=entry.name,
                )

    def _repeats(self) -> None:
        """Names that stand twice, for all readers or for some."""
        exact: dict[str, Entry] = {}
        loose: dict[str, Entry] = {}
        for entry in self.archive.entries:
            if entry.name.endswith("/"):
                continue
            other = exact.setdefault(entry.name, entry)
            if other is not entry:
                self._repeat(other, entry)
                continue
            key = same_for_some(entry.name)
            other = loose.setdefault(key, entry)
            # Arrays are named after variables, and `m8` beside `M8` is no trick; nobody unpacks them under their names.
            is_trick = is_interpreted(key) and not key.endswith(".npy")
            if other is not entry and is_trick and _differ(other, entry):
                self.opened.warn(
                    Technique.DUPLICATE_MEMBER,
                    f"`{other.name[:200]}` and `{entry.name[:200]}` are one name for some readers",
                    subject=entry.name,
                )

    def _repeat(self, first: Entry, second: Entry) -> None:
        if first.offset != second.offset and (_differ(first, second) or self._is_forged(first, second)):
            self.opened.warn(
                Technique.DUPLICATE_MEMBER,
                f"`{first.name[:200]}` stands twice; which one is read depends on the reader",
                subject=first.name,
            )

    def _is_forged(self, first: Entry, second: Entry) -> bool:
        """Whether contents of one size and checksum are not one content all the same."""
        if not is_interpreted(first.name) or first.size > _MAX_CHECKED:
            return False
        try:
            one, other = (self.archive.start_of(entry, count=_MAX_CHECKED) for entry in (first, second))
        except KeelmarkError:
            return True
        return one != other

    def _bomb(self) -> None:
        total = sum(entry.size for entry in self.archive.entries)
        if self.layout.overlaps:
            name = self.layout.overlaps[0]
            if self.budget.is_bomb(total, len(self.archive.data)):
                detail = (
                    f"{len(self.layout.overlaps)} members share their bytes and claim {total} bytes together"
                )
                self.opened.warn(Technique.BOMB, detail, subject=name)
            else:
                self.opened.warn(
                    Technique.READERS_DISAGREE,
                    f"`{name[:200]}` shares bytes with another member",
                    subject=name,
                )
        for entry in self.archive.entries:
            if self.budget.is_bomb(entry.size, max(entry.packed, 1)) and entry.method != _STORED:
                detail = f"`{entry.name[:200]}` claims {entry.size} bytes out of {entry.packed}"
                self.opened.warn(Technique.BOMB, detail, subject=entry.name)

    def _place(self, entry: Entry, places: Places) -> None:
        wrong = places.of_member(entry.name)
        if entry.mode & _KIND == _LINK and entry.size <= _MAX_TARGET:
            try:
                target = self.archive.start_of(entry, count=_MAX_TARGET).decode("utf-8", "replace")
            except KeelmarkError:
                target = ""  # named when the member is read
            wrong = places.of_link(entry.name, target) or wrong
        if wrong is not None:
            self.opened.warn(wrong[0], f"`{entry.name[:200]}`: {wrong[1]}", subject=entry.name)

    def _checksums(self) -> None:
        """Compare the checksums of small members and of those that loaders follow, whoever read them."""
        checked, left = 0, _MAX_CHECKED_ALL
        for entry in self.archive.entries:
            most = _MAX_CHECKED if is_interpreted(entry.name) else _SMALL
            if not 0 < entry.size <= most or left < entry.size or entry.packed > 2 * most:
                continue
            left -= entry.size
            try:
                self._content(entry)
            except KeelmarkError:
                continue  # named when the member is read
            checked += 1
        notes = self.archive.notes
        # Where no checksum is right the writer computed none, as torch can be told.
        if sum(item.is_checksum for item in notes) >= checked >= _MIN_UNCHECKED:
            notes[:] = [item for item in notes if not item.is_checksum]

    def _content(self, entry: Entry) -> None:
        if entry.method == _STORED:
            self.archive.check(entry, self.archive.packed(entry))
            return
        done = self.archive.unpack(entry, spend=self.budget.meter())
        if done.error is None:
            self.archive.check(entry, done.content, crc=done.crc)

    def _discrepancies(self) -> None:
        for item in self.archive.notes:
            self.opened.warn(Technique.READERS_DISAGREE, item.detail, subject=item.subject)

    def _regions(self) -> Iterator[Member]:
        for region in self.layout.regions[:_MAX_REGIONS]:
            view = self.archive.data[region.start : region.end]
            self._warn_of(region, bytes(view[:4]))
            yield view_of(f"bytes {region.start} to {region.end}", view)

    def _warn_of(self, region: Region, head: bytes) -> None:
        length = region.end - region.start
        if head == LOCAL or region.place == "comment":
            where = "its comment" if region.place == "comment" else "its directory"
            detail = (
                f"{length} bytes at byte {region.start} are an archive for readers that do not go by {where}"
            )
            self.opened.warn(Technique.READERS_DISAGREE, detail, offset=region.start)
            return
        where = {"before": "before", "between": "between", "behind": "behind"}[region.place]
        self.opened.warn(
            Technique.HIDDEN_DATA,
            f"{length} bytes stand {where} the members and belong to none",
            offset=region.start,
        )


def _differ(first: Entry, second: Entry) -> bool:
    return (first.crc, first.size) != (second.crc, second.size)


def _broken(entry: Entry, error: KeelmarkError) -> Member:
    error = afresh(error)

    def start(_: int) -> bytes:
        raise afresh(error)

    def load() -> memoryview:
        raise afresh(error)

    return Member(name=entry.name, size=entry.size, start=start, load=load)


def _by_local_headers(data: memoryview, opened: Opened, budget: Budget) -> Iterator[Member]:
    """Members of an archive without directory, as readers of streams meet them, up to the first of unknown length."""
    position = 0
    while bytes(data[position : position + 4]) == LOCAL:
        try:
            local = local_at(data, position)
        except ParseError:
            return  # that it breaks off was said already
        length = local.packed if local.packed or not local.flags & 0x8 else len(data) - local.start
        packed = data[local.start : local.start + length]
        name = local.raw.decode("utf-8", "replace")
        if local.method == _STORED:
            yield view_of(name, packed)
        elif local.method == 8:
            yield Packed(
                name=name,
                size=-1,
                data=packed,
                make=lambda: new_stream("deflate"),
                budget=budget,
                opened=opened,
            ).member()
        else:
            opened.miss(BreaksOffError("its compression is not read without a directory"), name)
        position = local.start + length


CONTAINER = ZipContainer()

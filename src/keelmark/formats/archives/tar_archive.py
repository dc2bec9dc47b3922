"""Tar archives as containers: members as views of the archive, links and names that lead outside, what readers skip."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keelmark.core.facts import Technique
from keelmark.errors import KeelmarkError
from keelmark.formats.archives.container import Budget, Member, Opened, view_of
from keelmark.formats.archives.names import Places, is_interpreted, same_for_some
from keelmark.formats.archives.spool import let_go
from keelmark.formats.archives.tar_headers import BLOCK, Header, headers, is_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Source

__all__ = ["CONTAINER", "TarContainer"]

_KINDS = {"3": "a character device", "4": "a block device", "6": "a pipe"}
# What a size field of octal digits can hold; larger ones stand in an extension alone.
_FULL_SIZE = 8**11 - 1
_EVERY = 256
_MODE = slice(100, 108)
# Archives of so few files are no images of systems, and what only those hold at their top.
_MAX_SMALL = 64
_SYSTEM_FOLDERS = frozenset({"usr", "etc", "var", "lib", "sbin", "dev", "proc", "root", "rootfs"})
_NAME_BYTES = 100
_LET_GO_BYTES = 16 * 1024**2
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class TarContainer:
    """Opens tar archives."""

    name: str = "tar"

    def recognises(self, source: Source) -> bool:
        """By the checksum of the first header."""
        head = source.head
        # The checksum field of nearly every other file holds something else than digits.
        return len(head) >= BLOCK and head[148:154].strip(b" \0").isdigit() and is_header(head[:BLOCK])

    def open(self, source: Source, budget: Budget) -> Opened:
        """Every file of the archive, in order."""
        opened = Opened(format="tar")
        if is_pickle_like(source.head[:_NAME_BYTES]):
            detail = "the name of the first member is a pickle, which loaders of pickles follow"
            opened.warn(Technique.POLYGLOT, detail, offset=0)
        opened.members = _Walk(data=source.data, opened=opened, budget=budget).members()
        return opened


def is_pickle_like(name: bytes) -> bool:
    """Whether the field of a name starts like a pickle: with its mark, or with the lines of the oldest protocol."""
    return (name[:1] == b"\x80" and name[1:2] <= b"\x05") or (
        name[:1] in {b"c", b"(", b"i"} and name.count(b"\n") > 1
    )


def _is_privileged(data: memoryview, header: Header) -> bool:
    """Whether a file runs as its owner and may be run at all: of files that are read, the bits mean nothing."""
    digits = bytes(data[header.at + _MODE.start : header.at + _MODE.stop]).strip(b" \0")
    if not digits or digits.strip(b"01234567"):
        return False
    mode = int(digits, 8)
    return bool(mode & 0o4000 and mode & 0o111)


@dataclass(slots=True, kw_only=True)
class _Walk:
    """One archive while it is met."""

    data: memoryview
    opened: Opened
    budget: Budget
    places: Places = field(default_factory=Places)
    _seen: dict[str, Header] = field(default_factory=dict)
    _loose: dict[str, str] = field(default_factory=dict)
    _tops: set[str] = field(default_factory=set)
    _privileged: list[tuple[str, int]] = field(default_factory=list)

    def members(self) -> Iterator[Member]:
        walk = headers(self.data)
        count = released = 0
        while True:
            try:
                header = next(walk)
            except StopIteration as stop:
                self._privileges(count)
                yield from self._behind(int(stop.value))
                return
            except KeelmarkError as error:
                self.opened.miss(error)
                return
            count += 1
            if not count % _EVERY or header.start - released > _LET_GO_BYTES:
                self.budget.check_time()
                let_go(self.data)
                released = header.start
            self._judge(header)
            if header.is_file and not header.name.endswith("/"):
                yield self._member(header)

    def _member(self, header: Header) -> Member:
        sparse = header.sparse
        if sparse is not None:
            return Member(
                name=header.name,
                size=sparse.size,
                start=lambda count: sparse.first(self.data, count),
                load=lambda: sparse.whole(self.data, self.budget),
            )
        return view_of(header.name, self.data[header.start : header.start + header.stored])

    def _judge(self, header: Header) -> None:
        name = header.name
        if header.kind in {"1", "2"}:
            wrong = self.places.of_link(name, header.target, is_hard=header.kind == "1")
        else:
            wrong = self.places.of_member(name)
        if wrong is not None:
            self.opened.warn(wrong[0], f"`{name[:200]}`: {wrong[1]}", subject=name, offset=header.at)
        if header.kind in _KINDS:
            detail = f"`{name[:200]}`: unpacking makes {_KINDS[header.kind]}"
            self.opened.warn(Technique.OUTSIDE_LINK, detail, subject=name, offset=header.at)
        if (
            header.header_size not in {0, header.stored, _FULL_SIZE}
            and header.is_file
            and header.sparse is None
        ):
            self.opened.warn(
                Technique.READERS_DISAGREE,
                f"`{name[:200]}` has {header.stored} bytes for some readers and {header.header_size} for others",
                subject=name,
                offset=header.at,
            )
        self._tops.add(name.removeprefix("./").partition("/")[0])
        if header.is_file and not header.name.endswith("/"):
            self._repeat(header)
            if _is_privileged(self.data, header) and len(self._privileged) < _MAX_SMALL:
                self._privileged.append((name, header.at))

    def _privileges(self, count: int) -> None:
        """Say which files run with the rights of their owner once root unpacked them; images of systems hold such files."""
        if not self._privileged or count > _MAX_SMALL or self._tops & _SYSTEM_FOLDERS:
            return
        for name, at in self._privileged:
            detail = (
                f"`{name[:200]}`: unpacked by root, it runs with the rights of its owner, whoever starts it"
            )
            self.opened.warn(Technique.EMBEDDED_EXECUTABLE, detail, subject=name, offset=at)

    def _repeat(self, header: Header) -> None:
        """Archives that were appended to hold a file twice, and all readers take the last: only loose names matter."""
        key = same_for_some(header.name)
        other = self._loose.setdefault(key, header.name)
        if (
            other != header.name
            and is_interpreted(key)
            and other.removeprefix("./") != header.name.removeprefix("./")
        ):
            detail = f"`{other[:200]}` and `{header.name[:200]}` are one name for some readers"
            self.opened.warn(Technique.DUPLICATE_MEMBER, detail, subject=header.name, offset=header.at)
        before = self._seen.setdefault(header.name, header)
        if before is not header and is_interpreted(header.name) and self._differ(before, header):
            detail = f"`{header.name[:200]}` stands twice; which one is read depends on the reader"
            self.opened.warn(Technique.DUPLICATE_MEMBER, detail, subject=header.name, offset=header.at)

    def _differ(self, first: Header, second: Header) -> bool:
        if first.stored != second.stored or first.stored > _CHUNK:
            return True
        views = (self.data[item.start : item.start + item.stored] for item in (first, second))
        return len({bytes(view) for view in views}) > 1

    def _behind(self, end: int) -> Iterator[Member]:
        """What follows the blocks that end the archive: some readers go on there."""
        position = end
        while position < len(self.data):
            piece = bytes(self.data[position : position + _CHUNK])
            rest = piece.lstrip(b"\0")
            if rest:
                position += len(piece) - len(rest)
                break
            position += len(piece)
            let_go(self.data)
        view = self.data[position:]
        if not len(view) or (len(view) < BLOCK and not bytes(view).strip(b"\0 \r\n\t")):
            return
        if is_header(bytes(view[:BLOCK])):
            detail = f"another archive follows the end at byte {end}; some readers stop there, others go on"
            self.opened.warn(Technique.READERS_DISAGREE, detail, offset=position)
        else:
            detail = f"{len(view)} bytes follow the end of the archive"
            self.opened.warn(Technique.HIDDEN_DATA, detail, offset=position)
        yield view_of(f"bytes {position} to {len(self.data)}", view)


CONTAINER = TarContainer()

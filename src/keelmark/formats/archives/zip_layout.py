"""What stands in a zip archive besides its members, and where local headers contradict the directory.

Readers that follow the directory, readers that follow local headers as they come, and readers that look for the last or
the first end record see one archive only while these agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.errors import ParseError
from keelmark.formats.archives.spool import let_go
from keelmark.formats.archives.zip_records import END, END_BYTES, ENTRY, LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.archives.container import Budget
    from keelmark.formats.archives.zip_directory import ZipDirectory
    from keelmark.formats.archives.zip_records import Local, Member

__all__ = ["Layout", "Region", "lay_out"]

_DESCRIPTOR = b"PK\x07\x08"
_DESCRIPTOR_LENGTHS = (16, 24, 12, 20)
_LATER = 0x0008
# Bits that change how the content is read: encryption, patches, strong encryption, masked headers.
_MEANING_FLAGS = 0x2061
_UTF8 = 0x0800
_FULL_32 = 0xFFFFFFFF
_SIGNING_BLOCK = b"APK Sig Block 42"
_HARMLESS_STARTS = (_DESCRIPTOR, b"PK\x05\x05", b"PK\x06\x08")
_MIN_REGION = 4
_CHUNK = 1024 * 1024
_ZEROS = bytes(_CHUNK)
_BLANK = b"\0 \t\r\n"
_EVERY = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Bytes that belong to no record of the archive and hold something.

    Attributes:
        place: `before`, `between`, `behind` (after the end record) or `comment`.
    """

    start: int
    end: int
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How an archive fills its file.

    Attributes:
        differences: Member and sentence, where a local header contradicts the directory.
        regions: What belongs to nothing.
        overlaps: Members whose bytes are those of others as well.
        first: First byte of the first member.
        behind: First byte behind the end record and its comment.
        ends_file: Whether nothing but blanks follows the end record.
    """

    differences: tuple[tuple[str, str], ...]
    regions: tuple[Region, ...]
    overlaps: tuple[str, ...]
    first: int
    behind: int
    ends_file: bool


def lay_out(archive: ZipDirectory, budget: Budget) -> Layout:
    """Compare every local header with its entry, and find the bytes that no record accounts for.

    Raises:
        LimitExceededError: It takes too long.
    """
    differences: list[tuple[str, str]] = []
    spans: list[tuple[int, int, str]] = []
    for count, member in enumerate(archive.entries):
        if not count % _EVERY:
            budget.check_time()
            let_go(archive.data)
        try:
            local = archive.local(member)
        except ParseError:
            continue  # named when the member is read
        differences.extend((member.name, text) for text in _differences(member, local))
        start = member.offset + archive.shift
        end = local.start + member.packed
        spans.append((start, end + _descriptor(archive, member, local, end), member.name))
    spans.sort()
    first = spans[0][0] if spans else archive.start
    regions, overlaps = _between(archive, spans)
    behind = archive.end.place + END_BYTES + archive.end.comment
    regions.extend(_after(archive, behind))
    return Layout(
        differences=tuple(differences),
        regions=tuple(_kept(archive.data, regions)),
        overlaps=tuple(overlaps),
        first=first,
        behind=behind,
        ends_file=not bytes(archive.data[behind : behind + _CHUNK]).strip(_BLANK)
        and len(archive.data) - behind < END_BYTES,
    )


def _differences(member: Member, local: Local) -> Iterator[str]:
    if local.raw != member.raw:
        other = local.raw[:200].decode("utf-8", "replace")
        yield f"its local header calls it `{other}`"
    if local.method != member.method:
        yield f"its local header states method {local.method}, the directory {member.method}"
    flags = local.flags ^ member.flags
    if flags & _MEANING_FLAGS or (flags & _UTF8 and not member.raw.isascii()):
        yield "its local header has other flags than the directory"
    pairs = (
        ("packed size", local.packed, member.packed),
        ("size", local.size, member.size),
        ("checksum", local.crc, member.crc),
    )
    for what, said, meant in pairs:
        if said != meant and not ((local.flags | member.flags) & _LATER and said in {0, _FULL_32}):
            yield f"its local header states another {what} than the directory"
            return


def _descriptor(archive: ZipDirectory, member: Member, local: Local, end: int) -> int:
    """Bytes of the record that follows a member whose sizes were not known when it was written."""
    tail = bytes(archive.data[end : end + 24])
    marked = tail.startswith(_DESCRIPTOR)
    if not marked and not (local.flags | member.flags) & _LATER:
        return 0
    crc = member.crc.to_bytes(4, "little")
    for length in _DESCRIPTOR_LENGTHS[:2] if marked else _DESCRIPTOR_LENGTHS[2:]:
        width = 8 if length in {20, 24} else 4
        body = tail[length - 2 * width - 4 : length]
        sizes = member.packed.to_bytes(8, "little")[:width] + member.size.to_bytes(8, "little")[:width]
        if body == crc + sizes:
            return length
    return 0


def _between(archive: ZipDirectory, spans: list[tuple[int, int, str]]) -> tuple[list[Region], list[str]]:
    regions: list[Region] = []
    overlaps: list[str] = []
    position, previous = 0, (-1, "")
    for start, end, name in spans:
        if start > position:
            regions.append(Region(start=position, end=start, place="before" if position == 0 else "between"))
        elif start < position and (start, name) != previous:
            overlaps.append(name)
        position, previous = max(position, end), (start, name)
    place = "between" if spans else "before"
    if spans and position > archive.start:
        overlaps.append(spans[-1][2])
    if position < archive.start:
        regions.append(Region(start=position, end=archive.start, place=place))
    if archive.after < archive.end.upper:
        regions.append(Region(start=archive.after, end=archive.end.upper, place="between"))
    return regions, overlaps


def _after(archive: ZipDirectory, behind: int) -> Iterator[Region]:
    size = len(archive.data)
    comment = archive.end.place + END_BYTES
    if archive.end.comment:
        yield Region(start=comment, end=min(behind, size), place="comment")
    if behind < size:
        yield Region(start=behind, end=size, place="behind")


def _kept(data: memoryview, regions: list[Region]) -> Iterator[Region]:
    """Regions that hold something that no usual writer puts there."""
    for region in regions:
        start = _first_content(data, region.start, region.end)
        kept = Region(start=start, end=region.end, place=region.place)
        if start < region.end and not _is_harmless(data, kept):
            yield kept


def _first_content(data: memoryview, start: int, end: int) -> int:
    while start < end:
        piece = bytes(data[start : min(start + _CHUNK, end)])
        if piece != _ZEROS[: len(piece)]:
            return start + len(piece) - len(piece.lstrip(b"\0"))
        start += len(piece)
        let_go(data)
    return end


def _is_harmless(data: memoryview, region: Region) -> bool:
    length = region.end - region.start
    head = bytes(data[region.start : min(region.end, region.start + 4096)])
    if length < _MIN_REGION or (length <= len(head) and not head.strip(_BLANK)):
        return True
    if head.startswith(_HARMLESS_STARTS) and length < len(head):
        return True
    if region.place == "comment":
        return _is_plain_comment(bytes(data[region.start : region.end]))
    tail = bytes(data[max(region.start, region.end - 64) : region.end])
    return region.place == "between" and tail.rstrip(b"\0").endswith(_SIGNING_BLOCK)


def _is_plain_comment(comment: bytes) -> bool:
    if any(mark in comment for mark in (LOCAL, ENTRY, END)):
        return False
    # Words for people, or the signature of an update package.
    return not comment.translate(None, _TEXT) or comment.startswith(b"signed by ") or len(comment) < 64


_TEXT = bytes(range(0x20, 0x7F)) + b"\t\n\f\r\x00" + bytes(range(0x80, 0x100))

"""The headers of tar archives: V7, ustar, GNU and pax, with long names and sparse files brought together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.archives.tar_sparse import Sparse, from_blocks, from_content, from_pairs
from keelmark.formats.cursor import BreaksOffError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

__all__ = ["BLOCK", "Header", "headers", "is_header"]

BLOCK = 512
_MAGIC_AT = 257
_SUM = slice(148, 156)
_REGULAR = frozenset(b"\0" + b"07S")
_EXTENSION = frozenset(b"xgLKNVX")
_MAX_EXTENSION = 1024 * 1024
_MAX_NAME = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """One entry.

    Attributes:
        kind: The type flag: `0` regular, `1` hard link, `2` symbolic link, `3` to `6` devices, folders and pipes.
        start: First byte of the content.
        stored: Bytes of content that stand in the archive.
        header_size: The size that the plain header states, which older readers go by.
        sparse: How the holes of a sparse file are to be filled in.
        at: First byte of the header.
    """

    name: str
    kind: str
    start: int
    stored: int
    header_size: int
    target: str = ""
    sparse: Sparse | None = None
    at: int = 0

    @property
    def is_file(self) -> bool:
        """Whether it has content of its own."""
        return ord(self.kind) in _REGULAR or self.kind not in "123456"


def is_header(block: bytes) -> bool:
    """Whether a block is a header: its checksum adds up, which nothing else does by chance."""
    if len(block) < BLOCK or not block[0]:
        return False
    digits = block[_SUM].strip(b" \0")
    if not digits or digits.strip(b"01234567"):
        return False
    stated = int(digits, 8)
    others = block[:148] + b" " * 8 + block[156:BLOCK]
    total = sum(others)
    # Old tools added signed bytes.
    return stated in {total, total - 256 * sum(byte > 127 for byte in others)}


@dataclass(slots=True, kw_only=True)
class _Extensions:
    """What stands before an entry and belongs to it."""

    name: str = ""
    target: str = ""
    pax: dict[str, str] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)
    pieces: list[str] = field(default_factory=list)

    def get(self, key: str) -> str | None:
        return self.pax.get(key, self.shared.get(key))

    def extend(self, content: bytes) -> None:
        """Take the pairs of an extension; the first version of sparse files repeats its keys."""
        for key, value in _records(content):
            if key in {"GNU.sparse.offset", "GNU.sparse.numbytes"}:
                self.pieces.append(value)
            else:
                self.pax[key] = value
        if self.pieces:
            self.pax["GNU.sparse.map"] = ",".join(self.pieces)

    def clear(self) -> None:
        self.name = self.target = ""
        self.pax = {}
        self.pieces = []


def headers(data: memoryview) -> Generator[Header, None, int]:
    """Every entry in order, up to the end of the archive; the place behind it is the `StopIteration` value.

    Raises:
        ParseError: A header is damaged.
        BreaksOffError: The archive ends in the middle of an entry.
        LimitExceededError: An extension is longer than is read.
    """
    extensions = _Extensions()
    position = 0
    while position < len(data):
        block = bytes(data[position : position + BLOCK])
        if not block.strip(b"\0"):
            return position
        if len(block) < BLOCK:
            raise BreaksOffError("tar archive breaks off in a header")
        if not is_header(block):
            raise ParseError(f"header at byte {position} of the tar archive is damaged")
        if block[156] in _EXTENSION:
            position = _extend(data, position, block, extensions)
            continue
        entry = _entry(data, position=position, block=block, extensions=extensions)
        yield entry
        extensions.clear()
        position = entry.start + -(-entry.stored // BLOCK) * BLOCK
        if entry.start + entry.stored > len(data):
            raise BreaksOffError(f"tar archive breaks off in `{entry.name[:200]}`")
    return position


def _extend(data: memoryview, position: int, block: bytes, extensions: _Extensions) -> int:
    size = _number(block[124:136])
    if size > _MAX_EXTENSION:
        raise LimitExceededError(f"extension of {size} bytes in the tar archive is longer than is read")
    start = position + BLOCK
    if start + size > len(data):
        raise BreaksOffError("tar archive breaks off in an extension")
    content = bytes(data[start : start + size])
    match chr(block[156]):
        case "L":
            extensions.name = _text(content)
        case "K":
            extensions.target = _text(content)
        case "x" | "X":
            extensions.extend(content)
        case "g":
            extensions.shared.update(_records(content))
        case _:
            pass
    return start + -(-size // BLOCK) * BLOCK


def _entry(data: memoryview, *, position: int, block: bytes, extensions: _Extensions) -> Header:
    name = _text(block[:100])
    if block[_MAGIC_AT : _MAGIC_AT + 6] == b"ustar\0" and block[345]:
        name = f"{_text(block[345:500])}/{name}"
    name = extensions.get("GNU.sparse.name") or extensions.get("path") or extensions.name or name
    kind = chr(block[156])
    start = position + BLOCK
    size = stored = _number(block[124:136])
    wide = extensions.get("size")
    if wide is not None and wide.isdecimal() and len(wide) < 20:
        stored = int(wide)
    if kind in "23456" or (kind == "1" and _next_is_header(data, start)):
        stored = 0  # links state the size of what they link to
    sparse = _sparse(data, position=position, kind=kind, pax=extensions.pax)
    if kind == "S" and sparse is not None:
        start = sparse.start
    return Header(
        name=name[:_MAX_NAME],
        kind=kind,
        start=start,
        stored=stored,
        header_size=size,
        target=(extensions.get("linkpath") or extensions.target or _text(block[157:257]))[:_MAX_NAME],
        sparse=sparse,
        at=position,
    )


def _sparse(data: memoryview, *, position: int, kind: str, pax: dict[str, str]) -> Sparse | None:
    if kind == "S":
        return from_blocks(data, position)
    if pax.get("GNU.sparse.major") == "1":
        return from_content(data, pax, position + BLOCK)
    if "GNU.sparse.map" in pax:
        return from_pairs(pax, position + BLOCK)
    return None


def _next_is_header(data: memoryview, position: int) -> bool:
    block = bytes(data[position : position + BLOCK])
    return not block.strip(b"\0") or is_header(block)


def _number(field_bytes: bytes) -> int:
    """An octal number, or one of base 256 as GNU writes large ones.

    Raises:
        ParseError: Neither.
    """
    if field_bytes[0] == 0x80:
        return int.from_bytes(field_bytes[1:], "big")
    digits = field_bytes.partition(b"\0")[0].strip(b" ")
    if not digits:
        return 0
    if digits.strip(b"01234567"):
        raise ParseError("a size in the tar archive is no number")
    return int(digits, 8)


def _records(content: bytes) -> Iterator[tuple[str, str]]:
    """Pairs of a pax header; broken ones end it."""
    position = 0
    while position < len(content):
        length, space, _ = content[position : position + 21].partition(b" ")
        if not space or not length.isdigit() or not int(length):
            return
        record = content[position + len(length) + 1 : position + int(length)]
        key, equals, value = record.rstrip(b"\n").partition(b"=")
        if equals:
            yield key.decode("utf-8", "replace"), value.decode("utf-8", "replace")
        position += int(length)


def _text(raw: bytes) -> str:
    cut = raw.partition(b"\0")[0]
    try:
        return cut.decode("utf-8")
    except UnicodeDecodeError:
        return cut.decode("latin-1")

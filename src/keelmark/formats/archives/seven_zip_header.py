"""The header of a 7z archive: how its streams are packed, and which files they hold. Nothing is unpacked here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.cursor import Cursor

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Coder", "File", "Folder", "Header", "Streams", "parse_files", "parse_streams"]

END, PACK_INFO, UNPACK_INFO, SUB_STREAMS = 0x00, 0x06, 0x07, 0x08
_SIZE, _CRC, _FOLDER, _FOLDER_SIZES, _COUNT = 0x09, 0x0A, 0x0B, 0x0C, 0x0D
_EMPTY_STREAM, _EMPTY_FILE, _NAMES, _ATTRIBUTES = 0x0E, 0x0F, 0x11, 0x15
_MAX_ITEMS = 1_000_000
_MAX_CODERS = 32
_UNIX = 0x8000


@dataclass(frozen=True, slots=True, kw_only=True)
class Coder:
    """One step of packing: its number, its properties."""

    method: bytes
    properties: bytes
    inputs: int = 1
    outputs: int = 1


@dataclass(slots=True, kw_only=True)
class Folder:
    """Streams that are packed together.

    Attributes:
        coders: The steps, in the order in which unpacking takes them.
        packed: How many packed streams it takes.
        sizes: What comes out of each step.
        parts: Sizes of the files that its content is cut into.
    """

    coders: list[Coder]
    packed: int
    sizes: list[int] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)
    is_linear: bool = True
    main: int = 0

    @property
    def size(self) -> int:
        """Bytes that come out at the end."""
        return self.sizes[self.main] if self.main < len(self.sizes) else 0


@dataclass(slots=True, kw_only=True)
class Streams:
    """Packed streams and the folders that they belong to."""

    place: int = 0
    packed: list[int] = field(default_factory=list)
    folders: list[Folder] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file: whether content belongs to it, and its mode of Unix or 0."""

    name: str
    has_content: bool
    mode: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Everything that the header states."""

    streams: Streams
    files: tuple[File, ...]


def _number(cursor: Cursor) -> int:
    first = cursor.unsigned(1)
    value, mask = 0, 0x80
    for index in range(8):
        if not first & mask:
            return value | (first & (mask - 1)) << (8 * index)
        value |= cursor.unsigned(1) << (8 * index)
        mask >>= 1
    return value


def _count(cursor: Cursor) -> int:
    value = _number(cursor)
    if value > _MAX_ITEMS:
        raise LimitExceededError(f"7z archive states {value} items, more than are read")
    return value


def _bits(cursor: Cursor, count: int) -> list[bool]:
    raw = cursor.take(-(-count // 8))
    return [bool(raw[index // 8] & 0x80 >> index % 8) for index in range(count)]


def _defined(cursor: Cursor, count: int) -> list[bool]:
    return [True] * count if cursor.unsigned(1) else _bits(cursor, count)


def _skip_digests(cursor: Cursor, count: int) -> list[bool]:
    defined = _defined(cursor, count)
    cursor.skip(4 * sum(defined))
    return defined


def parse_streams(cursor: Cursor) -> Streams:
    """Packed streams, folders, and how their contents are cut into files.

    Raises:
        ParseError: The header is damaged.
        LimitExceededError: It states more items than are read.
    """
    streams = Streams()
    known: list[bool] = []
    while (kind := _number(cursor)) != END:
        match kind:
            case _ if kind == PACK_INFO:
                _pack_info(cursor, streams)
            case _ if kind == UNPACK_INFO:
                known = _unpack_info(cursor, streams)
            case _ if kind == SUB_STREAMS:
                _sub_streams(cursor, streams, known)
            case _:
                raise ParseError("header of the 7z archive is damaged")
    for folder in streams.folders:
        folder.parts = folder.parts or [folder.size]
    return streams


def _pack_info(cursor: Cursor, streams: Streams) -> None:
    streams.place = _number(cursor)
    count = _count(cursor)
    while (kind := _number(cursor)) != END:
        if kind == _SIZE:
            streams.packed = [_number(cursor) for _ in range(count)]
        elif kind == _CRC:
            _skip_digests(cursor, count)
        else:
            raise ParseError("header of the 7z archive is damaged")


def _unpack_info(cursor: Cursor, streams: Streams) -> list[bool]:
    known: list[bool] = []
    while (kind := _number(cursor)) != END:
        if kind == _FOLDER:
            count = _count(cursor)
            if cursor.unsigned(1):
                raise ParseError("header of the 7z archive lies elsewhere")
            streams.folders = [_folder(cursor) for _ in range(count)]
        elif kind == _FOLDER_SIZES:
            for folder in streams.folders:
                outputs = sum(coder.outputs for coder in folder.coders)
                folder.sizes = [_number(cursor) for _ in range(outputs)]
        elif kind == _CRC:
            known = _skip_digests(cursor, len(streams.folders))
        else:
            raise ParseError("header of the 7z archive is damaged")
    return known or [False] * len(streams.folders)


def _folder(cursor: Cursor) -> Folder:
    count = _number(cursor)
    if not 0 < count <= _MAX_CODERS:
        raise ParseError("a folder of the 7z archive has no steps, or too many")
    coders = [_coder(cursor) for _ in range(count)]
    inputs, outputs = sum(coder.inputs for coder in coders), sum(coder.outputs for coder in coders)
    if inputs > _MAX_CODERS or outputs > _MAX_CODERS or outputs > inputs:
        raise ParseError("a folder of the 7z archive has too many streams")
    pairs = [(_number(cursor), _number(cursor)) for _ in range(outputs - 1)]
    packed = inputs - len(pairs)
    if packed > 1:
        for _ in range(packed):
            _number(cursor)
    is_linear = packed == 1 and inputs == outputs == count
    bound = {output for _, output in pairs}
    main = next((index for index in range(outputs) if index not in bound), 0)
    ordered = _ordered(coders, pairs) if is_linear else coders
    return Folder(coders=ordered, packed=packed, is_linear=is_linear and len(ordered) == count, main=main)


def _coder(cursor: Cursor) -> Coder:
    flags = cursor.unsigned(1)
    method = bytes(cursor.take(flags & 0x0F))
    inputs, outputs = (_number(cursor), _number(cursor)) if flags & 0x10 else (1, 1)
    properties = bytes(cursor.take(_count(cursor))) if flags & 0x20 else b""
    return Coder(method=method, properties=properties, inputs=inputs, outputs=outputs)


def _ordered(coders: list[Coder], pairs: list[tuple[int, int]]) -> list[Coder]:
    """Steps from the packed bytes to the content: each takes what the one before gives."""
    taker = {output: taken for taken, output in pairs}
    bound = {taken for taken, _ in pairs}
    index: int | None = next((index for index in range(len(coders)) if index not in bound), None)
    found: list[Coder] = []
    while index is not None and index < len(coders) and len(found) < len(coders):
        found.append(coders[index])
        index = taker.get(index)
    return found


def _sub_streams(cursor: Cursor, streams: Streams, known: list[bool]) -> None:
    counts = [1] * len(streams.folders)
    kind = _number(cursor)
    if kind == _COUNT:
        counts = [_count(cursor) for _ in streams.folders]
        if sum(counts) > _MAX_ITEMS:
            raise LimitExceededError("7z archive states more files than are read")
        kind = _number(cursor)
    has_sizes = kind == _SIZE
    for folder, count in zip(streams.folders, counts, strict=True):
        sizes = [_number(cursor) for _ in range(count - 1)] if has_sizes else []
        folder.parts = [*sizes, max(folder.size - sum(sizes), 0)] if count else [-1]
    if has_sizes:
        kind = _number(cursor)
    while kind != END:
        if kind != _CRC:
            raise ParseError("header of the 7z archive is damaged")
        unknown = zip(counts, known, strict=False)
        _skip_digests(cursor, sum(count for count, is_known in unknown if count != 1 or not is_known))
        kind = _number(cursor)


def parse_files(cursor: Cursor) -> tuple[File, ...]:
    """The files, in the order in which contents belong to them.

    Raises:
        ParseError: The header is damaged.
        LimitExceededError: It states more files than are read.
    """
    count = _count(cursor)
    names: list[str] = [""] * count
    empty = [False] * count
    modes = [0] * count
    while (kind := _number(cursor)) != END:
        body = Cursor(cursor.take(_number(cursor)))
        if kind == _EMPTY_STREAM:
            empty = _bits(body, count)
        elif kind == _NAMES and not body.unsigned(1):
            names = list(_names(body, count))
        elif kind == _ATTRIBUTES:
            defined = _defined(body, count)
            if not body.unsigned(1):
                modes = [_mode(body.unsigned(4)) if each else 0 for each in defined]
    return tuple(
        File(name=name, has_content=not is_empty, mode=mode)
        for name, is_empty, mode in zip(names, empty, modes, strict=True)
    )


def _mode(attributes: int) -> int:
    return attributes >> 16 if attributes & _UNIX else 0


def _names(cursor: Cursor, count: int) -> Iterator[str]:
    found = bytes(cursor.take(cursor.left)).decode("utf-16-le", "replace").split("\0")
    if len(found) < count:
        raise ParseError("header of the 7z archive names fewer files than it counts")
    yield from found[:count]

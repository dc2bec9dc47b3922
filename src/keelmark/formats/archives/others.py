"""Other archives: `ar` and `cpio` are opened; cabinets, rar and file system images are named as not looked into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.errors import ParseError
from keelmark.formats.archives.container import Budget, Member, Opened, UnsupportedError, view_of
from keelmark.formats.archives.names import Places
from keelmark.formats.cursor import BreaksOffError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Source

__all__ = ["CONTAINERS", "ArContainer", "ClosedContainer", "CpioContainer"]

_AR, _AR_HEADER = b"!<arch>\n", 60
# Tables of symbols and of long names, which linkers keep beside the members.
_AR_TABLES = ("/", "/SYM64/", "__.SYMDEF", "__.SYMDEF SORTED", "//")
_CPIO, _CPIO_HEADER = (b"070701", b"070702"), 110
_CPIO_OLD, _CPIO_OLD_HEADER = b"070707", 76
_LINK, _KIND = 0o120000, 0o170000
_MAX_NAME = 4096
_CLOSED = (
    (b"Rar!\x1a\x07", "rar"),
    (b"MSCF\0\0\0\0", "cabinet"),
    (b"hsqs", "squashfs"),
    (b"xar!", "xar"),
    (b"MSWIM\0\0\0", "Windows image"),
)


@dataclass(frozen=True, slots=True)
class ArContainer:
    """Opens `ar` archives: static libraries, Debian packages."""

    name: str = "ar"

    def recognises(self, source: Source) -> bool:
        """By the magic."""
        return source.head.startswith(_AR)

    def open(self, source: Source, budget: Budget) -> Opened:
        """Every member in order."""
        opened = Opened(format=self.name)
        opened.members = _ar_members(source.data, opened, budget)
        return opened


def _ar_members(data: memoryview, opened: Opened, budget: Budget) -> Iterator[Member]:
    position, names, places = len(_AR), b"", Places()
    while position < len(data):
        budget.check_time()
        header = bytes(data[position : position + _AR_HEADER])
        if not header.strip(b"\n\0"):
            return
        if len(header) < _AR_HEADER or header[58:60] != b"`\n":
            raise ParseError(f"header at byte {position} of the ar archive is damaged")
        size, start = _decimal(header[48:58]), position + _AR_HEADER
        if start + size > len(data):
            raise BreaksOffError("ar archive breaks off")
        name, skipped = _ar_name(header[:16].rstrip(b" "), data[start : start + size], names)
        content = data[start + skipped : start + size]
        if name == "//":
            names = bytes(content)
        elif name not in _AR_TABLES:
            if wrong := places.of_member(name):
                opened.warn(wrong[0], f"`{name[:200]}`: {wrong[1]}", subject=name, offset=position)
            yield view_of(name, content)
        position = start + size + size % 2


def _ar_name(field: bytes, content: memoryview, names: bytes) -> tuple[str, int]:
    """Name of a member, and how many bytes of the content it takes."""
    text = field.decode("utf-8", "replace")
    if text.startswith("#1/") and text[3:].isdecimal():
        length = min(int(text[3:]), len(content), _MAX_NAME)
        return bytes(content[:length]).rstrip(b"\0").decode("utf-8", "replace"), length
    if text.startswith("/") and text[1:].isdecimal():
        end = names.find(b"\n", int(text[1:]))
        return names[int(text[1:]) : end].rstrip(b"/").decode("utf-8", "replace"), 0
    return (text if text in _AR_TABLES else text.removesuffix("/")), 0


def _decimal(field: bytes) -> int:
    digits = field.strip()
    if not digits.isdigit():
        raise ParseError("a size in the ar archive is no number")
    return int(digits)


@dataclass(frozen=True, slots=True)
class CpioContainer:
    """Opens `cpio` archives in their portable forms."""

    name: str = "cpio"

    def recognises(self, source: Source) -> bool:
        """By the magic of the first header and its digits."""
        head = source.head
        if head.startswith(_CPIO):
            return len(head) > _CPIO_HEADER and _is_hexadecimal(head[6:_CPIO_HEADER])
        return (
            head.startswith(_CPIO_OLD) and len(head) > _CPIO_OLD_HEADER and head[6:_CPIO_OLD_HEADER].isdigit()
        )

    def open(self, source: Source, budget: Budget) -> Opened:
        """Every member in order."""
        opened = Opened(format=self.name)
        opened.members = _cpio_members(source.data, opened, budget)
        return opened


def _is_hexadecimal(field: bytes) -> bool:
    return not field.strip(b"0123456789abcdefABCDEF")


def _cpio_members(data: memoryview, opened: Opened, budget: Budget) -> Iterator[Member]:
    position, places = 0, Places()
    while True:
        budget.check_time()
        mode, start, length, size, end = _cpio_header(data, position)
        name = bytes(data[start - length : start]).partition(b"\0")[0].decode("utf-8", "replace")
        if name == "TRAILER!!!":
            return
        at = end - size
        if bytes(data[position : position + 6]) in _CPIO:
            at = -(-start // 4) * 4
            end = at + size
        if end > len(data):
            raise BreaksOffError("cpio archive breaks off")
        content = data[at:end]
        wrong = places.of_member(name)
        if mode & _KIND == _LINK and size <= _MAX_NAME:
            wrong = places.of_link(name, bytes(content).decode("utf-8", "replace"))
        if wrong is not None:
            opened.warn(wrong[0], f"`{name[:200]}`: {wrong[1]}", subject=name, offset=position)
        if size:
            yield view_of(name, content)
        position = -(-end // 4) * 4 if bytes(data[position : position + 6]) in _CPIO else end


def _cpio_header(data: memoryview, position: int) -> tuple[int, int, int, int, int]:
    """Mode, end of the name, its length, size, and end of the content if it follows the name at once."""
    header = bytes(data[position : position + _CPIO_HEADER])
    if header[:6] in _CPIO and len(header) == _CPIO_HEADER and _is_hexadecimal(header[6:]):
        fields = [int(header[index : index + 8], 16) for index in range(6, _CPIO_HEADER, 8)]
        mode, size, length, start = fields[1], fields[6], fields[11], position + _CPIO_HEADER
    elif header[:6] == _CPIO_OLD and not header[6:_CPIO_OLD_HEADER].strip(b"01234567"):
        mode, size, length = int(header[18:24], 8), int(header[65:76], 8), int(header[59:65], 8)
        start = position + _CPIO_OLD_HEADER
    else:
        raise ParseError(f"header at byte {position} of the cpio archive is damaged")
    if not 0 < length <= _MAX_NAME or start + length > len(data):
        raise BreaksOffError("cpio archive breaks off in a name")
    return mode, start + length, length, size, start + length + size


@dataclass(frozen=True, slots=True)
class ClosedContainer:
    """Names archives that are not looked into."""

    name: str = "closed"

    def recognises(self, source: Source) -> bool:
        """By the magic."""
        return source.head.startswith(tuple(magic for magic, _ in _CLOSED))

    def open(self, source: Source, budget: Budget) -> Opened:  # noqa: ARG002 - the contract
        """Nothing is opened.

        Raises:
            UnsupportedError: Always, with the name of the format.
        """
        what = next(what for magic, what in _CLOSED if source.head.startswith(magic))
        raise UnsupportedError(f"{what} archive; what is packed in it was not looked at")


CONTAINERS = (ArContainer(), CpioContainer(), ClosedContainer())

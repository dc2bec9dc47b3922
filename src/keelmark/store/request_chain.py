r"""The request log as bytes: lines that are linked by hashes, segments that begin with a line of their own, and the head.

    requests/worker-0/
      00000001.log      segments: one JSON object a line
      HEAD              how far the log goes, written after each sync
      torn/...          what had broken off at the end, kept when it was cut off
      lock              held by the one who writes

A line is `{"chain":"HASH","event":{...},"n":N}`. Its hash is the SHA-256 of the 32 bytes of the hash of the line before and of all
that follows `{"chain":"HASH",` in the line. So

1. no byte of a line can change without its hash, and no hash without those of all lines that follow;
2. lines count from 1, through all segments; the first line of a segment holds its number and the last hash of the one before;
3. the first line of each batch ends in `,"opens":true}`: by then everything before it was on disk. A tail that does not
   verify and has such a line in it, behind its own first one, is damage, and no torn tail;
4. `HEAD` is written after a batch is on disk and before anybody is told so. What it speaks of is never taken for torn.

`HEAD` has two slots that are written in turn, so that one of them is whole whatever happens while the other is written.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from keelmark.core.request_log import RequestLogBounds
from keelmark.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "FORM",
    "GENESIS",
    "HEAD",
    "HEAD_BYTES",
    "LOCK",
    "MAX_LINE_BYTES",
    "OPENS",
    "SLOT_BYTES",
    "TORN",
    "Mark",
    "SegmentHeader",
    "chained",
    "event_of",
    "header_line",
    "mark_of",
    "marks_of",
    "name_of",
    "number_in",
    "number_of",
    "parse_header",
    "slot_of",
    "verified",
]

FORM = "keelmark-requests/v1"
HEAD = "HEAD"
LOCK = "lock"
TORN = "torn"
GENESIS = bytes(32)
"""Stands for the hash before the first line."""
OPENS = b',"opens":true}'
SLOT_BYTES = 512
HEAD_BYTES = 2 * SLOT_BYTES
MAX_LINE_BYTES = RequestLogBounds().max_record_bytes + 256

_FRONT = b'{"chain":"'
_BODY = len(_FRONT) + 64 + 2
_EVENT = b'"event":'
_sha256 = hashlib.sha256


class SegmentHeader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the first line of a segment says.

    Attributes:
        form: Form of the log.
        log: Random name of the log, hexadecimal.
        number: Of the segment, from 1.
        previous: Hash of the line before it, hexadecimal.
        time: When it was begun.
    """

    form: str
    log: str
    number: int
    previous: str
    time: str


class _HeaderLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    chain: str
    n: int
    segment: SegmentHeader


class _Slot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    chain: str
    check: str
    log: str
    n: int
    number: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far a log is durable.

    Attributes:
        log: Name of the log.
        lines: How many.
        chain: Hash of the last one.
        segment: Number of the segment that it stands in.
        size: Bytes of that segment.
    """

    log: str
    lines: int
    chain: bytes
    segment: int
    size: int


def name_of(number: int) -> str:
    """Name of a segment's file."""
    return f"{number:08d}.log"


def number_of(name: str) -> int:
    """Number of the segment in a file of this name; 0 when it is none."""
    digits = name.removesuffix(".log")
    is_segment = len(digits) >= 8 and digits.isascii() and digits.isdecimal()
    number = int(digits) if is_segment and len(digits) <= 18 else 0
    return number if number and name == name_of(number) else 0


def chained(events: Sequence[bytes], *, after: bytes, lines: int) -> tuple[bytes, bytes]:
    """A batch as bytes, and the hash of its last line.

    Args:
        events: At least one, without line breaks.
        after: Hash of the line before.
        lines: How many lines there are before.
    """
    sha256, chain, made = _sha256, after, []
    end = b',"opens":true}'
    for number, event in enumerate(events, lines + 1):
        body = b'"event":%b,"n":%d%b' % (event, number, end)
        end = b"}"
        digest = sha256(chain + body)
        chain = digest.digest()
        made.append(b'{"chain":"%b",%b\n' % (digest.hexdigest().encode(), body))
    return b"".join(made), chain


def header_line(header: SegmentHeader, *, lines: int) -> tuple[bytes, bytes]:
    """The first line of a segment, and its hash."""
    body = b'"n":%d,"segment":%b}' % (lines + 1, msgspec.json.encode(header))
    digest = _sha256(bytes.fromhex(header.previous) + body)
    return b'{"chain":"%b",%b\n' % (digest.hexdigest().encode(), body), digest.digest()


def verified(line: bytes, *, after: bytes, number: int) -> bytes | None:
    """The hash of a line with an event; None when it does not follow.

    Args:
        line: With its line break.
        after: Hash of the line before.
        number: That it must have.
    """
    body = line[_BODY:-1]
    digest = _sha256(after + body)
    if line[:_BODY] != b'{"chain":"%b",' % digest.hexdigest().encode() or line[-1:] != b"\n":
        return None
    end = b',"n":%d}' % number
    if not body.startswith(_EVENT) or not (
        body.endswith(end) or body.endswith(end[:-1] + OPENS)  # noqa: PIE810 - the second is rarely looked at
    ):
        return None
    return digest.digest()


def event_of(line: bytes) -> bytes:
    """The event in a line that was verified."""
    end = line.rindex(b',"n":')
    return line[_BODY + len(_EVENT) : end]


def number_in(line: bytes) -> int:
    """Number that a line has, without its break; 0 when it is none."""
    if not line.startswith(_FRONT):
        return 0
    digits = line[line.rfind(b',"n":') + 5 :].removesuffix(OPENS).removesuffix(b"}")
    return int(digits) if digits.isdigit() and len(digits) <= 18 else 0


def parse_header(line: bytes) -> tuple[SegmentHeader, int, bytes]:
    """What the first line of a segment says, its number among the lines, and its hash.

    Raises:
        ParseError: It is no such line, or was changed.
    """
    try:
        found = msgspec.json.decode(line, type=_HeaderLine)
        again, chain = header_line(found.segment, lines=found.n - 1)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ParseError("segment does not begin as segments do") from error
    if again != line or found.segment.form != FORM or found.n < 1 or len(found.segment.previous) != 64:
        raise ParseError("first line of the segment was changed")
    return found.segment, found.n, chain


def slot_of(mark: Mark) -> bytes:
    """One slot of `HEAD`."""
    rest = b'"log":"%b","n":%d,"number":%d,"size":%d}' % (
        mark.log.encode(),
        mark.lines,
        mark.segment,
        mark.size,
    )
    front = b'{"chain":"%b",' % mark.chain.hex().encode()
    return (b'%b"check":"%08x",%b' % (front, zlib.crc32(front + rest), rest)).ljust(SLOT_BYTES - 1) + b"\n"


def marks_of(data: bytes) -> tuple[Mark, ...]:
    """What the slots of `HEAD` say, as far as they are whole, the newest first."""
    found = [
        mark
        for at in range(0, HEAD_BYTES, SLOT_BYTES)
        if (mark := mark_of(data[at : at + SLOT_BYTES])) is not None
    ]
    return tuple(sorted(found, key=lambda mark: -mark.lines))


def mark_of(slot: bytes) -> Mark | None:
    """What one slot says; None when it is not whole."""
    try:
        found = msgspec.json.decode(slot, type=_Slot)
        mark = Mark(
            log=found.log,
            lines=found.n,
            chain=bytes.fromhex(found.chain),
            segment=found.number,
            size=found.size,
        )
        return mark if slot_of(mark) == slot else None
    except (msgspec.MsgspecError, ValueError):
        return None

"""Finds where whole pickles may begin inside of other data, raw or as base64 or hexadecimal text.

Two bytes begin a pickle, and the numbers of any model hold them by chance, a few in each hundred thousand. What follows
them tells: few chance bytes are operations for long. So who only wants to know whether there is anything to follow does
not have to load what follows calls.
"""

from __future__ import annotations

import base64
import binascii
from itertools import islice
from typing import TYPE_CHECKING

from keelmark.formats.bytes_pattern import bytes_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["programs_in"]

_MAX_BYTES = 16 * 1024**2
_MAX_CANDIDATES = 64
_MAX_RAW = 256
_RAW = bytes_pattern(rb"\x80[\x02-\x05]")
# Protocols before 3 know no bytes: they keep them as text in UTF-8, one character for each.
_AS_TEXT = bytes_pattern(rb"\xc2\x80[\x02-\x05]")
_LONGEST = 64 * 1024
# What those bytes become in base64 and in hexadecimal text; apart, since a search for a fixed beginning is the fastest.
_TEXTS = (
    bytes_pattern(rb"gA[I-X][A-Za-z0-9+/_-]{12,}={0,2}"),
    bytes_pattern(rb"800[2-5](?:[0-9A-Fa-f]{2}){8,}"),
)
# A quarter of all bytes are opcodes: one chance start in a million goes on for so many.
_OPERATIONS = 10
_STOP = ord(".")


def programs_in(data: memoryview) -> Iterator[tuple[int, bytes]]:
    """Where pickles may begin inside of the data, not at its start, and the bytes from there on."""
    whole = bytes(data[:_MAX_BYTES])
    view = memoryview(whole)
    for match in islice(_RAW.finditer(whole), _MAX_RAW):
        place = match.start()
        if place and _goes_on(view[place : place + _LONGEST]):
            yield place, whole[place : place + _LONGEST]
    for match in islice(_AS_TEXT.finditer(whole), _MAX_RAW):
        place = match.start()
        program = _from_text(whole[place : place + 2 * _LONGEST])
        if _goes_on(memoryview(program)):
            yield place, program
    for pattern in _TEXTS:
        for match in islice(pattern.finditer(whole), _MAX_CANDIDATES):
            decoded = _decoded(match.group(0)[:_LONGEST])
            if decoded is not None and _goes_on(memoryview(decoded)):
                yield match.start(), decoded


def _goes_on(data: memoryview) -> bool:
    """Whether the first operations are such, and do not stop before anything is named, as in a pickle that calls."""
    from keelmark.formats.models.pickle.walk_argument import argument_of  # noqa: PLC0415 - most files hold no start
    from keelmark.formats.models.pickle.walk_table import FOREIGN, WRITTEN, State  # noqa: PLC0415 - see above

    at, size, is_foreign = 0, len(data), False
    for _ in range(_OPERATIONS):
        if at >= size:
            return False
        if data[at] == _STOP:
            return is_foreign
        is_foreign = is_foreign or data[at] in FOREIGN
        state, _, at = argument_of(WRITTEN[data[at]], data, at, size, 0)
        if state is not State.RUNNING:
            return False
    return True


def _from_text(raw: bytes) -> bytes:
    """The bytes that text in UTF-8 stands for, as far as each character stands for one."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        text = raw[: error.start].decode("utf-8")
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        return text[: error.start].encode("latin-1")


def _decoded(text: bytes) -> bytes | None:
    try:
        if text[:2] == b"80":
            return binascii.unhexlify(text[: len(text) // 2 * 2])
        whole = text.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
        return base64.b64decode(whole + b"=" * (-len(whole) % 4))
    except (binascii.Error, ValueError):
        return None

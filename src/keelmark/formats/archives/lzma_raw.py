"""Raw LZMA streams, whose properties an archive keeps apart; memory for the dictionary is bounded."""

from __future__ import annotations

import lzma

from keelmark.errors import LimitExceededError, ParseError

__all__ = ["lzma1", "lzma2", "raw"]

_MAX_DICTIONARY = 64 * 1024**2
_MIN_DICTIONARY = 4096


def lzma1(properties: bytes, *, size: int, before: tuple[dict[str, int], ...] = ()) -> lzma.LZMADecompressor:
    """A decompressor for LZMA with five bytes of properties.

    Args:
        properties: Literal, place and match bits in the first byte, the dictionary in the others.
        size: What comes out, -1 when nobody says; no dictionary has to be larger.
        before: Filters that the content went through before it was packed.

    Raises:
        ParseError: The properties are none.
        LimitExceededError: The dictionary is larger than is given.
    """
    if len(properties) != 5 or properties[0] >= 9 * 5 * 5:
        raise ParseError("properties of the lzma stream are damaged")
    bits = properties[0]
    options = {
        "id": lzma.FILTER_LZMA1,
        "lc": bits % 9,
        "lp": bits // 9 % 5,
        "pb": bits // 45,
        "dict_size": _bounded(int.from_bytes(properties[1:], "little"), size),
    }
    return raw(options, before)


def lzma2(properties: bytes, *, size: int, before: tuple[dict[str, int], ...] = ()) -> lzma.LZMADecompressor:
    """A decompressor for LZMA2 with its one byte of properties; see `lzma1`.

    Raises:
        ParseError: The property is none.
        LimitExceededError: The dictionary is larger than is given.
    """
    if len(properties) != 1 or properties[0] > 40:
        raise ParseError("properties of the lzma2 stream are damaged")
    bits = properties[0]
    wanted = 2**32 - 1 if bits == 40 else (2 | bits & 1) << (bits // 2 + 11)
    return raw({"id": lzma.FILTER_LZMA2, "dict_size": _bounded(wanted, size)}, before)


def raw(options: dict[str, int], before: tuple[dict[str, int], ...] = ()) -> lzma.LZMADecompressor:
    """A decompressor for one filter behind others.

    Raises:
        ParseError: The filters do not go together.
    """
    try:
        return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[*before, options])
    except (lzma.LZMAError, ValueError) as error:
        raise ParseError("properties of the lzma stream are damaged") from error


def _bounded(wanted: int, size: int) -> int:
    needed = max(min(wanted, size) if size >= 0 else wanted, _MIN_DICTIONARY)
    if needed > _MAX_DICTIONARY:
        raise LimitExceededError(f"lzma stream asks for a dictionary of {wanted} bytes")
    return needed

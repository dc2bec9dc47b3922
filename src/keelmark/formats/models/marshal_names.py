"""Words in marshalled code: names that it looks up and texts that it holds, found without building anything.

The layout of a code object changes with every Python; that of a text in it never did. So texts are looked for by their
mark, length and content, wherever they stand.
"""

from __future__ import annotations

import base64
import binascii

__all__ = ["decoded", "is_marshalled_code", "words"]

_MAX_BYTES = 1024 * 1024
_MAX_WORDS = 200
_MAX_LENGTH = 4096
# Texts with one byte of length, and with four; the upper bit asks to remember them.
_SHORT, _LONG = frozenset(b"zZ"), frozenset(b"aAutsR")
_REFERENCE = 0x80
_PRINTABLE = frozenset({*range(0x20, 0x7F), *b"\t\n"})
_CODE = frozenset(b"c\xe3")
# What every lambda of a notebook holds: where it was written down.
_NOISE = ("<lambda>", "<module>")
_PLACES = ("/tmp/ipykernel", "<ipython-input", "<stdin>")  # noqa: S108 - where notebooks say their cells stand


# Numbers that stand before the instructions of a code object: four in Python 2, five or six since.
_COUNTS = (4, 5, 6)
_MAX_COUNT = 0xFFFF
_MAX_FLAGS = 2**29
_BYTES = frozenset(b"s\xf3")
# The shortest body: one name for each of its tables, and a line.
_MIN_BODY = 16


def is_marshalled_code(head: bytes) -> bool:
    """Whether a file begins with a code object as `marshal` writes it, with every field that none has by chance."""
    if not head or head[0] not in _CODE:
        return False
    for count in _COUNTS:
        at = 1 + 4 * count
        if len(head) < at + 5 + _MIN_BODY or head[at] not in _BYTES:
            continue
        numbers = [int.from_bytes(head[place : place + 4], "little") for place in range(1, at, 4)]
        length = int.from_bytes(head[at + 1 : at + 5], "little")
        is_small = max(numbers[:-1]) <= _MAX_COUNT and numbers[-1] < _MAX_FLAGS
        # Up to Python 3.5 instructions are of any length, later ones take two bytes.
        if is_small and 0 < length < _MAX_BYTES and head[at + 5 : at + 5 + length].strip(b"\x00"):
            return True
    return False


def decoded(text: str) -> bytes:
    """Bytes behind base64 as Keras writes it; empty when it is something else."""
    try:
        return base64.b64decode(text[: 2 * _MAX_BYTES].encode("ascii", "replace"), validate=False)
    except (binascii.Error, ValueError):
        return b""


def words(code: bytes) -> tuple[str, ...]:
    """Names and texts of marshalled code, in order, without repeats; none when it does not begin like code."""
    if not code or code[0] not in _CODE:
        return ()
    found: dict[str, None] = {}
    position, end = 1, min(len(code), _MAX_BYTES)
    while position < end and len(found) < _MAX_WORDS:
        text, after = _text_at(code, position)
        if text.strip() and text not in _NOISE and not text.startswith(_PLACES) and not text.endswith(".py"):
            found[text] = None
        position = after
    return tuple(found)


def _text_at(code: bytes, position: int) -> tuple[str, int]:
    """The text at a place, and where to go on; no text when none stands there."""
    mark = code[position] & ~_REFERENCE
    width = 1 if mark in _SHORT else 4 if mark in _LONG else 0
    start = position + 1 + width
    length = int.from_bytes(code[position + 1 : start], "little") if width else 0
    content = code[start : start + length] if 0 < length <= _MAX_LENGTH else b""
    if not content or len(content) < length or not _PRINTABLE.issuperset(content):
        return "", position + 1
    return content.decode("ascii"), start + length

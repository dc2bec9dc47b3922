r"""JSON bodies read in one way only, so that no other parser can read them differently.

The promises, each with a test:

1. UTF-8 without a mark, one value, nothing behind it; neither `NaN` nor `Infinity`, written out or by overflow.
2. Each key once per object, compared as decoded.
3. No lone surrogates, neither as bytes nor as escapes.
4. Whole numbers have 64 bits, signed or unsigned: beyond them parsers part.
5. Bytes, depth and values are bounded.
6. What goes on is `Decoded.canonical`, encoded anew from the value: never the bytes that came.

How keys that stand twice are found without a look at every pair: a colon of the body stands behind a key or in a text.
Texts keep theirs, and the encoder writes one behind each key that is left; so a dropped key shows as a colon that is
missing. Only an escape could make one from nothing: bodies with `\u003` take the slow way, pair by pair.
"""

from __future__ import annotations

import json
import math
import string
from dataclasses import dataclass
from typing import Any

import msgspec

from keelmark.gateway.apis.refused import RefusedError

__all__ = ["Decoded", "JsonBounds", "decode", "decode_foreign", "encode"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonBounds:
    """Bounds of one body.

    Attributes:
        max_bytes: Of the body.
        max_depth: Of arrays and objects in each other.
        max_nodes: Values in all.
    """

    max_bytes: int = 1024**2
    max_depth: int = 64
    max_nodes: int = 50_000


class Decoded:
    """A value, and the bytes that stand for it from now on.

    Args:
        value: As decoded.
        canonical: The value encoded anew.
        marks: All of `canonical` that is neither an ASCII letter nor a blank.
    """

    __slots__ = ("canonical", "marks", "value")

    def __init__(self, value: Any, canonical: bytes, marks: bytes) -> None:
        self.value = value
        self.canonical = canonical
        self.marks = marks


_DECODER = msgspec.json.Decoder()
_ENCODER = msgspec.json.Encoder()
# Most of a body is letters and blanks; what decides how it is read is looked for in the rest, which is far shorter.
_LETTERS = (string.ascii_letters + " ").encode()
_DIGITS = bytes(0x30 if 0x30 <= byte <= 0x39 else 0x20 for byte in range(256))
# The first numbers beyond 64 bits have nineteen digits (below zero) and twenty.
_LONG = b"0" * 19
_COLON_ESCAPE = b"\\u003"
_MIN_INTEGER, _MAX_INTEGER = -(2**63), 2**64 - 1
_MAX_DIGITS = 20

encode = _ENCODER.encode


def decode(data: bytes, bounds: JsonBounds) -> Decoded:
    """Read one body.

    Raises:
        RefusedError: It breaks one of the promises above.
    """
    if len(data) > bounds.max_bytes:
        raise RefusedError("too-large")
    # A value takes one byte, and a mark stands between two of them.
    if len(data) > bounds.max_nodes and _nodes(data) > bounds.max_nodes:
        raise RefusedError("too-large", "the body holds too many values")
    marks = data.translate(None, _LETTERS)
    # Digits that letters kept apart stand together now; then the whole body is looked at.
    may_be_long = marks.translate(_DIGITS).find(_LONG) >= 0 and data.translate(_DIGITS).find(_LONG) >= 0
    is_exact = may_be_long or (b"\\" in marks and _COLON_ESCAPE in data)
    try:
        value = _slowly(data) if is_exact else _DECODER.decode(data)
        if marks.count(b"[") + marks.count(b"{") > bounds.max_depth and not _is_flatter(
            value, bounds.max_depth
        ):
            raise RefusedError("too-deep")
        canonical = encode(value)
    except RecursionError:
        raise RefusedError("too-deep") from None
    except (ValueError, msgspec.MsgspecError):
        raise RefusedError("bad-json") from None
    # Most clients write as the encoder does; then nothing was dropped.
    if data == canonical:
        return Decoded(value, canonical, marks)
    if not is_exact and marks.count(b":") != canonical.count(b":"):
        raise RefusedError("bad-json", "an object has a key twice")
    return Decoded(value, canonical, canonical.translate(None, _LETTERS))


def decode_foreign(data: bytes, *, max_depth: int = 128) -> Any:
    """Read an answer of an upstream. It is encoded anew before it goes on, so the last of two keys is the one that counts.

    Raises:
        ValueError: No JSON, or nested too deeply.
    """
    try:
        value = _DECODER.decode(data)
        if data.count(b"[") + data.count(b"{") > max_depth and not _is_flatter(value, max_depth):
            raise ValueError("nested too deeply")
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except msgspec.MsgspecError as error:
        raise ValueError("no JSON") from error
    return value


def _slowly(data: bytes) -> Any:
    """The exact way: every pair and every number is looked at."""
    value = json.loads(
        data.decode("utf-8"),
        object_pairs_hook=_object,
        parse_constant=_no_constant,
        parse_int=_integer,
        parse_float=_fraction,
    )
    # Lone surrogates do not encode; `encode` leaves them to this check alone.
    if b"\\u" in data:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        raise ValueError("an object has a key twice")
    return built


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _integer(digits: str) -> int:
    # Long ones are refused before they are converted: that takes time beyond their length.
    if len(digits) > _MAX_DIGITS:
        raise ValueError("number is too large")
    number = int(digits)
    if not _MIN_INTEGER <= number <= _MAX_INTEGER:
        raise ValueError("number is too large")
    return number


def _fraction(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("number is too large")
    return number


def _is_flatter(value: Any, limit: int) -> bool:
    """Whether arrays and objects stand at most so deep in each other; level by level, without recursion."""
    level = [value] if type(value) in {dict, list} else []
    depth = 0
    while level:
        depth += 1
        if depth > limit:
            return False
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
    return True


def _nodes(data: bytes) -> int:
    """How many values there are at most, counted from the marks that stand outside of texts."""
    most = 1 + data.count(b",") + data.count(b"[") + data.count(b"{")
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = b"".join(data.split(b'"')[::2])
    return min(most, 1 + outside.count(b",") + outside.count(b"[") + outside.count(b"{"))

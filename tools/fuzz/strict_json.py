"""Strict JSON beside the parser of the standard library, which is asked about keys that stand twice.

1. What is let in has the same value for both, also after it was encoded anew.
2. What the standard library refuses is refused; keys that stand twice, `NaN`, lone surrogates and numbers beyond 64 bits as well.
3. What both could read inside of the bounds is let in.
"""

from __future__ import annotations

import json
import math
from typing import Any

from tools.fuzz.core import promise

from keelmark.gateway.apis.refused import RefusedError
from keelmark.gateway.apis.strict_json import JsonBounds, decode, decode_foreign

__all__ = ["SEEDS", "WORDS", "one"]

_BOUNDS = JsonBounds(max_bytes=4096, max_depth=8, max_nodes=200)

SEEDS = (
    b'{"a": 1, "b": [true, false, null, -0.5e+10], "c": {"a": "x:y"}}',
    b'{"a":1,"\\u0061":2}',
    b'{"a:":1,"b\\u003a":":","\\u003A":{}}',
    b'["\\ud83d\\ude00", "\\ud800", "\\n\\"\\\\\\/", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"]',
    b"[18446744073709551615, -9223372036854775808, 18446744073709551616, 123456789012345678901234567890]",
    b"[1e308, 1e309, 0.1, 5e-324, 1.7976931348623157e308, -0, -0.0, 1E2, 0e0]",
    b"[[[[[[[[1]]]]]]]]",
    b"[[[[[[[[[1]]]]]]]]]",
    b'{"a":{"a":{"b":[],"a":{}}}}',
    b"NaN", b"[Infinity]", b'"text"', b" 1 ", b"\xef\xbb\xbf{}", b'{"model":"m","model":"n"}',
    b'{"n":12345678901234567890,"f":0.12345678901234567890123456789,"x":1234567890123456789e-5}',
)  # fmt: skip
WORDS = (
    b'"', b"\\", b"{", b"}", b"[", b"]", b":", b",", b"\\u003a", b"\\u003A", b"\\u0022", b"\\ud83d", b"\\ude00", b"\\uD800", b'"a":', b'"\\u0061":',
    b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"-0", b"0.0", b"00", b"1.", b".5", b"18446744073709551616", b"9223372036854775808",
    b"-9223372036854775809", b"1" * 19, b"1" * 25, b"0." + b"3" * 25, b"1e-400", b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xef\xbb\xbf", b"\0", b"\x0b",
    b"/**/", b"[" * 20, b'{"":' * 10, b"\\x", b"\\\\u003a", b"\x7f",
)  # fmt: skip


class _TwiceError(ValueError):
    """What the standard library lets in, and nobody else should."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _TwiceError("a key stands twice")
    return dict(pairs)


def _refused(word: str) -> Any:
    raise _TwiceError(word)


def _whole(digits: str) -> int:
    number = int(digits)
    if not -(2**63) <= number < 2**64:
        raise _TwiceError("beyond 64 bits")
    return number


def _fraction(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _TwiceError("infinite")
    return number


def _other(data: bytes) -> Any:
    """The value as the standard library reads it.

    Raises:
        ValueError: It refuses, or should have refused.
        RecursionError: Likewise.
    """
    value = json.loads(
        data.decode("utf-8"),
        object_pairs_hook=_object,
        parse_constant=_refused,
        parse_int=_whole,
        parse_float=_fraction,
    )
    json.dumps(value, ensure_ascii=False).encode("utf-8")  # Lone surrogates do not encode.
    return value


def _same(one_value: Any, other: Any) -> bool:
    """Whether two values are the same; a number that is whole is no fraction, and zero has a sign in fractions."""
    if type(one_value) is not type(other):
        return False
    if isinstance(one_value, dict):
        return list(one_value) == list(other) and all(
            _same(one_value[name], other[name]) for name in one_value
        )
    if isinstance(one_value, list):
        return len(one_value) == len(other) and all(map(_same, one_value, other))
    if isinstance(one_value, float):
        return one_value == other and math.copysign(1, one_value) == math.copysign(1, other)
    return bool(one_value == other)


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def _nodes(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_nodes, value.values()))
    return 1 + sum(map(_nodes, value)) if isinstance(value, list) else 1


def one(data: bytes) -> None:
    """One body."""
    try:
        expected, fault = _other(data), ""
    except (ValueError, RecursionError) as error:
        expected, fault = None, repr(error)
    try:
        found = decode(data, _BOUNDS)
    except RefusedError as error:
        # Values are counted by the marks between them: at most two too many for each empty array or object.
        is_inside = not fault and len(data) <= _BOUNDS.max_bytes and _depth(expected) <= _BOUNDS.max_depth
        is_small = is_inside and 3 * _nodes(expected) < _BOUNDS.max_nodes
        promise(not is_small, "refused without need", data, error.reason, error.detail)
    else:
        promise(not fault, "let in what others refuse", data, fault)
        promise(_same(found.value, expected), "read otherwise", data, found.value, expected)
        promise(_same(_other(found.canonical), expected), "encoded otherwise", data, found.canonical)
        promise(_depth(expected) <= _BOUNDS.max_depth, "deeper than allowed", data)
        promise(_nodes(expected) <= _BOUNDS.max_nodes, "more values than allowed", data)
    _foreign(data)


def _foreign(data: bytes) -> None:
    """Answers of models: the last of two keys counts, everything else is as strict."""
    try:
        found = decode_foreign(data, max_depth=_BOUNDS.max_depth)
    except ValueError:
        return
    promise(_same(found, json.loads(data.decode("utf-8"))), "an answer is read otherwise", data, found)
    promise(_depth(found) <= _BOUNDS.max_depth, "an answer is deeper than allowed", data)

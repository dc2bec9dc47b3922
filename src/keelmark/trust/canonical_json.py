"""JSON in one spelling only: RFC 8785, without fractions; and JSON read strictly, duplicate keys refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from keelmark.errors import ParseError, UsageError

__all__ = ["MAX_DEPTH", "encode", "parse"]

MAX_DEPTH = 64
_MAX_INTEGER = 2**53 - 1


def encode(value: object) -> bytes:
    """The value as canonical JSON: keys sorted as RFC 8785 sorts them, nothing between, UTF-8.

    Fractions are refused, since languages spell them differently; write them as text.

    Raises:
        UsageError: It holds what has no canonical spelling.
    """
    try:
        return _text(value, 0).encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"`{error.object[:200]}` is no Unicode text", hint="give the file a name in UTF-8"
        ) from error


def parse(data: bytes, *, what: str, max_bytes: int) -> dict[str, Any]:
    """Read one JSON object.

    Args:
        data: The bytes.
        what: What the object is, for messages.
        max_bytes: Bound on its size.

    Raises:
        ParseError: It is none, some object in it has a key twice, or a bound was reached.
    """
    if len(data) > max_bytes:
        raise ParseError(f"{what} is longer than {max_bytes} bytes")
    try:
        value = json.loads(data.decode(), object_pairs_hook=_object, parse_constant=_no_constant)
    except RecursionError as error:
        raise ParseError(f"{what} is nested too deeply") from error
    except ValueError as error:  # also: not UTF-8, a key twice, numbers with too many digits
        raise ParseError(f"{what} is no JSON that can be relied on: {str(error)[:200]}") from error
    if not isinstance(value, dict):
        raise ParseError(f"{what} is no JSON object")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        raise ValueError("an object has a key twice")
    return built


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _text(value: object, depth: int) -> str:
    if depth > MAX_DEPTH:
        raise UsageError(f"values nested deeper than {MAX_DEPTH} are not signed")
    match value:
        case None | bool() | str():
            return json.dumps(value, ensure_ascii=False)
        case int():
            if abs(value) > _MAX_INTEGER:
                raise UsageError(f"{value} is too large a number for JSON", hint="write it as text")
            return str(int(value))
        case Mapping():
            if not all(isinstance(key, str) for key in value):
                raise UsageError("keys of JSON are texts")
            # RFC 8785 sorts by UTF-16 code units, which differs from code points beyond the basic plane.
            keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
            parts = (f"{json.dumps(key, ensure_ascii=False)}:{_text(value[key], depth + 1)}" for key in keys)
            return f"{{{','.join(parts)}}}"
        case list() | tuple():
            return f"[{','.join(_text(each, depth + 1) for each in value)}]"
        case _:
            raise UsageError(f"a {type(value).__name__} has no canonical spelling", hint="write it as text")

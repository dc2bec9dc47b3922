"""JSON read in bounds, with the keys that stand twice."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.json_text import sound_tree
from keelmark.formats.json_weight import check_weight

__all__ = ["Document", "as_mapping", "as_text", "parse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A JSON value, and the keys that some object of it carries twice (the last one wins)."""

    value: Any
    duplicates: tuple[str, ...] = ()


def parse(data: bytes | memoryview, *, max_bytes: int, path: str = "") -> Document:
    """Parse one JSON text in UTF-8.

    Raises:
        ParseError: No JSON.
        LimitExceededError: Longer than `max_bytes`, nested too deeply, or too many values.
    """
    if len(data) > max_bytes:
        raise LimitExceededError(f"JSON of {len(data)} bytes is longer than {max_bytes}", path=path)
    duplicates: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        built = dict(items)
        if len(built) != len(items):
            seen: set[str] = set()
            for key, _ in items:
                if key in seen:
                    duplicates.append(key)
                seen.add(key)
        return built

    try:
        text = str(data, "utf-8-sig")
        check_weight(text, path=path)
        value = json.loads(text, object_pairs_hook=pairs)
    except RecursionError as error:
        raise LimitExceededError("JSON is nested too deeply", path=path) from error
    except ValueError as error:  # also: not UTF-8, numbers with too many digits
        raise ParseError(f"no JSON: {error}", path=path) from error
    if "\\ud" in text or "\\uD" in text:
        value = sound_tree(value)
    return Document(value=value, duplicates=tuple(dict.fromkeys(duplicates)))


def as_mapping(value: object) -> dict[str, Any]:
    """The value when it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_text(value: object) -> str:
    """The value when it is a string, a number or a truth value, as text; else empty."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) else ""

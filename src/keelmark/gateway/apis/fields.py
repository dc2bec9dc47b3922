"""Tables of fields that an interface knows, with what each may hold. What stands in no table is refused.

A check takes a value and says whether it may stand there. `null` counts as not given: only required fields refuse it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from keelmark.gateway.apis.refused import RefusedError

__all__ = [
    "Check",
    "Table",
    "check_fields",
    "fraction",
    "is_bool",
    "is_flat",
    "is_list",
    "is_object",
    "is_text",
    "list_of",
    "one_of",
    "required_text",
    "shown",
    "text",
    "whole",
]

Check = Callable[[Any], bool]
Table = Mapping[str, Check]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_MAX_FLAT = 64
_MAX_FLAT_TEXT = 4096


def check_fields(value: Mapping[str, Any], table: Table, *, extra: Collection[str] = ()) -> None:
    """Check each field of an object.

    Raises:
        RefusedError: The table does not know one, or what it holds may not stand there.
    """
    for name, held in value.items():
        check = table.get(name)
        if check is None:
            if name not in extra:
                raise RefusedError("unknown-field", shown(name))
        elif held is not None and not check(held):
            raise RefusedError("bad-field", shown(name))


def shown(name: str) -> str:
    """The name of a field as a refusal shows it; nothing of one that is no plain name."""
    return f"`{name}`" if _NAME.fullmatch(name) else ""


def required_text(value: Mapping[str, Any], name: str, *, max_chars: int = 256) -> str:
    """A text that must be there and say something.

    Raises:
        RefusedError: It is not.
    """
    held = value.get(name)
    if type(held) is not str or not 0 < len(held) <= max_chars:
        raise RefusedError("bad-field", shown(name))
    return held


def is_bool(value: Any) -> bool:
    """True or false."""
    return value is True or value is False


def is_text(value: Any) -> bool:
    """A text of any length."""
    return type(value) is str


def is_object(value: Any) -> bool:
    """An object."""
    return type(value) is dict


def is_list(value: Any) -> bool:
    """An array."""
    return type(value) is list


def is_flat(value: Any) -> bool:
    """A small object of short texts, numbers and truth values."""
    return (
        type(value) is dict
        and len(value) <= _MAX_FLAT
        and all(
            type(each) not in {dict, list} and (type(each) is not str or len(each) <= _MAX_FLAT_TEXT)
            for each in value.values()
        )
    )


def text(max_chars: int) -> Check:
    """A text up to a length."""
    return lambda value: type(value) is str and len(value) <= max_chars


def whole(low: int, high: int) -> Check:
    """A whole number in a range, both ends included."""
    return lambda value: type(value) is int and low <= value <= high


def fraction(low: float, high: float) -> Check:
    """A number in a range, both ends included."""
    return lambda value: (type(value) is float or type(value) is int) and low <= value <= high


def one_of(*values: str) -> Check:
    """One of some words."""
    known = frozenset(values)
    return lambda value: type(value) is str and value in known


def list_of(check: Check, max_items: int) -> Check:
    """An array of values that pass a check."""
    return lambda value: type(value) is list and len(value) <= max_items and all(map(check, value))

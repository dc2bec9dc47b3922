"""The protobuf wire format, walked one message at a time; what a field means is up to the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.cursor import BreaksOffError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Budget", "Field", "Wire", "fields", "packed_varints", "text"]

_MAX_VARINT_BYTES = 10
_MAX_FIELD = 2**29 - 1


class Wire:
    """Wire types."""

    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    START = 3
    END = 4
    FIXED32 = 5


class Field(NamedTuple):
    """One field: `value` of a varint or fixed field, `view` of a length-delimited one (else empty)."""

    number: int
    wire: int
    value: int
    view: memoryview


@dataclass(slots=True, kw_only=True)
class Budget:
    """How many fields may still be read in one file, and how deep messages may nest."""

    fields: int = 3_000_000
    depth: int = 64

    def spend(self) -> None:
        """Count one field.

        Raises:
            LimitExceededError: None are left.
        """
        self.fields -= 1
        if self.fields < 0:
            raise LimitExceededError("message has more fields than are read")


_NOTHING = memoryview(b"")


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    result = shift = 0
    for index in range(position, min(position + _MAX_VARINT_BYTES, len(data))):
        byte = data[index]
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result & 0xFFFF_FFFF_FFFF_FFFF, index + 1
        shift += 7
    if position + _MAX_VARINT_BYTES > len(data):
        raise BreaksOffError("breaks off inside a number")
    raise ParseError("number is longer than ten bytes")


def fields(data: memoryview, budget: Budget) -> Iterator[Field]:
    """Yield the fields of one message in order; nested messages are handed out as views.

    Groups, an old way to nest that no format of models uses, are passed over as parsers do with fields they do not know.

    Raises:
        ParseError: No protobuf.
        LimitExceededError: The budget is spent.
    """
    position, end = 0, len(data)
    groups: list[int] = []
    while position < end:
        budget.spend()
        key, position = _varint(data, position)
        number, wire = key >> 3, key & 7
        if not 0 < number <= _MAX_FIELD:
            raise ParseError(f"field number {number} does not exist")
        value, view = 0, _NOTHING
        if wire == Wire.VARINT:
            value, position = _varint(data, position)
        elif wire == Wire.BYTES:
            length, position = _varint(data, position)
            view = data[position : position + length]
            position += length
        elif wire in {Wire.FIXED64, Wire.FIXED32}:
            width = 8 if wire == Wire.FIXED64 else 4
            value = int.from_bytes(data[position : position + width], "little")
            position += width
        else:
            _group(groups, number, wire, budget)
            continue
        if position > end:
            raise BreaksOffError(f"breaks off inside field {number}")
        if not groups:
            yield Field(number, wire, value, view)
    if groups:
        raise BreaksOffError("breaks off inside a group")


def _group(groups: list[int], number: int, wire: int, budget: Budget) -> None:
    """Go into a group, or out of the innermost one."""
    if wire == Wire.START and len(groups) < budget.depth:
        groups.append(number)
    elif wire == Wire.END and groups[-1:] == [number]:
        groups.pop()
    else:
        raise ParseError(f"wire type {wire} is not used")


def packed_varints(view: memoryview, *, limit: int) -> list[int]:
    """Numbers of a packed field.

    Raises:
        LimitExceededError: More than `limit`.
    """
    numbers: list[int] = []
    position = 0
    while position < len(view):
        number, position = _varint(view, position)
        numbers.append(number)
        if len(numbers) > limit:
            raise LimitExceededError(f"field holds more than {limit} numbers")
    return numbers


def text(view: memoryview, *, max_bytes: int = 4096) -> str:
    """A text field, cut to `max_bytes`; broken characters are replaced."""
    return bytes(view[:max_bytes]).decode("utf-8", "replace")

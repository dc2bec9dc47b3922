"""How many raw bytes joblib put between two opcodes for one array; told by the wrapper that stands before them."""

from __future__ import annotations

from dataclasses import dataclass

import re2

from keelmark.errors import ParseError
from keelmark.formats.models.facts import product
from keelmark.formats.models.pickle.values import Global, Made

__all__ = ["ArrayBytes", "describe", "is_wrapper"]

_TYPE = re2.compile(r"[<>=|]?([?a-zA-Z])([0-9]{0,9})")
_NAMES = {"b": "I", "i": "I", "u": "U", "f": "F", "c": "C"}
_WIDE_CHARACTER = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayBytes:
    """One array.

    Attributes:
        size: Raw bytes, when the elements are no objects.
        is_aligned: Whether a padding length byte and that much padding come first.
        has_objects: Whether a whole pickle stands there instead of raw bytes.
    """

    dtype: str
    elements: int
    size: int
    is_aligned: bool
    has_objects: bool


def is_wrapper(made: Made) -> bool:
    """Whether the object is the wrapper of joblib (also where it is vendored by old scikit-learn)."""
    callee = made.callee
    if not isinstance(callee, Global):
        return False
    return callee.name == "NumpyArrayWrapper" and callee.module.endswith("joblib.numpy_pickle")


def describe(wrapper: Made) -> ArrayBytes:
    """Read shape, element type and alignment from the state of a wrapper.

    Raises:
        ParseError: They are not stated in a way that can be told without loading.
    """
    state = wrapper.state if isinstance(wrapper.state, dict) else {}
    shape, dtype = state.get("shape"), state.get("dtype")
    if not isinstance(shape, tuple) or not isinstance(dtype, Made):
        raise ParseError("array of joblib does not state shape and element type")
    sizes = [_size(item) for item in shape]
    kind, width = _element(dtype)
    elements = product(sizes)
    return ArrayBytes(
        dtype=kind,
        elements=elements,
        size=elements * width,
        is_aligned=isinstance(state.get("numpy_array_alignment_bytes"), int),
        has_objects=kind == "OBJECT",
    )


def _size(item: object) -> int:
    if isinstance(item, int) and not isinstance(item, bool) and 0 <= item < 2**63:
        return item
    raise ParseError("array of joblib has a size that is no number")


def _element(dtype: Made) -> tuple[str, int]:
    text = dtype.arguments[0] if dtype.arguments else None
    match = _TYPE.fullmatch(text) if isinstance(text, str) else None
    if match is None or dtype.maker != "numpy.dtype":
        raise ParseError("array of joblib has an element type that cannot be told")
    letter, digits = match.group(1), match.group(2)
    state = dtype.state if isinstance(dtype.state, tuple) else ()
    if letter == "O" or _holds_objects(state):
        return "OBJECT", 0
    stated = state[5] if len(state) > 5 else -1
    width = stated if isinstance(stated, int) and stated >= 0 else _width(letter, digits)
    return (f"{_NAMES[letter]}{8 * width}" if letter in _NAMES else letter), width


def _holds_objects(state: tuple[object, ...]) -> bool:
    # Bit 0x01 of the flags of a structured type says that a field is an object.
    flags = state[7] if len(state) > 7 else 0
    return isinstance(flags, int) and bool(flags & 0x01)


def _width(letter: str, digits: str) -> int:
    if letter in "Mm":
        return 8
    if letter == "?":
        return 1
    if not digits:
        raise ParseError("array of joblib has an element type without width")
    return int(digits) * (_WIDE_CHARACTER if letter == "U" else 1)

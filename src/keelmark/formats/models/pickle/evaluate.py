"""Works out calls whose answer depends on constants alone, so that a name put together while loading is told.

Only functions that take text, bytes and numbers and give such; everything is bounded, nothing foreign is called.
"""

from __future__ import annotations

import base64
import binascii
import codecs
from typing import TYPE_CHECKING

from keelmark.errors import KeelmarkError
from keelmark.formats.archives import compression
from keelmark.formats.models.pickle.values import Bound, Global, Made, Row, Table

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Untold", "evaluate", "is_known", "item_of", "method"]

_MAX_LENGTH = 4 * 1024**2
_MAX_UNPACKED = 4 * 1024**2
_MAX_SPLIT = 65_536
_FAULTS = (
    TypeError, ValueError, LookupError, OverflowError, MemoryError, AttributeError, AssertionError, RecursionError,
)  # fmt: skip
_TEXT_CODECS = frozenset({
    "rot13", "rot_13", "hex", "hex_codec", "base64", "base64_codec", "base_64", "uu", "uu_codec", "quopri",
    "quopri_codec", "quoted_printable",
})  # fmt: skip
# Those that take a time in proportion to the length.
_CODECS = (
    "utf",
    "u8",
    "latin",
    "iso",
    "l1",
    "ascii",
    "us_ascii",
    "cp",
    "raw_unicode_escape",
    "unicode_escape",
    "mac",
)
_PACKED_CODECS = {"zlib": "zlib", "zip": "zlib", "zlib_codec": "zlib", "bz2": "bz2", "bz2_codec": "bz2"}


class Untold(Exception):  # noqa: N818 - no error: the answer depends on what is not known
    """The answer of a call cannot be told."""


def is_known(wanted: Global) -> bool:
    """Whether calls of it may be worked out."""
    return wanted.dotted in _FUNCTIONS or (wanted.module == "builtins" and "." in wanted.name)


def evaluate(wanted: Global, arguments: tuple[object, ...]) -> object:
    """What a call of constants gives.

    Raises:
        Untold: It is no such call.
    """
    function = _FUNCTIONS.get(wanted.dotted)
    if function is None:
        kind, _, name = wanted.name.partition(".")
        if wanted.module != "builtins" or not name or not arguments or kind not in _KINDS:
            raise Untold
        if not isinstance(arguments[0], _KINDS[kind]):
            return _guarded(lambda: _class_method(kind, name, arguments))
        return method(arguments[0], name, arguments[1:])
    return _guarded(lambda: function(*arguments))


def method(base: object, name: str, arguments: tuple[object, ...]) -> object:
    """What a method of a constant gives.

    Raises:
        Untold: It is no method that is known.
    """
    if isinstance(base, tuple | list | dict | str | bytes) and name == "__getitem__" and len(arguments) == 1:
        return item_of(base, arguments[0])
    if isinstance(base, dict) and name == "get" and arguments:
        return item_of(base, arguments[0])
    if isinstance(base, str | bytes) and name in _DUNDERS and len(arguments) == 1:
        return _guarded(lambda: _FUNCTIONS[_DUNDERS[name]](base, arguments[0]))
    if name == "join" and isinstance(base, str | bytes) and len(arguments) == 1:
        return _guarded(lambda: _join(base, arguments[0]))
    if not isinstance(base, str | bytes) or name not in _METHODS or not all(map(_is_plain, arguments)):
        raise Untold
    if name == "encode" and isinstance(base, str):
        return _guarded(lambda: _encode(base, *arguments))
    if name == "decode" and isinstance(base, bytes):
        return _guarded(lambda: _decode(base, *arguments))
    if name == "replace" and not _is_short_replacement(base, arguments):
        raise Untold
    if name in _WIDENING and not (isinstance(arguments[0], int) and arguments[0] <= 65_536):
        raise Untold
    return _guarded(lambda: getattr(base, name)(*arguments))


def item_of(base: object, key: object) -> object:
    """One item, or a slice, of a constant.

    Raises:
        Untold: It is not there, as far as is known.
    """
    if (
        isinstance(key, Made)
        and key.maker == "builtins.slice"
        and isinstance(base, tuple | list | str | bytes)
    ):
        return _guarded(lambda: base[slice(*key.arguments)])  # type: ignore[arg-type]
    if isinstance(base, Table):
        if isinstance(key, str | int | Global) and key in base:
            return base[key]
        raise Untold
    if isinstance(base, Row) and base.is_cut and not (isinstance(key, int) and 0 <= key < len(base)):
        raise Untold
    if isinstance(base, tuple | list | str | bytes) and isinstance(key, int):
        return _guarded(lambda: base[key])
    raise Untold


def _guarded(function: Callable[[], object]) -> object:
    try:
        value = function()
    except (*_FAULTS, KeelmarkError) as error:
        raise Untold from error
    if isinstance(value, str | bytes | tuple | list) and len(value) > _MAX_LENGTH:
        raise Untold
    if type(value) is list:
        return Row(value)
    if isinstance(value, str | bytes | int | tuple | Row | Global | Made | Table | Bound) or value is None:
        return value
    raise Untold


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | bytes | int)


def _is_short_replacement(base: str | bytes, arguments: tuple[object, ...]) -> bool:
    if len(arguments) < 2 or not arguments[0]:
        return False
    new = arguments[1]
    return isinstance(new, str | bytes) and len(base) * (len(new) + 1) <= _MAX_LENGTH


def _class_method(kind: str, name: str, arguments: tuple[object, ...]) -> object:
    if kind in {"bytes", "bytearray"} and name == "fromhex" and isinstance(arguments[0], str):
        return bytes.fromhex(arguments[0])
    raise Untold


def _sequence(value: object) -> list[object]:
    if isinstance(value, Row) and value.is_cut:
        raise Untold
    if isinstance(value, str | bytes | tuple | list) and len(value) <= _MAX_SPLIT:
        return list(value)
    raise Untold


def _join(base: str | bytes, value: object) -> str | bytes:
    items = _sequence(value)
    length = sum(len(item) for item in items if isinstance(item, str | bytes))
    if len(base) * len(items) + length > _MAX_LENGTH:
        raise Untold
    if isinstance(base, str):
        texts = [item for item in items if isinstance(item, str)]
        return base.join(texts) if len(texts) == len(items) else _refuse()
    parts = [item for item in items if isinstance(item, bytes)]
    return base.join(parts) if len(parts) == len(items) else _refuse()


def _refuse() -> str:
    raise Untold


def _codec(name: object) -> str:
    text = str(name).lower().replace("-", "_")
    if text not in _TEXT_CODECS and text not in _PACKED_CODECS and not text.startswith(_CODECS):
        raise Untold
    return text


def _encode(value: object, encoding: object = "utf-8", errors: object = "strict") -> object:
    name = _codec(encoding)
    if name in _TEXT_CODECS:
        return codecs.encode(value, name)  # type: ignore[call-overload]
    if isinstance(value, str):
        return value.encode(name, str(errors))
    raise Untold


def _decode(value: object, encoding: object = "utf-8", errors: object = "strict") -> object:
    name = _codec(encoding)
    if name in _PACKED_CODECS and isinstance(value, bytes):
        return _unpacked(value, _PACKED_CODECS[name])
    if name in _TEXT_CODECS:
        return codecs.decode(value, name)  # type: ignore[call-overload]
    if isinstance(value, bytes):
        return value.decode(name, str(errors))
    raise Untold


def _unpacked(value: object, kind: str) -> bytes:
    if not isinstance(value, bytes):
        raise Untold
    bounds = compression.Bounds(max_bytes=_MAX_UNPACKED)
    return bytes(compression.decompress(memoryview(value), kind, bounds=bounds))


def _unpack_any(value: object, *_: object) -> bytes:
    kind = compression.compressor(value[:32]) if isinstance(value, bytes) else ""
    return _unpacked(value, kind or "zlib")


def _text(value: object = "", encoding: object = None, errors: object = "strict") -> object:
    if isinstance(value, bytes) and encoding is not None:
        return _decode(value, encoding, errors)
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise Untold


def _bytes(value: object = b"", encoding: object = None, errors: object = "strict") -> object:
    if isinstance(value, str) and encoding is not None:
        return _encode(value, encoding, errors)
    if isinstance(value, bytes):
        return value
    if isinstance(value, int) and 0 <= value <= 65_536:
        return bytes(value)
    return bytes(bytearray(item if isinstance(item, int) else int(_refuse()) for item in _sequence(value)))


def _add(left: object, right: object) -> object:
    for kind in (str, bytes, int, tuple):
        if isinstance(left, kind) and isinstance(right, kind):
            return left + right  # type: ignore[operator]
    if isinstance(left, list) and isinstance(right, list):
        return [*_sequence(left), *_sequence(right)]
    raise Untold


def _times(left: object, right: object) -> object:
    if isinstance(left, int) and isinstance(right, str | bytes):
        left, right = right, left
    if isinstance(left, str | bytes) and isinstance(right, int) and len(left) * right <= 65_536:
        return left * right
    if isinstance(left, int) and isinstance(right, int) and max(abs(left), abs(right)) < 2**64:
        return left * right
    raise Untold


_MAX_DIRECTIVE = 64


def _modulo(left: object, right: object) -> object:
    if isinstance(left, int) and isinstance(right, int):
        return left % right
    parts = right if isinstance(right, tuple) else (right,)
    if not isinstance(left, str | bytes) or len(left) > 4096 or not all(map(_is_plain, parts)):
        raise Untold
    if sum(len(part) for part in parts if isinstance(part, str | bytes)) > _MAX_SPLIT // 64:
        raise Untold
    stars = ("*", "$") if isinstance(left, str) else (b"*", b"$")
    digits = "".join(chr(item) if isinstance(item, int) else item for item in left)
    widths = ("".join(character if character.isdigit() else " " for character in digits)).split()
    if stars[0] in left or any(int(width) > _MAX_DIRECTIVE for width in widths):  # type: ignore[operator]
        raise Untold
    return left % parts


def _number(value: object = 0, base: object = 10) -> int:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str | bytes) and isinstance(base, int) and len(value) < 4000:
        return int(value, base)
    raise Untold


def _reversed(value: object) -> list[object]:
    return _sequence(value)[::-1]


def _listed(value: object = ()) -> list[object]:
    return _sequence(value)


def _tupled(value: object = ()) -> tuple[object, ...]:
    return tuple(_sequence(value))


def _character(value: object) -> str:
    if isinstance(value, int):
        return chr(value)
    raise Untold


def _ordinal(value: object) -> int:
    if isinstance(value, str | bytes):
        return ord(value)
    raise Untold


def _format(value: object, directive: object = "") -> str:
    if isinstance(value, str) and directive == "":
        return value
    if isinstance(value, int) and directive in {"", "c", "x", "d"}:
        return format(value, str(directive))
    raise Untold


def _raw(function: Callable[..., bytes]) -> Callable[..., object]:
    def run(value: object, *more: object) -> object:
        if not isinstance(value, str | bytes) or not all(map(_is_plain, more)):
            raise Untold
        return function(value, *more)

    return run


_KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,), "bytes": (bytes,), "bytearray": (bytes,), "list": (list,), "tuple": (tuple,), "dict": (dict,),
}  # fmt: skip
_METHODS = frozenset({
    "capitalize", "casefold", "center", "decode", "encode", "endswith", "find", "hex", "index",
    "isalpha", "ljust", "lower", "lstrip", "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex",
    "rjust", "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title",
    "upper", "zfill", "__str__", "__len__",
})  # fmt: skip
_WIDENING = frozenset({"center", "ljust", "rjust", "zfill"})
_DUNDERS = {
    "__add__": "operator.add",
    "__mul__": "operator.mul",
    "__rmul__": "operator.mul",
    "__mod__": "operator.mod",
}
_FUNCTIONS: dict[str, Callable[..., object]] = {
    "builtins.str": _text, "builtins.bytes": _bytes, "builtins.chr": _character,
    "builtins.ord": _ordinal, "builtins.int": _number, "builtins.format": _format, "builtins.reversed": _reversed,
    "builtins.list": _listed, "builtins.tuple": _tupled,
    "operator.add": _add, "operator.concat": _add, "operator.iadd": _add, "operator.iconcat": _add,
    "operator.mul": _times, "operator.mod": _modulo, "operator.getitem": item_of,
    "_operator.add": _add, "_operator.concat": _add, "_operator.iadd": _add, "_operator.iconcat": _add,
    "_operator.mul": _times, "_operator.mod": _modulo, "_operator.getitem": item_of,
    "_codecs.encode": _encode, "_codecs.decode": _decode, "codecs.encode": _encode, "codecs.decode": _decode,
    "base64.b64decode": _raw(base64.b64decode), "base64.standard_b64decode": _raw(base64.b64decode),
    "base64.urlsafe_b64decode": _raw(base64.urlsafe_b64decode), "base64.b32decode": _raw(base64.b32decode),
    "base64.b16decode": _raw(base64.b16decode), "base64.a85decode": _raw(base64.a85decode),
    "base64.b85decode": _raw(base64.b85decode), "base64.decodebytes": _raw(base64.decodebytes),
    "base64.b64encode": _raw(base64.b64encode),
    "binascii.unhexlify": _raw(binascii.unhexlify), "binascii.a2b_hex": _raw(binascii.unhexlify),
    "binascii.a2b_base64": _raw(binascii.a2b_base64),
    "zlib.decompress": _unpack_any, "gzip.decompress": _unpack_any, "bz2.decompress": _unpack_any,
    "lzma.decompress": _unpack_any,
}  # fmt: skip

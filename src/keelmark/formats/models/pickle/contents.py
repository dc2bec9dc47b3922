"""Callables that take content or a size: loaders of further pickles, encoders, arrays, containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import Technique
from keelmark.formats.models.facts import product
from keelmark.formats.models.pickle.known import (
    FROM_BYTES,
    LOADERS,
    LOADERS_OF_PARTS,
    PLAIN_ENCODINGS,
    REBUILDS,
)
from keelmark.formats.models.pickle.values import COMPUTED, UNRESOLVED, Global, Made, Persistent, Span

if TYPE_CHECKING:
    from keelmark.formats.models.pickle.rule import Calls, Rule

__all__ = ["CONTENTS"]

_MAX_ENCODED = 256 * 1024**2
_MAX_MADE = 2**28
_MAX_SHAPED = 2**34


def _encode(calls: Calls, made: Made) -> object:
    encoding = calls.plain(made.arguments[1]) if len(made.arguments) > 1 else "utf-8"
    if not isinstance(encoding, str) or encoding.lower().replace("-", "_") not in PLAIN_ENCODINGS:
        calls.bad(made, "with an encoding that serves to hide text")
    elif made.arguments and isinstance(made.arguments[0], Span):
        return made  # the bytes of an array: only a loader needs them
    return calls.worked_out(Global("codecs", "encode"), made.arguments)


def _load(calls: Calls, made: Made) -> object:
    is_part = made.maker in LOADERS_OF_PARTS
    source = next(iter(made.arguments[LOADERS_OF_PARTS.get(made.maker, 0) :]), None)
    content = _raw_bytes(calls, calls.plain(source) if not isinstance(source, Span) else source)
    if content is None:
        if made.maker == FROM_BYTES or is_part:
            calls.asked(UNRESOLVED)
        return COMPUTED
    found = calls.follow(content)
    for item in found:
        calls.result.absorb(item, offset=calls.offset)
        if item.error is not None and made.maker == FROM_BYTES:
            raise item.error
    root = found[0].root if found else None
    if is_part:
        return made
    return root if isinstance(root, Global) else COMPUTED


def _raw_bytes(calls: Calls, value: object) -> memoryview | None:
    """The bytes that a loader would get."""
    if isinstance(value, Made) and value.maker in {"io.BytesIO", "_io.BytesIO", "builtins.bytearray"}:
        state = value.state
        if isinstance(state, tuple) and state:
            return _raw_bytes(calls, state[0])
        return _raw_bytes(calls, value.arguments[0]) if value.arguments and state is None else None
    if isinstance(value, Made) and value.maker == "_codecs.encode" and value.arguments:
        text = value.arguments[0]
        if isinstance(text, Span) and text.end - text.start <= _MAX_ENCODED:
            text = bytes(calls.data[text.start : text.end]).decode("utf-8", "replace")
        if isinstance(text, str):
            return memoryview(text.encode("latin-1", "replace"))
        return None
    if isinstance(value, Span) and not value.is_text:
        return calls.data[value.start : value.end]
    return memoryview(value) if isinstance(value, bytes) else None


def _tensor(calls: Calls, made: Made) -> object:
    if len(made.arguments) > 2:
        storage, shape = made.arguments[0], made.arguments[2]
        kind = storage.kind if isinstance(storage, Persistent) else ""
        if isinstance(shape, tuple):
            sizes = [size for size in shape if isinstance(size, int)]
            calls.result.tensors.append((kind, product(sizes)))
    return made


def _filled(calls: Calls, made: Made) -> object:
    """`bytes` and `bytearray` of a number are as long as it says; containers of a range hold all of it."""
    value = made.arguments[0] if made.arguments else None
    ends = value.arguments if isinstance(value, Made) and value.maker == "builtins.range" else (value,)
    if any(isinstance(item, int) and abs(item) > _MAX_MADE for item in ends):
        calls.result.add(
            Technique.BOMB,
            made.maker,
            f"loading it fills memory: `{made.maker}` of more than {_MAX_MADE} values",
            offset=calls.offset,
        )
    return calls.worked_out(made.callee, made.arguments) if isinstance(made.callee, Global) else made


def _shaped(calls: Calls, made: Made) -> object:
    """An array of numpy that is made by its shape alone is as large as that says; libraries write the numbers too."""
    shape = made.arguments[0] if made.arguments else None
    sizes = shape if isinstance(shape, tuple | list) else (shape,)
    if product([size for size in sizes if isinstance(size, int)]) > _MAX_SHAPED:
        calls.result.add(
            Technique.BOMB,
            made.maker,
            f"loading it fills memory: `{made.maker}` of more than {_MAX_SHAPED} values",
            offset=calls.offset,
        )
    return made


CONTENTS: dict[str, Rule] = {
    "_codecs.encode": _encode,
    **dict.fromkeys(
        (f"builtins.{name}" for name in ("bytes", "bytearray", "list", "tuple", "set", "frozenset")), _filled
    ),
    **dict.fromkeys((f"numpy.{name}" for name in ("ndarray", "zeros", "ones", "empty", "full")), _shaped),
    **dict.fromkeys((*LOADERS, *LOADERS_OF_PARTS), _load),
    **{f"torch._utils.{name}": _tensor for name in REBUILDS},
}
"""Dotted name to what content makes of a call."""

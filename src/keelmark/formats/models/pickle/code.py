"""Writes down what a pickle would run as a person would: `os.system('id')`. Bounded in length and depth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.formats.models.pickle.known import BUILDERS_OF_CODE
from keelmark.formats.models.pickle.values import Bound, Global, Made, Module, Opaque, Persistent, Span

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["call_text", "name_of_code", "text_of"]

_MAX_LENGTH = 300
_MAX_TEXT = 120
_MAX_NAME = 120
_MAX_ITEMS = 6
_MAX_DEPTH = 6
_MAX_NUMBER = 10**40
_CUT = "..."


def call_text(
    callee: object,
    arguments: Iterable[object],
    keywords: Iterable[tuple[str, object]] = (),
    *,
    data: memoryview | None = None,
) -> str:
    """A call with its arguments."""
    return text_of(Made(callee, tuple(arguments), None, tuple(keywords)), data=data)


def text_of(value: object, *, data: memoryview | None = None) -> str:
    """An expression that would make the value."""
    return _Writer(data).write(value, 0)


def _cut(text: str, length: int = _MAX_LENGTH) -> str:
    return text if len(text) <= length else text[: length - len(_CUT)] + _CUT


class _Writer:
    """Writes values; `data` is where spans lie."""

    def __init__(self, data: memoryview | None) -> None:
        self._data = data

    def write(self, value: object, depth: int) -> str:
        if depth > _MAX_DEPTH:
            return _CUT
        if isinstance(value, Made | tuple | list | dict | Bound):
            return _cut(self._nested(value, depth + 1))
        if isinstance(value, Global):
            return _cut(value.name if value.module == "builtins" else value.dotted, _MAX_NAME)
        if isinstance(value, Module):
            return _cut(value.name, _MAX_NAME)
        return self._constant(value)

    def _nested(
        self, value: Made | tuple[object, ...] | list[object] | dict[object, object] | Bound, depth: int
    ) -> str:
        if isinstance(value, Made):
            named = [f"{name}={self.write(item, depth)}" for name, item in value.keywords[:_MAX_ITEMS]]
            inner = ", ".join([*self._items(value.arguments, depth), *named])
            return f"{self.write(value.callee, depth)}({inner})"
        if isinstance(value, Bound):
            return f"{self.write(value.base, depth)}.{value.name}"
        if isinstance(value, dict):
            pairs = list(value.items())[:_MAX_ITEMS]
            return (
                "{"
                + ", ".join(f"{self.write(key, depth)}: {self.write(item, depth)}" for key, item in pairs)
                + "}"
            )
        inner = ", ".join(self._items(value, depth))
        if isinstance(value, list):
            return f"[{inner}]"
        return f"({inner},)" if len(value) == 1 else f"({inner})"

    def _items(self, items: tuple[object, ...] | list[object], depth: int) -> list[str]:
        parts = [self.write(item, depth) for item in items[:_MAX_ITEMS]]
        return parts if len(items) <= _MAX_ITEMS else [*parts, _CUT]

    def _constant(self, value: object) -> str:
        if isinstance(value, str | bytes):
            return repr(value) if len(value) <= _MAX_TEXT else f"{value[:_MAX_TEXT]!r}{_CUT}"
        if isinstance(value, Span):
            return self._span(value)
        if isinstance(value, int) and not -_MAX_NUMBER < value < _MAX_NUMBER:
            return "<number>"
        if isinstance(value, bool | int | None):
            return repr(value)
        return f"<{value.kind or _CUT}>" if isinstance(value, Opaque | Persistent) else f"<{_CUT}>"

    def _span(self, span: Span) -> str:
        if self._data is None:
            return f"<{'text' if span.is_text else 'bytes'}>"
        start = bytes(self._data[span.start : min(span.end, span.start + _MAX_TEXT)])
        return f"{start.decode('utf-8', 'replace')!r}{_CUT}" if span.is_text else f"{start!r}{_CUT}"


def name_of_code(arguments: tuple[object, ...]) -> str:
    """The name of the function that code belongs to: the second text among the arguments of a code object."""
    for item in arguments[:4]:
        if isinstance(item, Made) and item.maker in BUILDERS_OF_CODE:
            inner = name_of_code(item.arguments)
            if inner:
                return inner
    texts = [item for item in arguments if isinstance(item, str)]
    return texts[1] if len(texts) > 1 else ""

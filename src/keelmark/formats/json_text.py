"""JSON within bounds, as plain values: also with comments and trailing commas, as editors allow them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.json_weight import check_weight
from keelmark.formats.source import decode

if TYPE_CHECKING:
    from keelmark.formats.source import Source

__all__ = [
    "BOUNDS",
    "Bounds",
    "line_of",
    "load",
    "load_loose",
    "mapping",
    "parse",
    "sound",
    "sound_tree",
    "text",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one JSON text."""

    max_bytes: int = 32 * 1024**2


BOUNDS = Bounds()


def load(source: Source, *, bounds: Bounds = BOUNDS) -> Any:
    """The value of a JSON file.

    Raises:
        LimitExceededError: The file is too long, nested too deeply, or holds too many values.
        ParseError: No JSON.
    """
    if source.size > bounds.max_bytes:
        raise LimitExceededError(f"JSON of {source.size} bytes is too long", path=source.path)
    return parse(decode(source.data, path=source.path), path=source.path)


def load_loose(source: Source, *, bounds: Bounds = BOUNDS) -> Any:
    """The value of a JSON file in which comments and trailing commas are allowed.

    Raises:
        LimitExceededError: The file is too long, nested too deeply, or holds too many values.
        ParseError: No JSON even so.
    """
    try:
        return load(source, bounds=bounds)
    except ParseError:
        return parse(_strict(decode(source.data, path=source.path)), path=source.path)


def parse(content: str, *, path: str = "") -> Any:
    """The value of a JSON text; lone surrogates, which no encoder accepts, become question marks.

    Raises:
        LimitExceededError: Nested too deeply, or more values than can be held.
        ParseError: No JSON.
    """
    check_weight(content, path=path)
    try:
        value = json.loads(content)
        return sound_tree(value) if "\\ud" in content or "\\uD" in content else value
    except json.JSONDecodeError as error:
        raise ParseError(f"no JSON: {error.msg}", path=path, line=error.lineno) from error
    except RecursionError as error:
        raise LimitExceededError("JSON is nested too deeply", path=path) from error
    except ValueError as error:
        raise ParseError(f"no JSON: {error}", path=path) from error


def sound(content: str) -> str:
    """The text with lone surrogates replaced, so that it can be encoded."""
    return content.encode("utf-8", "replace").decode("utf-8")


def sound_tree(value: Any) -> Any:
    """A decoded value with every text made sound."""
    if isinstance(value, str):
        return sound(value)
    if isinstance(value, dict):
        return {sound(key): sound_tree(item) for key, item in value.items()}
    if isinstance(value, list):
        return [sound_tree(item) for item in value]
    return value


def _strict(content: str) -> str:
    """The text without comments and trailing commas; what stands in strings is left alone."""
    kept: list[str] = []
    at, end = 0, len(content)
    while at < end:
        char = content[at]
        if char == '"':
            stop = _string_end(content, at)
            kept.append(content[at:stop])
            at = stop
        elif content.startswith("//", at):
            stop = content.find("\n", at)
            at = end if stop < 0 else stop
        elif content.startswith("/*", at):
            stop = content.find("*/", at + 2)
            lines = content.count("\n", at, end if stop < 0 else stop)
            kept.append("\n" * lines)
            at = end if stop < 0 else stop + 2
        else:
            if char in "]}":
                _drop_comma(kept)
            kept.append(char)
            at += 1
    return "".join(kept)


def _string_end(content: str, start: int) -> int:
    at = start + 1
    while at < len(content):
        if content[at] == "\\":
            at += 2
        elif content[at] == '"':
            return at + 1
        else:
            at += 1
    return len(content)


def _drop_comma(kept: list[str]) -> None:
    for index in range(len(kept) - 1, -1, -1):
        if kept[index].isspace() or not kept[index]:
            continue
        if kept[index] == ",":
            kept[index] = ""
        return


def mapping(value: Any, *keys: str) -> dict[str, Any]:
    """The object below `value` along `keys`; empty when there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str:
    """The value when it is text, else ""."""
    return value if isinstance(value, str) else ""


def line_of(content: str, key: str, *, start: int = 0) -> int:
    """Line of the first `"key"` that is followed by a colon, from offset `start` on; 1 when there is none."""
    wanted = json.dumps(key, ensure_ascii=False)
    at = content.find(wanted, start)
    while at >= 0:
        after = content[at + len(wanted) : at + len(wanted) + 64].lstrip()
        if after.startswith(":"):
            return content.count("\n", 0, at) + 1
        at = content.find(wanted, at + 1)
    return 1

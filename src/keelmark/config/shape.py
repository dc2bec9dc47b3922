"""Turns a YAML tree into frozen words and says, with line and nearest key, what does not fit."""

from __future__ import annotations

import difflib
import math
import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from keelmark.errors import ConfigurationError
from keelmark.formats.yaml_tree import Mapping, Node, Scalar, Sequence

__all__ = ["convert", "describe", "key_of"]

T = TypeVar("T")

# Keys that read better in YAML than the attribute that Python allows.
_KEYS = {"source": "from", "target": "to"}
_RENAMED_IN = {"DeclaredFlow"}
_HIDDEN = {"provenance", "elsewhere"}


def key_of(kind: type, name: str) -> str:
    """The YAML key of an attribute."""
    return _KEYS.get(name, name) if kind.__name__ in _RENAMED_IN else name


def convert(node: Node, kind: type[T], *, path: str, where: str = "") -> T:
    """The value of type `kind` that a node states.

    Args:
        node: The tree.
        kind: A frozen dataclass of the domain, or a type its fields may have.
        path: File name for messages.
        where: Dotted place for messages.

    Raises:
        ConfigurationError: Unknown key, missing key, wrong type or value; with the line.
    """
    return typing.cast("T", _convert(node, kind, path, where))


def _convert(node: Node, kind: Any, path: str, where: str) -> Any:
    if node.tag:
        message = f"`{where or 'the file'}` carries the tag `{node.tag[:60]}`"
        raise ConfigurationError(message, path=path, line=node.line, hint="write plain values, without tags")
    origin = get_origin(kind)
    if origin in {Union, types.UnionType}:
        options = [option for option in get_args(kind) if option is not type(None)]
        if isinstance(node, Scalar) and node.value is None and len(options) < len(get_args(kind)):
            return None
        return _convert(node, options[0], path, where)
    if origin is tuple:
        return _list(node, get_args(kind)[0], path, where)
    if is_dataclass(kind):
        return _record(node, kind, path, where)
    return _scalar(node, kind, path, where)


def _list(node: Node, kind: Any, path: str, where: str) -> tuple[Any, ...]:
    if isinstance(node, Scalar) and node.value is None:
        return ()
    if not isinstance(node, Sequence):
        raise _wrong(
            node, where, "a list", path, hint="write each entry on its own line, with `- ` before it"
        )
    return tuple(_convert(item, kind, path, f"{where}[{index}]") for index, item in enumerate(node.items))


def _record(node: Node, kind: Any, path: str, where: str) -> Any:
    if not isinstance(node, Mapping):
        raise _wrong(node, where, "a mapping of keys and values", path)
    if node.duplicates:
        key, line = node.duplicates[0]
        raise ConfigurationError(
            f"`{_join(where, key)}` stands twice", path=path, line=line, hint="keep one of them"
        )
    hints = get_type_hints(kind)
    known = {key_of(kind, entry.name): entry for entry in fields(kind) if entry.name not in _HIDDEN}
    for key in node.entries:
        if key not in known:
            raise _unknown_key(node, key, known, path=path, where=where)
    values = {}
    for key, entry in known.items():
        child = node.entries.get(key)
        if child is not None:
            values[entry.name] = _convert(child, hints[entry.name], path, _join(where, key))
        elif entry.default is MISSING and entry.default_factory is MISSING:
            place = where or "the file"
            raise ConfigurationError(
                f"`{key}` is missing in `{place}`",
                path=path,
                line=node.line,
                hint=f"add `{key}:`; keelmark init shows an example of every key",
            )
    return kind(**values)


def _unknown_key(
    node: Mapping, key: str, known: typing.Mapping[str, object], *, path: str, where: str
) -> ConfigurationError:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"did you mean `{near[0]}`?" if near else f"known keys are: {', '.join(known)}"
    line = node.key_lines.get(key, node.line)
    return ConfigurationError(f"unknown key `{_join(where, key)}`", path=path, line=line, hint=hint)


def _scalar(node: Node, kind: Any, path: str, where: str) -> Any:
    if not isinstance(node, Scalar):
        raise _wrong(node, where, "a single value", path)
    value = node.value
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _choice(node, kind, path, where)
    if kind is date:
        return _date(node, path, where)
    if kind is str and value is not None:
        return node.text
    if kind is bool and isinstance(value, bool):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        # `1.0` is a whole number, as JSON Schema has it; `.nan` and `.inf` would be limits that nothing exceeds.
        if kind is float:
            return float(value)
        if kind is int and value == int(value):
            return int(value)
    words = {str: "text", bool: "`true` or `false`", int: "a whole number", float: "a number"}
    raise _wrong(node, where, words.get(kind, "a value"), path)


def _choice(node: Scalar, kind: type[StrEnum], path: str, where: str) -> StrEnum:
    try:
        return kind(node.text)
    except ValueError:
        options = [member.value for member in kind]
        near = difflib.get_close_matches(node.text, options, n=1, cutoff=0.5)
        hint = f"did you mean `{near[0]}`?" if near else f"one of: {', '.join(options)}"
        message = f"`{where}` cannot be `{node.text}`"
        raise ConfigurationError(message, path=path, line=node.line, hint=hint) from None


def _date(node: Scalar, path: str, where: str) -> date:
    try:
        day = date.fromisoformat(node.text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != node.text:  # Week dates and 20260131 are left to other programs.
        raise _wrong(node, where, "a date such as 2026-01-31", path)
    return day


def _wrong(node: Node, where: str, wanted: str, path: str, *, hint: str = "") -> ConfigurationError:
    seen = f", not `{node.text[:60]}`" if isinstance(node, Scalar) and node.value is not None else ""
    place = where or "the file"
    return ConfigurationError(f"`{place}` must be {wanted}{seen}", path=path, line=node.line, hint=hint)


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def describe(kind: type) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a type, closed at every level, with the docstrings as descriptions."""
    definitions: dict[str, Any] = {}
    root = _schema(kind, definitions)
    name = root["$ref"].rpartition("/")[2]
    top = definitions.pop(name)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **top, "$defs": definitions}


def _schema(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin = get_origin(kind)
    if origin in {Union, types.UnionType}:
        options = [option for option in get_args(kind) if option is not type(None)]
        return {"anyOf": [_schema(options[0], definitions), {"type": "null"}]}
    if origin is tuple:
        return {"type": "array", "items": _schema(get_args(kind)[0], definitions)}
    if is_dataclass(kind):
        name = typing.cast("type", kind).__name__
        if name not in definitions:
            definitions[name] = {}
            definitions[name] = _record_schema(kind, definitions)
        return {"$ref": f"#/$defs/{name}"}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"enum": [member.value for member in kind]}
    plain: dict[Any, dict[str, Any]] = {
        str: {"type": "string"},
        bool: {"type": "boolean"},
        int: {"type": "integer"},
        float: {"type": "number"},
        date: {"type": "string", "format": "date"},
    }
    return plain[kind]


def _record_schema(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    summary, attributes = _docstring(kind.__doc__ or "")
    properties = {}
    required = []
    for entry in fields(kind):
        if entry.name in _HIDDEN:
            continue
        schema = _schema(hints[entry.name], definitions)
        if entry.name in attributes:
            schema = {**schema, "description": attributes[entry.name]}
        key = key_of(kind, entry.name)
        properties[key] = schema
        if entry.default is MISSING and entry.default_factory is MISSING:
            required.append(key)
    return {
        "type": "object",
        "description": summary,
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _docstring(text: str) -> tuple[str, dict[str, str]]:
    summary, _, rest = text.partition("\n")
    attributes: dict[str, str] = {}
    current = ""
    for line in rest.partition("Attributes:")[2].splitlines():
        stripped = line.strip()
        indent = len(line) - len(line.lstrip())
        if indent == 8 and ":" in stripped:
            current, _, words = stripped.partition(":")
            attributes[current] = words.strip()
        elif stripped and current:
            attributes[current] += f" {stripped}"
    return summary.strip(), attributes

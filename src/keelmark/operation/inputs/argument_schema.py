"""Checks decoded arguments against the schema of a tool: the part of JSON Schema that tools use, and nothing guessed.

1. A keyword that is not known makes the schema unusable; it is never passed over.
2. Arguments that the schema does not name are refused, unless it allows them in so many words, or puts the object together
   out of several schemas.
3. Depth and number of steps are bounded, also where a schema refers to itself.
4. Patterns take time linear in the text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import re2

from keelmark.errors import LimitExceededError, ParseError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["SchemaBounds", "fault"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaBounds:
    """Bounds of one check.

    Attributes:
        max_depth: Deepest schema inside schema.
        max_steps: Most schemas that are applied.
        max_pattern: Longest pattern.
    """

    max_depth: int = 32
    max_steps: int = 10_000
    max_pattern: int = 1_000


_NOTES: Final = frozenset({
    "$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "deprecated",
    "readOnly", "writeOnly", "format", "contentEncoding", "contentMediaType", "$anchor",
})  # fmt: skip
_PARTS: Final = frozenset({"allOf", "anyOf", "const", "enum", "oneOf"})
_TYPES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "object": lambda value: type(value) is dict,
    "array": lambda value: type(value) is list,
    "string": lambda value: type(value) is str,
    "boolean": lambda value: type(value) is bool,
    "null": lambda value: value is None,
    "integer": lambda value: type(value) is int or (type(value) is float and value.is_integer()),
    "number": lambda value: type(value) in {int, float},
}


def fault(schema: Any, value: Any, *, bounds: SchemaBounds | None = None) -> str:
    """Why the value does not fit the schema: the keyword and the place; "" when it fits. Never text of the value.

    Raises:
        ParseError: The schema has something in it that is not known here.
        LimitExceededError: The check went too deep or took too many steps.
    """
    return _Check(schema, bounds or SchemaBounds()).of(schema, value, "arguments", 0)


class _Check:
    """One check; counts its steps."""

    __slots__ = ("_bounds", "_root", "_steps")

    def __init__(self, root: Any, bounds: SchemaBounds) -> None:
        self._root = root
        self._bounds = bounds
        self._steps = 0

    def of(self, schema: Any, value: Any, place: str, depth: int, *, is_part: bool = False) -> str:
        """The first fault.

        Args:
            schema: What is applied.
            value: To what.
            place: Where the value stands.
            depth: How deep the schema stands.
            is_part: Whether other schemas speak of the same value, so that this one need not name all of it.
        """
        self._steps += 1
        if depth > self._bounds.max_depth or self._steps > self._bounds.max_steps:
            raise LimitExceededError("schema of a tool goes too deep or takes too many steps")
        if schema is True:
            return ""
        if schema is False:
            return f"{place}: nothing is allowed here"
        if not isinstance(schema, dict):
            raise ParseError("schema of a tool is no object")
        if "$ref" in schema:
            schema = {
                **self._referred(schema["$ref"]),
                **{key: held for key, held in schema.items() if key != "$ref"},
            }
        for key, wanted in schema.items():
            if key in _NOTES:
                continue
            check = _KEYWORDS.get(key)
            if check is None:
                raise ParseError(f"schema of a tool has `{str(key)[:40]}`, which is not known here")
            if said := check(_At(self, schema, wanted, value, place, depth)):
                return said
        return "" if is_part else self._unnamed(schema, value, place, depth)

    def _unnamed(self, schema: dict[str, Any], value: Any, place: str, depth: int) -> str:
        """Keys that no schema speaks of are refused; an inner object whose keys are not spoken of at all is free."""
        if type(value) is not dict or "additionalProperties" in schema or not _PARTS.isdisjoint(schema):
            return ""
        if "properties" not in schema and depth > 0:
            return ""
        named = schema.get("properties", {})
        patterns = schema.get("patternProperties", {})
        for key in value:
            if key not in named and not any(self.pattern(pattern).search(key) for pattern in patterns):
                return f"{place}: an argument is not named by the schema"
        return ""

    def _referred(self, reference: Any) -> dict[str, Any]:
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise ParseError("schema of a tool refers to another document")
        found = self._root
        for step in reference[1:].strip("/").split("/") if reference != "#" else ():
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or name not in found:
                raise ParseError("schema of a tool refers to what it does not have")
            found = found[name]
        if not isinstance(found, dict) or found.get("$ref") == reference:
            raise ParseError("schema of a tool refers to what is no schema")
        return found

    def pattern(self, pattern: Any) -> Any:
        """A pattern, compiled."""
        if not isinstance(pattern, str) or len(pattern) > self._bounds.max_pattern:
            raise ParseError("pattern in the schema of a tool is too long")
        try:
            return re2.compile(pattern)
        except re2.error as error:
            raise ParseError("pattern in the schema of a tool cannot be used") from error


class _At:
    """Where a check stands: one keyword of one schema, one part of the value."""

    __slots__ = ("check", "depth", "place", "schema", "value", "wanted")

    def __init__(self, check: _Check, schema: Any, wanted: Any, value: Any, place: str, depth: int) -> None:  # noqa: PLR0917 - as many as it holds
        self.check = check
        self.schema = schema
        self.wanted = wanted
        self.value = value
        self.place = place
        self.depth = depth


def _type(at: _At) -> str:
    names = at.wanted if isinstance(at.wanted, list) else [at.wanted]
    if not all(name in _TYPES for name in names):
        raise ParseError("schema of a tool names a type that is not known")
    return "" if any(_TYPES[name](at.value) for name in names) else f"{at.place}: type"


def _same(left: Any, right: Any) -> bool:
    """Equal as JSON: true is not 1."""
    if type(left) is bool or type(right) is bool:
        return left is right
    if type(left) is list and type(right) is list:
        return len(left) == len(right) and all(map(_same, left, right))
    if type(left) is dict and type(right) is dict:
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    return bool(left == right)


def _enum(at: _At) -> str:
    return "" if any(_same(each, at.value) for each in at.wanted) else f"{at.place}: enum"


def _const(at: _At) -> str:
    return "" if _same(at.wanted, at.value) else f"{at.place}: const"


def _properties(at: _At) -> str:
    if type(at.value) is not dict:
        return ""
    for key, inner in at.wanted.items():
        if key in at.value and (said := at.check.of(inner, at.value[key], f"{at.place}.{key}", at.depth + 1)):
            return said
    return ""


def _pattern_properties(at: _At) -> str:
    if type(at.value) is not dict:
        return ""
    for pattern, inner in at.wanted.items():
        compiled = at.check.pattern(pattern)
        for key, held in at.value.items():
            if compiled.search(key) and (said := at.check.of(inner, held, f"{at.place}.*", at.depth + 1)):
                return said
    return ""


def _required(at: _At) -> str:
    if type(at.value) is not dict:
        return ""
    missing = [key for key in at.wanted if key not in at.value]
    return f"{at.place}: `{str(missing[0])[:40]}` is missing" if missing else ""


def _additional(at: _At) -> str:
    if type(at.value) is not dict:
        return ""
    named = at.schema.get("properties", {})
    patterns = [at.check.pattern(pattern) for pattern in at.schema.get("patternProperties", {})]
    for key, held in at.value.items():
        if key in named or any(pattern.search(key) for pattern in patterns):
            continue
        if at.wanted is False:
            return f"{at.place}: an argument is not named by the schema"
        if at.wanted is not True and (said := at.check.of(at.wanted, held, f"{at.place}.*", at.depth + 1)):
            return said
    return ""


def _items(at: _At) -> str:
    if type(at.value) is not list:
        return ""
    for held in at.value[len(at.schema.get("prefixItems", ())) :]:
        if said := at.check.of(at.wanted, held, f"{at.place}[]", at.depth + 1):
            return said
    return ""


def _prefix_items(at: _At) -> str:
    if type(at.value) is not list:
        return ""
    for inner, held in zip(at.wanted, at.value, strict=False):
        if said := at.check.of(inner, held, f"{at.place}[]", at.depth + 1):
            return said
    return ""


def _unique(at: _At) -> str:
    if not at.wanted or type(at.value) is not list:
        return ""
    if len(at.value) > _MOST_COMPARED:
        raise LimitExceededError("list in the arguments of a tool is too long to be compared")
    double = any(_same(left, right) for index, left in enumerate(at.value) for right in at.value[index + 1 :])
    return f"{at.place}: uniqueItems" if double else ""


_MOST_COMPARED = 500


def _size(kinds: tuple[type, ...], keyword: str, fits: Callable[[int, Any], bool]) -> _Keyword:
    def judge(at: _At) -> str:
        return (
            "" if type(at.value) not in kinds or fits(len(at.value), at.wanted) else f"{at.place}: {keyword}"
        )

    return judge


def _number(keyword: str, fits: Callable[[Any, Any], bool]) -> _Keyword:
    def judge(at: _At) -> str:
        return (
            ""
            if type(at.value) not in {int, float} or fits(at.value, at.wanted)
            else f"{at.place}: {keyword}"
        )

    return judge


def _is_multiple(value: Any, of: Any) -> bool:
    if type(value) is int and type(of) is int:
        return of != 0 and value % of == 0
    return bool(of) and math.isclose(value / of, round(value / of), rel_tol=0, abs_tol=1e-9)


def _pattern(at: _At) -> str:
    return (
        ""
        if type(at.value) is not str or at.check.pattern(at.wanted).search(at.value)
        else f"{at.place}: pattern"
    )


def _some(least: int, most: int | None, keyword: str) -> _Keyword:
    def judge(at: _At) -> str:
        fitting = sum(not at.check.of(inner, at.value, at.place, at.depth + 1) for inner in at.wanted)
        is_fitting = fitting >= least and (most is None or fitting <= most)
        return "" if is_fitting else f"{at.place}: {keyword}"

    return judge


def _all_of(at: _At) -> str:
    for inner in at.wanted:
        if said := at.check.of(inner, at.value, at.place, at.depth + 1, is_part=True):
            return said
    return ""


def _not(at: _At) -> str:
    return "" if at.check.of(at.wanted, at.value, at.place, at.depth + 1) else f"{at.place}: not"


if TYPE_CHECKING:
    _Keyword = Callable[[_At], str]

_KEYWORDS: Final[Mapping[str, _Keyword]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "required": _required,
    "additionalProperties": _additional,
    "items": _items,
    "prefixItems": _prefix_items,
    "uniqueItems": _unique,
    "minItems": _size((list,), "minItems", lambda size, wanted: size >= wanted),
    "maxItems": _size((list,), "maxItems", lambda size, wanted: size <= wanted),
    "minLength": _size((str,), "minLength", lambda size, wanted: size >= wanted),
    "maxLength": _size((str,), "maxLength", lambda size, wanted: size <= wanted),
    "minProperties": _size((dict,), "minProperties", lambda size, wanted: size >= wanted),
    "maxProperties": _size((dict,), "maxProperties", lambda size, wanted: size <= wanted),
    "minimum": _number("minimum", lambda value, wanted: value >= wanted),
    "maximum": _number("maximum", lambda value, wanted: value <= wanted),
    "exclusiveMinimum": _number("exclusiveMinimum", lambda value, wanted: value > wanted),
    "exclusiveMaximum": _number("exclusiveMaximum", lambda value, wanted: value < wanted),
    "multipleOf": _number("multipleOf", _is_multiple),
    "pattern": _pattern,
    "anyOf": _some(1, None, "anyOf"),
    "oneOf": _some(1, 1, "oneOf"),
    "allOf": _all_of,
    "not": _not,
}

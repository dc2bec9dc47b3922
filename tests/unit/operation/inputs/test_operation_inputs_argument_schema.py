"""The part of JSON Schema that is checked agrees with a full implementation; the rest is refused."""

from __future__ import annotations

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.errors import LimitExceededError, ParseError
from keelmark.operation.inputs.argument_schema import SchemaBounds, fault


@pytest.mark.parametrize(
    ("schema", "fits", "fails"),
    [
        ({"type": "integer"}, [1, 2.0, -3], [1.5, "1", True, None]),
        ({"type": "number"}, [1, 1.5], [True, "1"]),
        ({"type": ["string", "null"]}, ["", None], [0]),
        ({"type": "boolean"}, [True], [1]),
        ({"enum": ["a", 1]}, ["a", 1], ["b", True]),
        ({"const": {"a": [1]}}, [{"a": [1]}], [{"a": [True]}]),
        ({"minimum": 1, "maximum": 3}, [1, 3, "x"], [0, 4]),
        ({"exclusiveMinimum": 1, "exclusiveMaximum": 3}, [2], [1, 3]),
        ({"multipleOf": 0.5}, [1, 1.5], [1.2]),
        ({"multipleOf": 3}, [9], [8]),
        ({"minLength": 2, "maxLength": 3, "pattern": "^a"}, ["ab"], ["a", "abcd", "bc"]),
        (
            {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 2},
            [["a"]],
            [[], [1], ["a", "b", "c"]],
        ),
        ({"prefixItems": [{"type": "string"}], "items": {"type": "integer"}}, [["a", 1]], [[1], ["a", "b"]]),
        ({"uniqueItems": True}, [[1, True, "1"]], [[1, 1.0]]),
        (
            {"properties": {"a": {"type": "string"}}, "required": ["a"]},
            [{"a": ""}],
            [{}, {"a": 1}, {"a": "", "b": 1}],
        ),
        ({"properties": {"a": True}, "additionalProperties": True}, [{"b": 1}], []),
        ({"properties": {"a": True}, "additionalProperties": {"type": "string"}}, [{"b": "x"}], [{"b": 1}]),
        (
            {"additionalProperties": False, "patternProperties": {"^x": {"type": "integer"}}},
            [{"x1": 1}],
            [{"y": 1}, {"x": "a"}],
        ),
        (
            {"minProperties": 1, "maxProperties": 1, "additionalProperties": True},
            [{"a": 1}],
            [{}, {"a": 1, "b": 2}],
        ),
        ({"anyOf": [{"type": "string"}, {"minimum": 5}]}, ["a", 6], [4]),
        ({"oneOf": [{"type": "integer"}, {"minimum": 5}]}, [4, 5.5], [6]),
        ({"allOf": [{"minimum": 1}, {"maximum": 3}]}, [2], [4]),
        ({"not": {"type": "string"}}, [1], ["a"]),
        (
            {
                "$defs": {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}}},
                "$ref": "#/$defs/n",
            },
            [{"next": {"next": {}}}],
            [{"next": 1}],
        ),
    ],
)
def test_keyword(schema, fits, fails):
    for value in fits:
        assert fault(schema, value) == ""
        jsonschema.Draft202012Validator(schema).validate(value)
    for value in fails:
        assert fault(schema, value)


def test_argument_that_the_schema_does_not_name_is_refused():
    assert fault({"type": "object"}, {"a": 1})
    assert not fault({"type": "object", "additionalProperties": True}, {"a": 1})
    inner = {"properties": {"free": {"type": "object"}}}
    assert not fault(inner, {"free": {"any": "thing"}})
    parts = {"allOf": [{"properties": {"a": True}}, {"properties": {"b": True}}]}
    assert not fault(parts, {"a": 1, "b": 2})


@pytest.mark.parametrize(
    "schema",
    [
        {"if": {}},
        {"dependentRequired": {}},
        {"type": "text"},
        {"$ref": "https://example.org/x"},
        {"$ref": "#/nowhere"},
        "x",
        {"pattern": "(?=a)"},
        {"pattern": "a" * 2000},
    ],
)
def test_what_is_not_known_is_never_passed_over(schema):
    with pytest.raises(ParseError):
        fault(schema, "a")


def test_schema_that_refers_to_itself_is_bounded():
    with pytest.raises((LimitExceededError, ParseError)):
        fault({"$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}, {})
    with pytest.raises(ParseError):
        fault({"$ref": "#"}, {})


def test_steps_and_long_lists_are_bounded():
    with pytest.raises(LimitExceededError):
        fault({"items": True}, [1] * 50, bounds=SchemaBounds(max_steps=20))
    with pytest.raises(LimitExceededError):
        fault({"uniqueItems": True}, list(range(600)))


def test_fault_never_repeats_the_value():
    said = fault({"properties": {"a": {"enum": ["x"]}}}, {"a": "hunter2"})
    assert said == "arguments.a: enum"


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, width=16)
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)
_SCHEMAS = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["string", "integer", "number", "object", "array", "boolean", "null"]),
            "minimum": st.integers(-3, 3),
            "maxLength": st.integers(0, 3),
            "enum": st.lists(_VALUES, max_size=3),
            "maxItems": st.integers(0, 2),
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
            "items": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
        },
    ),
    max_leaves=4,
)


@given(_SCHEMAS, _VALUES)
@settings(max_examples=200, deadline=None)
def test_what_is_let_through_fits_by_a_full_implementation(schema, value):
    # With `not`, being stricter inside means being more lenient outside; there only crashes are looked for.
    fits = not fault({**schema, "additionalProperties": schema.get("additionalProperties", True)}, value)
    if fits and "not" not in repr(schema):
        assert jsonschema.Draft202012Validator(schema).is_valid(value)

"""The JSON Schema that editors use and the reader that decides say the same."""

from __future__ import annotations

import json
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.config.declaration import json_schema, parse
from keelmark.errors import ConfigurationError
from keelmark.guidelines import load

if TYPE_CHECKING:
    from collections.abc import Iterator

CATALOGUE = load()
SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
IDS = sorted(CATALOGUE.by_id)
DAY = date(2026, 1, 31)
# What YAML can write: no surrogates, no control characters; the rest goes through JSON escapes.
TEXT = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\x7f", max_codepoint=0xFFFF), max_size=8
)


def written(document: object) -> str:
    return json.dumps(document)


def accepts(document: object) -> bool:
    try:
        parse(written(document), catalogue=CATALOGUE)
    except ConfigurationError:
        return False
    return True


def values(schema: dict[str, Any], name: str = "") -> st.SearchStrategy[Any]:  # noqa: C901, PLR0912 - one branch per word of the schema
    """Documents that a schema accepts."""
    if "$ref" in schema:
        return records(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return st.one_of([values(option, name) for option in schema["anyOf"]])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if name == "recommendation":
        return st.sampled_from(IDS)
    if schema.get("format") == "date":
        late = name in {"expires", "review"}
        start = DAY + timedelta(days=183) if late else DAY
        return st.dates(start, start + timedelta(days=182)).map(date.isoformat)
    match schema["type"]:
        case "string":
            return TEXT
        case "boolean":
            return st.booleans()
        case "integer":
            return st.one_of(st.integers(-(2**53), 2**53), st.integers(-100, 100).map(float))
        case "number":
            return st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
        case "array" if name in {"controls", "recommendations"}:
            return st.lists(st.sampled_from(IDS), max_size=2)
        case "array":
            return st.lists(values(schema["items"]), max_size=2)
        case "null":
            return st.none()
    raise AssertionError(schema)


@cache
def records(name: str) -> st.SearchStrategy[dict[str, Any]]:
    return record(SCHEMA["$defs"][name])


def record(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    parts = {key: values(part, key) for key, part in schema["properties"].items()}
    required = {key: parts.pop(key) for key in schema["required"]}
    return st.fixed_dictionaries(required, optional=parts)


def objects(value: object, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        yield where, value
        for key, child in value.items():
            yield from objects(child, f"{where}.{key}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from objects(child, f"{where}[{index}]")


def test_schema_is_valid_draft_2020_12() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_schema_is_closed_at_every_level() -> None:
    with_properties = [node for _, node in objects(SCHEMA) if node.get("type") == "object"]
    assert len(with_properties) > 15
    for node in with_properties:
        assert node["additionalProperties"] is False
        assert set(node["required"]) <= set(node["properties"])


def test_every_record_is_described_and_reachable() -> None:
    used = {node["$ref"].rpartition("/")[2] for _, node in objects(SCHEMA) if "$ref" in node}
    assert used == set(SCHEMA["$defs"])
    assert all(node["description"] for node in SCHEMA["$defs"].values())


def test_keys_are_those_of_the_file_not_of_python() -> None:
    flow = SCHEMA["$defs"]["DeclaredFlow"]["properties"]
    assert {"from", "to"} <= set(flow)
    assert "provenance" not in SCHEMA["properties"]


def decided(document: dict[str, Any]) -> dict[str, Any]:
    """The document with one disposition for each threat, and an end for each acceptance."""
    model = document.get("threat_model") or {}
    for index, entry in enumerate(model.get("dispositions", ())):
        entry["threat"] = f"threat-{index}"
        if entry["treatment"] == "accept":
            entry["expires"] = "2027-01-31"
    return document


def test_schema_asks_for_the_end_of_an_acceptance() -> None:
    entry = {"threat": "t", "treatment": "accept", "reason": "r", "owner": "o"}
    document = {"version": 1, "threat_model": {"dispositions": [entry]}}
    assert not VALIDATOR.is_valid(document)
    assert not accepts(document)
    entry["expires"] = "2027-01-31"
    assert VALIDATOR.is_valid(document)
    assert accepts(document)


@given(record(SCHEMA).map(decided))
@settings(max_examples=120, deadline=None)
def test_what_the_schema_accepts_the_reader_accepts(document: dict[str, Any]) -> None:
    VALIDATOR.validate(document)
    parse(written(document), catalogue=CATALOGUE)


@given(record(SCHEMA), st.data())
@settings(max_examples=120, deadline=None)
def test_unknown_key_is_refused_by_both_wherever_it_stands(
    document: dict[str, Any], data: st.DataObject
) -> None:
    places = [place for _, place in objects(document)]
    place = data.draw(st.sampled_from(places))
    place[data.draw(st.text("abcdefghij", min_size=1, max_size=6).map(lambda word: f"zz{word}"))] = "x"
    assert not VALIDATOR.is_valid(document)
    assert not accepts(document)


@given(record(SCHEMA), st.data())
@settings(max_examples=120, deadline=None)
def test_missing_key_is_refused_by_both(document: dict[str, Any], data: st.DataObject) -> None:
    named = {name: set(node["required"]) for name, node in SCHEMA["$defs"].items()}
    assert named["System"] == {"name", "purpose", "owner"}
    document["system"] = {"name": "a", "purpose": "b", "owner": "c"}
    del document["system"][data.draw(st.sampled_from(sorted(named["System"])))]
    assert not VALIDATOR.is_valid(document)
    assert not accepts(document)


@given(
    record(SCHEMA),
    st.sampled_from(["version", "system", "profile", "components", "criticality", "growth_envelope"]),
    st.sampled_from([[], {}, "x", 3, True, [[]], {"a": {}}]),
)
@settings(max_examples=200, deadline=None)
def test_reader_never_accepts_a_shape_that_the_schema_refuses(
    document: dict[str, Any], key: str, value: object
) -> None:
    document[key] = value
    assert accepts(document) <= VALIDATOR.is_valid(document)


@pytest.mark.parametrize("version", [0, 2, 1.5, "1", None, True])
def test_other_versions_are_refused_by_both(version: object) -> None:
    assert not accepts({"version": version})
    assert not VALIDATOR.is_valid({"version": version})

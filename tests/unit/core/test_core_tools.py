"""One digest of a tool, whoever speaks of it and in which form."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.tools import stated_digest, tool_digest

SCHEMA = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "number", "maximum": 1.5}}}
TOOL = {"name": "look", "description": "Looks.", "parameters": SCHEMA}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*TOOL, "function", "x"]), inner),
    max_leaves=20,
)


def test_all_forms_of_one_definition_have_one_digest() -> None:
    wanted = tool_digest("look", "Looks.", SCHEMA)
    plain = {"name": "look", "description": "Looks."}
    for form in (
        TOOL,
        {**plain, "input_schema": SCHEMA},
        {**plain, "inputSchema": dict(reversed(SCHEMA.items()))},
        {"type": "function", "function": TOOL},
        json.loads(json.dumps(TOOL)),
    ):
        assert stated_digest(form) == wanted
    assert stated_digest(plain) == tool_digest("look", "Looks.", None)
    assert stated_digest({"name": "look"}) == tool_digest("look", "", None)


@pytest.mark.parametrize(
    "definition",
    [
        None,
        "look",
        {},
        {"name": ""},
        {"name": 1},
        {"name": "look", "description": 1},
        {**TOOL, "input_schema": {}},
        {"name": "look", "parameters": object()},
    ],
)
def test_what_is_no_definition_has_none(definition) -> None:
    assert not stated_digest(definition)


@given(VALUES)
def test_no_value_makes_it_fail(value) -> None:
    assert len(stated_digest(value)) in {0, 64}

"""Statements and canonical JSON: one spelling written, any spelling read, nothing read twice."""

from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.errors import KeelmarkError, ParseError, UsageError
from keelmark.trust import canonical_json, statement
from keelmark.trust.statement import Statement, Subject

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=12,
)
STATEMENT = Statement(
    predicate_type="https://example.org/p/v1",
    subjects=(
        Subject(name="m", digest={"sha256": "ab" * 32}),
        Subject(name="n", digest={"sha512": "cd" * 64}),
    ),
    predicate={"a": [1, True, None, "ä"], "b": {}},
)


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_canonical_json_is_that_of_rfc_8785(value) -> None:
    assert canonical_json.encode(value) == rfc8785.dumps(value)


def test_keys_are_sorted_by_utf_16() -> None:
    assert canonical_json.encode({"\U0001f600": 1, "\ufb33": 2}) == '{"\U0001f600":1,"\ufb33":2}'.encode()


@pytest.mark.parametrize("value", [1.5, 2**53, {1: 2}, b"x", "\udc80", {"\udc80": 1}, {"a": object()}])
def test_what_has_no_canonical_spelling_is_refused(value) -> None:
    with pytest.raises(UsageError):
        canonical_json.encode(value)


def test_nesting_has_a_bound() -> None:
    value: list = []
    for _ in range(100):
        value = [value]
    with pytest.raises(UsageError, match="nested"):
        canonical_json.encode(value)
    with pytest.raises(ParseError, match="nested"):
        canonical_json.parse(b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}", what="x", max_bytes=10**6)


def test_statement_comes_back_as_it_was() -> None:
    data = statement.encode(STATEMENT)
    assert statement.parse(data) == STATEMENT
    assert statement.encode(statement.parse(data)) == data
    assert statement.parse(json.dumps(json.loads(data), indent=4).encode()) == STATEMENT


TREE = json.loads(statement.encode(STATEMENT))


@pytest.mark.parametrize(
    "change",
    [
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"_type": None},
        {"subject": []},
        {"subject": {}},
        {"subject": [{"name": "m"}]},
        {"subject": [{"name": "m", "digest": {}}]},
        {"subject": [{"name": "m", "digest": {"sha256": "AB"}}]},
        {"subject": [{"name": "m", "digest": {"sha256": "abc"}}]},
        {"subject": [{"name": 1, "digest": {"sha256": "ab"}}]},
        {"subject": ["m"]},
        {"subject": [{"name": "m" * 10_000, "digest": {"sha256": "ab"}}]},
        {"predicate": []},
        {"predicateType": None},
    ],
)
def test_what_is_no_statement_is_said_so(change) -> None:
    with pytest.raises(ParseError):
        statement.parse(json.dumps({**TREE, **change}).encode())


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"\xff", b'{"a":1,"a":2}', b'{"b":{"a":1,"a":2}}', b'{"a":NaN}', b"{" + b"9" * 9000]
)
def test_json_that_cannot_be_relied_on_is_refused(data) -> None:
    with pytest.raises(ParseError):
        canonical_json.parse(data, what="x", max_bytes=10_000)
    with pytest.raises(ParseError, match="longer"):
        canonical_json.parse(b"{}" + data, what="x", max_bytes=1)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_valid_input(data) -> None:
    with pytest.raises(KeelmarkError):
        statement.parse(data)

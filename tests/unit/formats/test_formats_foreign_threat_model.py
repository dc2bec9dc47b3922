"""Threat models of other tools: what they say of the system arrives, what they do not say is named."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.report import threats_sample

from keelmark.core.declaration import ComponentKind, FlowTrust
from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats.foreign_threat_model import Bounds, read
from keelmark.report import threats_otm

# As pytm 1.4 writes it, without what is not read.
PYTM = {
    "name": "helpdesk",
    "elements": [
        {"__class__": "Actor", "name": "customer", "inBoundary": None, "description": ""},
        {"__class__": "Server", "name": "api", "inBoundary": "product", "description": "answers"},
        {"__class__": "LLM", "name": "model", "inBoundary": None},
        {"__class__": "Process", "name": "worker", "inBoundary": "product"},
        {"__class__": "ExternalEntity", "name": "partner", "inBoundary": None},
    ],
    "flows": [
        {"name": "question", "source": "customer", "sink": "api"},
        {"name": "prompt", "source": "api", "sink": "model"},
        {"name": "answer", "source": "model", "sink": "api"},
        {"name": "status", "source": "partner", "sink": "worker"},
    ],
    "boundaries": [{"name": "product"}],
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def parsed(value, **more):
    return read(json.dumps(value).encode(), path="model.json", **more)


def test_what_pytm_says_arrives():
    found = parsed(PYTM)
    assert found.form == "pytm"
    assert [each.kind for each in found.components] == [
        ComponentKind.PERSON, ComponentKind.API, ComponentKind.MODEL, ComponentKind.SERVICE, ComponentKind.SERVICE,
    ]  # fmt: skip
    assert [each.trust for each in found.flows] == [
        FlowTrust.USER, FlowTrust.TRUSTED, FlowTrust.MODEL_OUTPUT, FlowTrust.THIRD_PARTY,
    ]  # fmt: skip
    assert [each.id for each in found.boundaries] == ["product"]


def test_what_was_guessed_is_named():
    notes = "\n".join(parsed(PYTM).notes)
    assert "`worker` was taken for service" in notes
    assert "how far flows can be trusted" in notes


def test_what_is_exported_comes_back():
    sample = threats_sample.agent()
    found = read(threats_otm.render(sample).encode(), path="model.otm")
    assert found.form == "otm"
    assert [(each.id, each.kind, each.boundary) for each in found.components] == [
        (each.id, each.kind, each.boundary) for each in sample.model.elements
    ]
    assert [(each.source, each.target, each.carries, each.trust) for each in found.flows] == [
        (each.source, each.target, each.carries, each.trust) for each in sample.model.links
    ]
    assert found.notes == ()


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("vector-database", ComponentKind.RETRIEVAL_STORE),
        ("aws-dynamodb", ComponentKind.DATABASE),
        ("web-ui", ComponentKind.USER_INTERFACE),
        ("CD-LLM", ComponentKind.MODEL),
        ("something", ComponentKind.SERVICE),
    ],
)
def test_free_type_of_other_tools_is_guessed_and_said(word, kind):
    found = parsed({"otmVersion": "0.2.0", "components": [{"id": "a", "name": "a", "type": word}]})
    assert found.components[0].kind is kind
    assert found.notes


def test_two_elements_of_one_name_stay_two():
    twice = {**PYTM, "elements": [PYTM["elements"][0], PYTM["elements"][0]], "flows": []}
    found = parsed(twice)
    assert [each.id for each in found.components] == ["customer", "customer-2"]
    assert "two elements are called `customer`" in found.notes[0]


def test_flow_without_an_end_is_an_error():
    broken = {**PYTM, "flows": [{"name": "x", "source": "customer", "sink": "nobody"}]}
    with pytest.raises(ParseError, match="ends at `nobody`"):
        parsed(broken)


def test_other_json_is_no_threat_model():
    with pytest.raises(ParseError, match="neither"):
        parsed({"a": 1})


def test_too_many_elements_are_refused():
    with pytest.raises(LimitExceededError):
        parsed(PYTM, bounds=Bounds(max_elements=2))


@settings(max_examples=150, deadline=None)
@given(elements=JSON, flows=JSON, zones=JSON)
def test_any_content_is_read_or_refused(elements, flows, zones):
    for value in (
        {"otmVersion": "0.2.0", "components": elements, "dataflows": flows, "trustZones": zones},
        {"elements": [elements], "flows": [flows], "boundaries": zones},
    ):
        with contextlib.suppress(KeelmarkError):
            parsed(value)


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    with contextlib.suppress(KeelmarkError):
        read(data, path="x")

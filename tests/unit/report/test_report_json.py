"""The JSON document follows its published schema, and the schema is closed."""

from __future__ import annotations

import json
from copy import deepcopy

import jsonschema
import pytest

from keelmark.core.outcome import Area, Outcome, Status, Verdict
from keelmark.report import json_report


@pytest.fixture(scope="module")
def validator():
    schema = json_report.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


@pytest.fixture
def document(make, catalogue, cards):
    return json_report.document(make(), catalogue=catalogue, cards=cards)


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("hostile", [False, True])
@pytest.mark.parametrize("shape", [{}, {"is_partial": True}, {"is_interrupted": True}, {"only_new": True}])
def test_every_shape_of_run_follows_the_schema(validator, make, known, *, verdict, hostile, shape):
    run = make(verdict=verdict, hostile=hostile, **shape)
    validator.validate(json.loads(json_report.render(run, **known)))


def test_a_comparison_follows_the_schema(validator, make_compared, catalogue, cards):
    document = json_report.document(make_compared(hostile=True), catalogue=catalogue, cards=cards)
    validator.validate(document)
    assert len(document["comparison"]["new"]) == 1


def _objects(schema, path="#"):
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield path, schema
        for key, value in schema.items():
            yield from _objects(value, f"{path}/{key}")
    elif isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from _objects(value, f"{path}/{index}")


def test_every_object_of_the_schema_is_closed():
    for path, schema in _objects(json_report.schema()):
        if "properties" in schema:
            assert schema["additionalProperties"] is False, path
            assert sorted(schema["required"]) == sorted(schema["properties"]), path
        else:
            assert schema["additionalProperties"] == {"type": "string"}, path


def test_an_unknown_key_or_word_is_refused(validator, document):
    assert validator.is_valid(document)
    for change in ({"extra": 1}, {"verdict": "maybe"}, {"exit_code": 4}, {"schema": "2.0"}):
        assert not validator.is_valid({**document, **change})
    broken = deepcopy(document)
    broken["findings"][0]["outcome"] = "perhaps"
    assert not validator.is_valid(broken)


def test_the_schema_knows_every_word_of_the_vocabularies():
    defs = json_report.schema()["$defs"]
    assert set(defs["status"]["enum"]) == set(Status)
    assert set(defs["finding"]["properties"]["outcome"]["enum"]) == set(Outcome)
    assert set(defs["area"]["enum"]) == {*Area, None}
    assert set(json_report.schema()["properties"]["verdict"]["enum"]) == {*Verdict, None}


def test_the_document_says_what_a_gate_needs(document):
    assert document["schema"] == "1.0"
    assert document["verdict"] == "do-not-release"
    assert document["exit_code"] == 1
    assert len(document["reasons"]) == 3
    assert document["critical"] is True
    first = document["findings"][0]
    assert first["rule"] == "pickle-dangerous-import"
    assert first["blocking"] is True
    assert first["items"] == ["DEV-1.f", "DEV-2.g"]
    assert first["locations"][0] == {
        "path": "models/old.pt",
        "line": 0,
        "column": 0,
        "part": "archive/data.pkl",
    }
    assert first["tags"] == ["cwe:502", "owasp-llm:LLM03", "atlas:AML.T0010"]


def test_a_partial_or_interrupted_run_has_no_verdict(make, catalogue, cards):
    for shape in ({"is_partial": True}, {"is_interrupted": True}):
        assert json_report.document(make(**shape), catalogue=catalogue, cards=cards)["verdict"] is None


def test_nothing_is_left_out(make, catalogue, cards):
    run = make(hostile=True)
    document = json_report.document(run, catalogue=catalogue, cards=cards)
    assert len(document["findings"]) == len(run.findings)
    assert len(document["assets"]) == len(run.inventory.assets)
    assert len(document["not_looked_at"]) == len(run.gaps)
    assert len(document["coverage"]["recommendations"]) == len(catalogue.by_id)
    assert sum(area["total"] for area in document["coverage"]["areas"]) == len(catalogue.by_id)


def test_a_waiver_names_owner_and_expiry(document):
    waivers = [finding["waiver"] for finding in document["findings"] if finding["waiver"]]
    assert waivers == [{"reason": "Internal demo only", "owner": "Head of platform", "expires": "2026-03-01"}]

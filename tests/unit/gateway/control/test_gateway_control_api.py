"""What operators can ask: every action recorded, every body read strictly, no failure without an answer."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.gateway.control.operators import NOON, READY, RELEASE, Operators, code_of, said

from keelmark.errors import ConfigurationError, StoreError
from keelmark.gateway.control.openapi import openapi
from keelmark.gateway.control.routes import MAX_BODY_BYTES, OPERATIONS, match

DEED = {"reason": "leaked key", "owner": "Head of Platform"}


@pytest.fixture
def operators(tmp_path) -> Operators:
    return Operators(tmp_path)


def ask(operators: Operators, *args, **more):
    return asyncio.run(operators.ask(*args, **more))


# What can be looked at


def test_life_says_nothing_but_ok_without_a_proof(operators) -> None:
    answer = ask(operators, "GET", "/healthz", who=None)
    assert (answer.status, answer.body) == (200, b'{"status":"ok"}')


def test_ready_when_nothing_is_missing(operators) -> None:
    answer = ask(operators, "GET", "/readyz")
    assert (answer.status, said(answer)) == (200, {"ready": True, "missing": []})


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"release": msgspec.structs.replace(RELEASE, reason="release-revoked")}, "release"),
        ({"release": msgspec.structs.replace(RELEASE, id="")}, "release"),
        ({"release": msgspec.structs.replace(RELEASE, ends=NOON.timestamp())}, "release"),
        ({"release": msgspec.structs.replace(RELEASE, begins=NOON.timestamp() + 1)}, "release"),
        ({"is_log_writable": False}, "log"),
        ({"upstreams": 0}, "upstreams"),
        ({"is_draining": True}, "draining"),
    ],
)
def test_what_is_missing_is_named_and_not_ready(operators, change, name) -> None:
    operators.gateway.ready = replace(READY, **change)
    answer = ask(operators, "GET", "/readyz")
    assert (answer.status, said(answer)) == (503, {"ready": False, "missing": [name]})


def test_disconnected_is_not_ready_also_when_somebody_else_laid_the_file(operators) -> None:
    operators.disconnection.file.parent.mkdir()
    operators.disconnection.file.touch()
    answer = ask(operators, "GET", "/readyz")
    assert (answer.status, said(answer)["missing"]) == (503, ["disconnected"])


def test_state_tells_release_routes_workers_envelope_and_limits(operators) -> None:
    found = said(ask(operators, "GET", "/v1/state"))
    assert found["release"]["id"] == "r1"
    assert found["stages"] == ["bound"]
    assert found["routes"][0]["name"] == "small"
    assert found["workers"][0]["process"] == 7
    assert found["envelope"][0] == {"name": "users", "subject": "", "used": 3.0, "limit": 10.0}
    assert found["limits"][0]["subject"] == "team:ml"


def test_metrics_are_text_for_prometheus(operators) -> None:
    answer = ask(operators, "GET", "/metrics")
    assert answer.form.startswith("text/plain; version=0.0.4")
    assert b"# TYPE keelmark_requests_total counter\n" in answer.body


# What can be done


def test_reload_is_recorded_before_it_is_done(operators) -> None:
    answer = ask(operators, "POST", "/v1/reload")
    assert said(answer) == {"action": "reload", "recorded": True, "detail": "configuration 9f31c07a22be"}
    assert operators.records == [("reload", "uid 1000", "")]


def test_a_bad_configuration_keeps_the_old_one_and_says_so(operators) -> None:
    operators.gateway.fails = ConfigurationError(
        "unknown key `modles`", hint="`models`?", path="g.yaml", line=3
    )
    answer = ask(operators, "POST", "/v1/reload", {})
    assert answer.status == 409
    assert said(answer)["error"] == {
        "code": "kept",
        "message": "the old configuration is still in force: unknown key `modles` (g.yaml:3)",
        "hint": "`models`?",
    }


def test_a_bad_configuration_without_a_place_is_said_too(operators) -> None:
    operators.gateway.fails = ConfigurationError("no models")
    assert said(ask(operators, "POST", "/v1/reload"))["error"]["message"].endswith(
        "still in force: no models"
    )


def test_drain_begins(operators) -> None:
    assert said(ask(operators, "POST", "/v1/drain"))["recorded"] is True
    assert operators.gateway.done == ["drain"]


def test_disconnect_records_who_and_why(operators) -> None:
    answer = ask(operators, "POST", "/v1/disconnect", DEED)
    assert said(answer)["detail"] == str(operators.disconnection.file)
    assert operators.disconnection.is_on
    assert operators.records == [("disconnect", "Head of Platform (uid 1000)", "leaked key")]
    assert operators.disconnection.note.by == "uid 1000"


def test_reconnect_records_who_and_why(operators) -> None:
    ask(operators, "POST", "/v1/disconnect", DEED)
    assert ask(operators, "POST", "/v1/reconnect", {**DEED, "reason": "rotated"}).status == 200
    assert not operators.disconnection.poll()
    assert operators.records[-1] == ("reconnect", "Head of Platform (uid 1000)", "rotated")


def test_reconnecting_what_is_connected_is_refused_and_not_recorded(operators) -> None:
    answer = ask(operators, "POST", "/v1/reconnect", DEED)
    assert (answer.status, code_of(answer)) == (409, "not-disconnected")
    assert operators.records == []


def test_a_key_is_revoked_and_listed(operators) -> None:
    assert ask(operators, "POST", "/v1/keys/revoke", {"id": "0a1b2c3d4e5f", "reason": "leaked"}).status == 200
    assert operators.records == [("revoke-key 0a1b2c3d4e5f", "uid 1000", "leaked")]
    (listed,) = said(ask(operators, "GET", "/v1/keys/revoke"))["keys"]
    assert listed["id"] == "0a1b2c3d4e5f"
    assert code_of(ask(operators, "POST", "/v1/keys/revoke", {"id": "ffff", "reason": "x"})) == "no-such-key"
    assert len(operators.records) == 1


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_an_approval_is_decided_once(operators, decision) -> None:
    assert said(ask(operators, "GET", "/v1/approvals"))["approvals"][0]["id"] == "a1"
    verdict = {**DEED, "decision": decision}
    assert ask(operators, "POST", "/v1/approvals/a1", verdict).status == 200
    assert operators.approvals.decided == [("a1", decision, "Head of Platform", "leaked key", "uid 1000")]
    assert operators.records == [(f"{decision}-approval a1", "Head of Platform (uid 1000)", "leaked key")]
    again = ask(operators, "POST", "/v1/approvals/a1", verdict)
    assert (again.status, code_of(again)) == (404, "no-such-approval")
    assert len(operators.records) == 1


def test_an_approval_that_somebody_else_decided_meanwhile_is_said(operators) -> None:
    async def gone(*args, **more) -> bool:
        return False

    operators.approvals.decide = gone
    assert ask(operators, "POST", "/v1/approvals/a1", {**DEED, "decision": "allow"}).status == 404


def test_what_makes_it_safer_is_done_also_when_the_log_fails_and_says_so(operators) -> None:
    operators.log_fails = True
    asked = [
        ("/v1/disconnect", DEED),
        ("/v1/drain", {}),
        ("/v1/keys/revoke", {"id": "0a1b2c3d4e5f", "reason": "x"}),
        ("/v1/approvals/a1", {**DEED, "decision": "deny"}),
    ]
    for path, body in asked:
        answer = ask(operators, "POST", path, body)
        assert (answer.status, said(answer)["recorded"]) == (200, False), path
    assert operators.disconnection.is_on
    assert operators.gateway.done == ["drain"]
    assert operators.keys.ended
    assert operators.approvals.decided


def test_everything_else_is_not_done_when_the_log_fails(operators) -> None:
    ask(operators, "POST", "/v1/disconnect", DEED)
    operators.log_fails = True
    asked = [
        ("/v1/reconnect", DEED),
        ("/v1/reload", {}),
        ("/v1/approvals/a1", {**DEED, "decision": "allow"}),
    ]
    for path, body in asked:
        answer = ask(operators, "POST", path, body)
        assert (answer.status, code_of(answer)) == (503, "log-unavailable"), path
    assert operators.disconnection.is_on
    assert operators.gateway.done == []
    assert operators.approvals.decided == []


def test_a_disconnection_that_others_cannot_be_told_of_is_recorded_and_said(operators, monkeypatch) -> None:
    def fails(*args) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(operators.disconnection), "_write", fails)
    answer = ask(operators, "POST", "/v1/disconnect", DEED)
    assert (answer.status, code_of(answer)) == (503, "failed")
    assert operators.disconnection.is_on
    assert operators.records[0][0] == "disconnect"


# How it is read


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"reason":"a","reason":"b","owner":"c"}', "ambiguous-request"),
        (b'{"reason":"a","owner":"c","more":1}', "bad-field"),
        (b'{"reason":"a"}', "bad-field"),
        (b'{"reason":"a","owner":1}', "bad-field"),
        (b'{"reason":" ","owner":"c"}', "bad-field"),
        (b'{"reason":"","owner":"c"}', "bad-field"),
        (b'{"reason":"' + b"x" * 1001 + b'","owner":"c"}', "bad-field"),
        (b'{"reason":NaN,"owner":"c"}', "bad-json"),
        (b'{"reason":"\\ud800","owner":"c"}', "bad-json"),
        (b'\xef\xbb\xbf{"reason":"a","owner":"c"}', "bad-json"),
        (b'{"reason":"a","owner":"\xff"}', "bad-json"),
        (b"[" * 9000, "bad-json"),
        (b"[]", "bad-field"),
        (b"", "bad-media-type"),
        (b"x" * (MAX_BODY_BYTES + 1), "too-large"),
    ],
)
def test_a_body_is_read_strictly(operators, body, code) -> None:
    answer = ask(
        operators,
        "POST",
        "/v1/disconnect",
        body,
        headers={"content-type": "application/json"} if body else {},
    )
    assert 400 <= answer.status < 500
    assert code_of(answer) == code
    assert not operators.disconnection.is_on


def test_a_form_of_a_page_is_no_request(operators) -> None:
    for form in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = ask(operators, "POST", "/v1/disconnect", DEED, headers={"content-type": form})
        assert (answer.status, code_of(answer)) == (415, "bad-media-type")


def test_methods_paths_and_queries_that_nobody_described_are_refused(operators) -> None:
    wrong = ask(operators, "DELETE", "/v1/reload")
    assert (wrong.status, code_of(wrong), wrong.allow) == (405, "bad-method", "POST")
    assert ask(operators, "GET", "/v1/reload", {}).status == 405
    assert ask(operators, "GET", "/readyz", {}).status == 400
    assert ask(operators, "GET", "/readyz", query="a=b").status == 400
    for path in (
        "/",
        "/v1",
        "/healthz/",
        "/v1/approvals/",
        "/v1/approvals/a/b",
        "/v1/approvals/{id}",
        "/v1/approvals/" + "a" * 65,
    ):
        answer = ask(operators, "POST", path)
        assert (answer.status, code_of(answer)) == (404, "no-such-path"), path


def test_without_a_proof_nothing_is_told_but_life(operators) -> None:
    for operation in OPERATIONS:
        if operation.name != "healthz":
            answer = ask(operators, operation.method, operation.path.replace("{id}", "a1"), who=None)
            assert (answer.status, code_of(answer)) == (401, "bad-credential")
    # Which paths there are is not told either.
    assert ask(operators, "GET", "/nowhere", who=None).status == 401
    assert ask(operators, "POST", "/healthz", who=None).status == 401
    assert operators.records == []


def test_whatever_fails_inside_is_told_without_a_trace(operators) -> None:
    async def crashes():
        raise RuntimeError("secret of the inside")

    async def refuses():
        raise StoreError("the log cannot be read", hint="make room")

    async def never():
        await asyncio.Event().wait()

    for broken, code in ((crashes, "failed"), (refuses, "failed"), (never, "timeout")):
        operators.gateway.state = broken
        operators.api._timeout_s = 0.01
        answer = ask(operators, "GET", "/v1/state")
        assert (answer.status, code_of(answer)) == (503, code)
        assert b"inside" not in answer.body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
WORDS = st.sampled_from(["reason", "owner", "decision", "id", "allow", "deny", "a1", "0a1b2c3d4e5f"])
NEAR = st.dictionaries(WORDS, WORDS | JSON, max_size=4)


@settings(deadline=None, max_examples=150)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]),
    path=st.sampled_from([operation.path.replace("{id}", "a1") for operation in OPERATIONS])
    | st.text(max_size=20).map("/".__add__),
    body=NEAR.map(msgspec.json.encode)
    | JSON.map(msgspec.json.encode)
    | st.binary(max_size=60)
    | st.just(b""),
    who=st.sampled_from(["uid 0", None]),
)
def test_no_request_ends_in_a_failure_of_ours(method, path, body, who) -> None:
    with tempfile.TemporaryDirectory() as folder:
        operators = Operators(Path(folder))
        headers = {"content-type": "application/json"}
        answer = ask(operators, method, path, body, who=who, headers=headers)
        assert answer.status in {200, 400, 401, 404, 405, 409, 413, 415}
        msgspec.json.decode(answer.body) if answer.form == "application/json" else answer.body.decode()
        if who is None:
            assert answer.status in {200, 400, 401}
            assert operators.records == []


# How it is described


def test_only_an_action_that_needs_something_said_needs_a_body(operators) -> None:
    needed = {
        path: described["post"]["requestBody"]["required"]
        for path, described in openapi()["paths"].items()
        if "post" in described
    }
    assert sorted(path for path, is_needed in needed.items() if not is_needed) == ["/v1/drain", "/v1/reload"]
    assert ask(operators, "POST", "/v1/reload").status == 200


def test_every_operation_is_described_and_every_description_routes() -> None:
    described = openapi()
    pairs = {(path, method.upper()) for path, methods in described["paths"].items() for method in methods}
    assert pairs == {(operation.path, operation.method) for operation in OPERATIONS}
    for path, method in pairs:
        methods, _ = match(path.replace("{id}", "a1"))
        assert methods[method].path == path
    names = [each["operationId"] for methods in described["paths"].values() for each in methods.values()]
    assert len(set(names)) == len(names) == len(OPERATIONS)


def test_the_description_is_sound_and_every_reference_in_it_leads_somewhere(operators) -> None:
    import jsonschema

    described = said(ask(operators, "GET", "/openapi.json"))
    assert described == msgspec.json.decode(msgspec.json.encode(openapi()))
    assert described["openapi"] == "3.1.0"
    references = []

    def walk(value) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                references.append(value["$ref"])
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    walk(described)
    schemas = described["components"]["schemas"]
    assert references
    assert {each.removeprefix("#/components/schemas/") for each in references} <= set(schemas)
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for methods in described["paths"].values():
        for operation in methods.values():
            assert operation["summary"].endswith(".")
            assert "200" in operation["responses"]
            assert all("description" in answer for answer in operation["responses"].values())
    assert described["paths"]["/healthz"]["get"]["security"] == []
    assert all(
        "security" not in each
        for path, methods in described["paths"].items()
        if path != "/healthz"
        for each in methods.values()
    )


def test_answers_are_as_described(operators) -> None:
    import jsonschema

    described = openapi()
    bodies = {
        "disconnect": DEED,
        "reconnect": DEED,
        "revoke": {"id": "0a1b2c3d4e5f", "reason": "x"},
        "decide": {**DEED, "decision": "deny"},
    }
    for operation in OPERATIONS:
        path = operation.path.replace("{id}", "a1")
        answer = ask(operators, operation.method, path, bodies.get(operation.name))
        assert answer.status in {200, 503}, operation.name
        content = described["paths"][operation.path][operation.method.lower()]["responses"][
            str(answer.status)
        ]["content"]
        if operation.form != "application/json":
            assert answer.form.startswith(operation.form)
            continue
        schema = {**content["application/json"]["schema"], "components": described["components"]}
        jsonschema.Draft202012Validator(schema).validate(said(answer))


def test_closed_bodies_are_described_as_closed() -> None:
    schemas = openapi()["components"]["schemas"]
    for name in ("Deed", "Nothing", "Revocation", "Verdict"):
        assert schemas[name]["additionalProperties"] is False

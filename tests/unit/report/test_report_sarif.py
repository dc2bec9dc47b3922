"""The structure that SARIF 2.1.0 and code scanning services ask for, written down by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from urllib.parse import unquote_to_bytes, urlsplit

import pytest

from keelmark.core.location import Location
from keelmark.core.outcome import Outcome
from keelmark.report import sarif

ALL = frozenset(Outcome)


@pytest.fixture(params=[False, True], ids=["plain", "hostile"])
def run(request, make, catalogue, cards):
    text = sarif.render(make(hostile=request.param), catalogue=catalogue, cards=cards, outcomes=ALL)
    log = json.loads(text)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    return log["runs"][0]


def _uris(value):
    if isinstance(value, dict):
        if "uri" in value:
            yield value["uri"]
        for each in value.values():
            yield from _uris(each)
    elif isinstance(value, list):
        for each in value:
            yield from _uris(each)


def test_every_result_names_its_rule_and_place(run):
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        assert len(result["locations"]) == 1
        physical = result["locations"][0]["physicalLocation"]
        assert physical["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]
        assert physical["region"]["startLine"] >= 1
        assert list(result["partialFingerprints"]) == ["keelmark/v1"]
        assert (result["kind"] == "fail") == (result["level"] != "none")


def test_no_uri_is_absolute(run):
    for uri in _uris(run):
        parts = urlsplit(uri)
        assert not parts.scheme
        assert not parts.netloc
        assert not uri.startswith("/")
        assert uri.isascii()


def test_no_root_folder_is_told(run):
    assert "uri" not in run["originalUriBaseIds"]["SRCROOT"]


def test_an_index_points_to_the_artifact_it_means(run):
    for result in run["results"]:
        place = result["locations"][0]["physicalLocation"]["artifactLocation"]
        if "index" in place:
            assert run["artifacts"][place["index"]]["location"]["uri"] == place["uri"]


def test_rules_are_described_once_with_help_and_score(run):
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert len(rules) == len(run["tool"]["driver"]["rules"])
    pickle = rules["pickle-dangerous-import"]
    assert pickle["properties"]["security-severity"] == "9.5"
    assert pickle["defaultConfiguration"] == {"level": "error"}
    assert {"security", "external/cwe/cwe-502", "DEV-1.f"} <= set(pickle["properties"]["tags"])
    assert "keelmark explain pickle-dangerous-import" in pickle["help"]["markdown"]


def test_what_blocks_is_an_error_and_the_rest_is_not(make, catalogue, cards):
    results = sarif.document(make(), catalogue=catalogue, cards=cards)["runs"][0]["results"]
    for result in results:
        assert (result["level"] == "error") == result["properties"]["blocking"]


def test_a_waiver_is_an_accepted_suppression(make, catalogue, cards):
    results = sarif.document(make(), catalogue=catalogue, cards=cards)["runs"][0]["results"]
    suppressed = [result for result in results if result["suppressions"]]
    assert [result["ruleId"] for result in suppressed] == ["debug-server"]
    suppression = suppressed[0]["suppressions"][0]
    assert suppression["status"] == "accepted"
    assert "Head of platform" in suppression["justification"]
    assert suppression["properties"]["expires"] == "2026-03-01"


def test_every_gap_is_a_notification_with_a_known_id(run, make):
    known = {each["id"] for each in run["tool"]["driver"]["notifications"]}
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert len(notes) >= len(make().gaps)
    assert {note["descriptor"]["id"] for note in notes} <= known


def test_unknown_answers_are_never_dropped(make, catalogue, cards):
    run = sarif.document(make(), catalogue=catalogue, cards=cards)["runs"][0]
    notes = [
        n for n in run["invocations"][0]["toolExecutionNotifications"] if n["descriptor"]["id"] == "unknown"
    ]
    assert [note["associatedRule"]["id"] for note in notes] == ["no-incident-plan"]
    assert run["properties"]["keelmark"]["outcomes"]["unknown"] == 1


def test_the_invocation_says_how_the_run_ended(make, catalogue, cards):
    whole = sarif.document(make(), catalogue=catalogue, cards=cards)["runs"][0]["invocations"][0]
    assert (whole["executionSuccessful"], whole["exitCode"]) == (True, 1)
    start, end = (datetime.fromisoformat(whole[key]) for key in ("startTimeUtc", "endTimeUtc"))
    assert (end - start).total_seconds() == 3.25
    cut = sarif.document(make(is_interrupted=True), catalogue=catalogue, cards=cards)["runs"][0][
        "invocations"
    ][0]
    assert (cut["executionSuccessful"], cut["exitCode"]) == (False, 2)


def test_a_baseline_tells_new_from_known(make_compared, catalogue, cards):
    results = sarif.document(make_compared(), catalogue=catalogue, cards=cards)["runs"][0]["results"]
    states = [result["baselineState"] for result in results]
    assert states.count("new") == 1
    assert states.count("unchanged") == len(states) - 1


def test_a_finding_without_a_place_points_to_where_it_is_answered(make, catalogue, cards):
    bare = tuple(replace(finding, locations=()) for finding in make().findings)
    results = sarif.document(make(findings=bare), catalogue=catalogue, cards=cards)["runs"][0]["results"]
    uris = {result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in results}
    assert uris == {"keelmark.yaml"}


def test_a_path_that_is_no_utf8_keeps_its_bytes(make, catalogue, cards):
    odd = (Location(path="a/\udcffb.py", line=3),)
    findings = tuple(replace(finding, locations=odd) for finding in make().findings)
    results = sarif.document(make(findings=findings), catalogue=catalogue, cards=cards)["runs"][0]["results"]
    uri = results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert unquote_to_bytes(uri) == b"a/\xffb.py"


def test_foreign_text_makes_no_link_and_no_placeholder(make, catalogue, cards):
    findings = tuple(replace(f, message="[x](http://evil) {0} {name}", fix="") for f in make().findings)
    results = sarif.document(make(findings=findings), catalogue=catalogue, cards=cards)["runs"][0]["results"]
    assert results[0]["message"]["text"] == "[x] (http://evil) {{0}} {name}"

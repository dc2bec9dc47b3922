"""OSCAL assessment results: the schema's own tool reads them, and unknown is never satisfied."""

from __future__ import annotations

import json

import pytest
from trestle.oscal.assessment_results import AssessmentResults

from keelmark.core.outcome import Outcome, Status
from keelmark.report import oscal


@pytest.fixture
def assessment(make):
    return make()


@pytest.fixture
def document(assessment, catalogue, cards):
    return json.loads(oscal.render(assessment, catalogue=catalogue, cards=cards))["assessment-results"]


@pytest.mark.parametrize("hostile", [False, True])
def test_the_tool_of_the_standard_reads_it(make, known, tmp_path, *, hostile):
    file = tmp_path / "results.json"
    file.write_text(oscal.render(make(hostile=hostile), **known), "utf-8")
    read = AssessmentResults.oscal_read(file)
    assert read is not None
    assert read.metadata.oscal_version.model_dump() == oscal.OSCAL_VERSION


def test_only_what_was_shown_is_satisfied(assessment, document):
    states = {
        each["target"]["target-id"]: each["target"]["status"]["state"]
        for each in document["results"][0]["findings"]
    }
    for standing in assessment.decision.standings:
        if standing.status is Status.NOT_APPLICABLE:
            assert standing.recommendation not in states
        else:
            is_shown = standing.status in {Status.PASS, Status.ATTESTED}
            assert (states[standing.recommendation] == "satisfied") is is_shown


def test_what_does_not_apply_is_excluded_by_name(assessment, document):
    selection = document["results"][0]["reviewed-controls"]["control-selections"][0]
    left_out = {each["control-id"] for each in selection.get("exclude-controls", ())}
    assert left_out == {
        each.recommendation for each in assessment.decision.standings if each.status is Status.NOT_APPLICABLE
    }


def test_every_failure_is_a_risk_and_a_waived_one_has_its_deadline(assessment, document):
    risks = document["results"][0]["risks"]
    failures = [finding for finding in assessment.findings if finding.outcome is Outcome.FAIL]
    assert len(risks) == len(failures)
    waived = [risk for risk in risks if risk["status"] == "deviation-approved"]
    assert len(waived) == sum(finding.waiver is not None for finding in failures) > 0
    assert all(risk["deadline"].startswith("2026-") for risk in waived)


def test_every_reference_inside_leads_somewhere(document):
    result = document["results"][0]
    known = {each["uuid"] for each in result["observations"]}
    cited = [
        link["observation-uuid"]
        for each in (*result["findings"], *result["risks"])
        for link in each.get("related-observations", ())
    ]
    assert cited
    assert set(cited) <= known
    assert document["import-ap"]["href"].removeprefix("#") == document["back-matter"]["resources"][0]["uuid"]


def test_the_same_run_gives_the_same_document(make, catalogue, cards):
    texts = {oscal.render(make(), catalogue=catalogue, cards=cards) for _ in range(2)}
    assert len(texts) == 1

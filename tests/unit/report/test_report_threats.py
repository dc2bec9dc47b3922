"""Reports of a threat analysis: clean whatever stands in the system, whole, and readable at forty elements."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations

import defusedxml.ElementTree as DefusedET
import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.report import threats_sample
from tests.unit.report.conftest import HOSTILE

from keelmark.core.system_model import SystemModel
from keelmark.core.threats import ThreatState
from keelmark.report import threats_console, threats_json, threats_markdown, threats_otm, threats_svg
from keelmark.report.threats_layout import BOX, lay_out
from keelmark.report.threats_routes import routes
from keelmark.report.threats_summary import exit_code_of, headline_of

REPORTS = {
    "console": threats_console.render,
    "verbose": lambda analysis: threats_console.render(analysis, verbose=True, width=60),
    "json": threats_json.render,
    "markdown": threats_markdown.render,
    "otm": threats_otm.render,
    "svg": threats_svg.render,
}
ANY_TEXT = st.text(st.characters(categories=None), max_size=60)


def assert_clean(text):
    assert all(char == "\n" or char.isprintable() for char in text)
    assert not any(line.lstrip().startswith("::") for line in text.split("\n"))
    text.encode("utf-8")


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("text", HOSTILE)
def test_no_report_lets_hostile_text_through(report, text):
    rendered = REPORTS[report](threats_sample.agent(text))
    assert_clean(rendered)
    if report == "svg":
        DefusedET.fromstring(rendered)
        assert "<script" not in rendered
    if report in {"json", "otm"}:
        json.loads(rendered)


@pytest.mark.parametrize("report", REPORTS)
@settings(max_examples=20, deadline=None)
@given(text=ANY_TEXT)
def test_any_text_is_clean_in_every_report(report, text):
    assert_clean(REPORTS[report](threats_sample.agent(text)))


@pytest.mark.parametrize("report", REPORTS)
def test_the_same_analysis_gives_the_same_text(report):
    assert REPORTS[report](threats_sample.agent()) == REPORTS[report](threats_sample.agent())


@pytest.mark.parametrize("report", REPORTS)
def test_an_empty_system_renders(report):
    empty = replace(
        threats_sample.agent(),
        model=SystemModel(name="x", elements=(), links=()),
        threats=(), not_applicable=(), discrepancies=(), library=(), gaps=(), risk=None, scenarios=(), envelope=(),
    )  # fmt: skip
    assert REPORTS[report](empty)
    assert exit_code_of(empty) == 3


def test_json_follows_its_schema():
    jsonschema.validate(threats_json.document(threats_sample.agent()), threats_json.schema())
    jsonschema.validate(threats_json.document(threats_sample.large(120)), threats_json.schema())


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ({ThreatState.OPEN, ThreatState.MITIGATED}, 1),
        ({ThreatState.UNKNOWN, ThreatState.MITIGATED}, 3),
        ({ThreatState.MITIGATED, ThreatState.ACCEPTED}, 0),
    ],
)
def test_exit_code_says_what_is_worst(states, code):
    sample = threats_sample.agent()
    chosen = tuple(each for each in sample.threats if each.state in states)
    whole = replace(sample, threats=chosen, model=replace(sample.model, unseen=()))
    assert exit_code_of(whole) == code


def test_what_was_not_looked_at_keeps_the_answer_open():
    sample = threats_sample.agent()
    answered = tuple(each for each in sample.threats if each.state is ThreatState.MITIGATED)
    assert exit_code_of(replace(sample, threats=answered)) == 3
    assert headline_of(replace(sample, threats=answered)).words == "NOT ENOUGH EVIDENCE"


def test_console_is_short_and_verbose_is_whole():
    sample = threats_sample.agent()
    many = replace(sample, threats=sample.threats * 10)
    short, whole = threats_console.render(many), threats_console.render(many, verbose=True)
    assert "further threats; --verbose shows all" in short
    assert whole.count("AML.T0051") == 40


@pytest.mark.parametrize("count", [1, 2, 12, 40, 200])
def test_no_two_boxes_of_the_diagram_overlap(count):
    layout = lay_out(threats_sample.large(count).model)
    assert len(layout.boxes) == count
    for one, other in combinations(layout.boxes.values(), 2):
        assert abs(one.x - other.x) >= BOX[0] or abs(one.y - other.y) >= BOX[1]
    assert all(0 <= box.x <= layout.width - BOX[0] for box in layout.boxes.values())
    assert all(0 <= box.y <= layout.height - BOX[1] for box in layout.boxes.values())


def test_every_box_stands_in_the_lane_of_its_boundary():
    model = threats_sample.large(60).model
    layout = lay_out(model)
    lanes = {lane.id: lane for lane in layout.lanes}
    for element in model.elements:
        lane, box = lanes[element.boundary], layout.boxes[element.id]
        assert lane.y <= box.y
        assert box.y + BOX[1] <= lane.y + lane.height


def test_flows_of_one_side_do_not_share_a_place():
    model = threats_sample.agent().model
    starts = [route.path.split("C")[0] for route in routes(model.links, lay_out(model))]
    assert len(set(starts)) == len(starts)


def test_a_circle_of_flows_has_a_picture():
    sample = threats_sample.agent()
    ids = [element.id for element in sample.model.elements[:3]]
    circle = tuple(
        replace(sample.model.links[0], source=source, target=target)
        for source, target in zip(ids, [*ids[1:], ids[0]], strict=True)
    )
    alone = replace(circle[0], target=circle[0].source)
    model = replace(sample.model, elements=sample.model.elements[:3], links=(*circle, alone))
    picture = DefusedET.fromstring(threats_svg.render(replace(sample, model=model, threats=())))
    shown = {text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert shown >= {element.name for element in model.elements}
    drawn = [each for each in picture.iter("{http://www.w3.org/2000/svg}path") if each.get("marker-end")]
    assert len(drawn) == len(model.links)
    columns = [lay_out(model).boxes[each].x for each in ids]
    assert columns == sorted(set(columns))


def test_the_diagram_counts_each_threat_once_for_an_element():
    text = threats_svg.render(threats_sample.agent())
    root = DefusedET.fromstring(text)
    counts = [each for each in root.iter() if each.get("class") == "count-text"]
    assert {each.text for each in counts} == {"1"}


def test_open_threat_model_refers_only_to_what_it_holds():
    document = threats_otm.document(threats_sample.agent())
    ids = {each["id"] for each in document["components"]}
    threats = {each["id"] for each in document["threats"]}
    mitigations = {each["id"] for each in document["mitigations"]}
    zones = {each["id"] for each in document["trustZones"]}
    assert len(ids) == len(document["components"])
    for flow in document["dataflows"]:
        assert {flow["source"], flow["destination"]} <= ids
    for component in document["components"]:
        assert component["parent"]["trustZone"] in zones
        for placed in component.get("threats", ()):
            assert placed["threat"] in threats
            assert {each["mitigation"] for each in placed["mitigations"]} <= mitigations

"""What holds for every format: clean, deterministic, complete."""

from __future__ import annotations

import json
from dataclasses import replace

import defusedxml.ElementTree as DefusedET
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.core.outcome import Outcome, Verdict
from keelmark.report import junit, markdown, sarif
from keelmark.report.formats import FORMATS

NAMES = ("console", "json", "sarif", "markdown", "html", "junit", "oscal", "cyclonedx")
ANY_TEXT = st.text(st.characters(categories=None), max_size=120)
BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


@pytest.fixture(params=NAMES)
def each(request):
    return FORMATS[request.param]


def assert_clean(text):
    assert all(char == "\n" or char.isprintable() for char in text)
    assert not BIDI & set(text)
    assert not any(line.lstrip().startswith("::") for line in text.split("\n"))
    assert "##[" not in text
    text.encode("utf-8")


def test_the_registry_holds_all_formats():
    assert tuple(FORMATS) == NAMES
    assert len({form.extension for form in FORMATS.values()}) == len(NAMES)


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("shape", [{}, {"is_partial": True}, {"is_interrupted": True}, {"only_new": True}])
def test_no_format_lets_hostile_text_through(each, make, known, *, verdict, shape):
    assert_clean(each.render(make(verdict=verdict, hostile=True, **shape), **known))


def test_a_compared_hostile_run_is_clean(each, make_compared, catalogue, cards):
    assert_clean(each.render(make_compared(hostile=True), catalogue=catalogue, cards=cards))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(text=ANY_TEXT)
def test_any_text_anywhere_is_clean(name, make, known, text):
    run = make()
    loud = tuple(
        replace(
            finding,
            message=text,
            fix=text,
            subject=text,
            evidence=((text, text),),
            locations=tuple(replace(place, path=text, part=text) for place in finding.locations),
        )
        for finding in run.findings
    )
    gaps = tuple(replace(gap, path=text, detail=text) for gap in run.gaps[:3])
    loud_run = replace(run, findings=loud, gaps=gaps, system=text, target=text, id=text, tree_digest=text)
    rendered = FORMATS[name].render(loud_run, **known)
    assert_clean(rendered)
    if name in {"json", "sarif"}:
        json.loads(rendered)
    if name == "junit":
        DefusedET.fromstring(rendered)


def test_the_same_run_gives_the_same_text(each, make, catalogue, cards):
    shuffled = replace(make(), findings=tuple(reversed(make().findings)))
    first = each.render(make(), catalogue=catalogue, cards=cards)
    assert first == each.render(make(), catalogue=catalogue, cards=cards)
    assert first == each.render(shuffled, catalogue=catalogue, cards=cards)


def test_every_format_ends_in_one_line_break(each, make, catalogue, cards):
    text = each.render(make(), catalogue=catalogue, cards=cards)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_a_run_without_anything_renders(each, make, catalogue):
    run = make()
    bare = replace(
        run,
        findings=(),
        gaps=(),
        settings=(),
        decision=replace(run.decision, blocking=(), missing=(), standings=(), is_critical=None),
        inventory=type(run.inventory)(),
        coverage=type(run.coverage)(),
        tree_digest="",
    )
    for verdict in Verdict:
        decided = replace(bare, decision=replace(bare.decision, verdict=verdict))
        assert each.render(decided, catalogue=catalogue, cards={})


def test_a_rule_without_a_card_renders(each, make, catalogue):
    assert each.render(make(hostile=True), catalogue=catalogue, cards={})


def test_markdown_fits_into_a_comment_and_says_what_was_left_out(make, catalogue, cards):
    text = markdown.render(make(hostile=True, repeat=200), catalogue=catalogue, cards=cards)
    assert len(text) < 65_536
    assert " more" in text
    assert text.startswith("### ❌ DO NOT RELEASE")


def test_markdown_that_does_not_fit_says_so(make, catalogue, cards, monkeypatch):
    monkeypatch.setattr(markdown, "MAX_CHARACTERS", 1_500)
    text = markdown.render(make(), catalogue=catalogue, cards=cards)
    assert "The rest does not fit here" in text
    assert len(text) <= 1_500


def test_markdown_folds_each_section_and_closes_it(make, catalogue, cards):
    text = markdown.render(make(hostile=True), catalogue=catalogue, cards=cards)
    lines = text.split("\n")
    assert lines.count("<details>") == lines.count("</details>")
    assert sum(line.startswith("#") for line in lines) == 1
    assert "<script" not in text.replace("`", "").split("\\<")[0] or "&lt;" in text


def test_junit_has_one_case_per_rule(make, catalogue, cards):
    root = DefusedET.fromstring(junit.render(make(), catalogue=catalogue, cards=cards))
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert set(cases) == {finding.rule for finding in make().findings}
    assert cases["pickle-dangerous-import"].find("failure") is not None
    assert cases["no-incident-plan"].find("error") is not None
    assert cases["training-without-seed"].find("skipped") is not None
    assert "waived by Head of platform" in cases["debug-server"].find("skipped").get("message")
    assert len(cases["lock-missing"]) == 0
    assert (root.get("tests"), root.get("failures"), root.get("errors"), root.get("skipped")) == (
        "8",
        "4",
        "1",
        "2",
    )


def test_junit_tells_a_rule_with_many_failures_in_bounds(make, catalogue, cards):
    text = junit.render(make(repeat=150), catalogue=catalogue, cards=cards)
    assert "and 200 more" in text


def test_sarif_results_are_failures_and_every_outcome_when_asked(make, catalogue, cards):
    run = make()
    default = sarif.document(run, catalogue=catalogue, cards=cards)["runs"][0]
    assert {result["kind"] for result in default["results"]} == {"fail"}
    every = sarif.document(run, catalogue=catalogue, cards=cards, outcomes=frozenset(Outcome))["runs"][0]
    kinds = {result["kind"]: result["level"] for result in every["results"]}
    assert set(kinds) == {"fail", "pass", "open", "notApplicable"}
    assert kinds["pass"] == kinds["open"] == kinds["notApplicable"] == "none"

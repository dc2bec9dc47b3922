"""A briefing speaks of this system, to this role, and expires with the threat model."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from tests.unit.report import threats_sample

from keelmark.core.awareness import Acknowledgement
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.core.threats import ControlState
from keelmark.design.awareness.briefing import brief

TODAY = date(2026, 11, 23)


def acknowledged(briefing, **more):
    count = len(briefing.questions)
    given = {
        "role": briefing.role,
        "by": "A. Person",
        "on": TODAY,
        "digest": briefing.digest,
        "asked": count,
        "right": count,
    }
    return Acknowledgement(**{**given, **more})


@pytest.fixture
def analysis():
    return threats_sample.agent()


def text_of(briefing):
    return "\n".join(sentence for topic in briefing.topics for sentence in topic.sentences)


@pytest.mark.parametrize("role", list(Audience))
def test_every_role_hears_the_weightiest_threat_with_its_path(role, analysis):
    assert "customer → api → agent → model → agent → refund" in text_of(brief(role, analysis))


def test_owner_hears_what_is_undecided_and_engineer_what_to_do(analysis):
    assert "nobody has decided" in text_of(brief(Audience.RISK_OWNER, analysis))
    assert "Ask a person before money moves." in text_of(brief(Audience.ML_ENGINEER, analysis))
    assert "Ask a person before money moves." not in text_of(brief(Audience.RISK_OWNER, analysis))


def test_failures_are_told_to_who_can_mend_them(analysis):
    card = Card(
        id="r", title="t", severity=Severity.HIGH, recommendations=("SD-3.g",), audience=Audience.ML_ENGINEER
    )
    failure = card.failed("broken", at=Location(path="a.py", line=1), fix="Mend it so.")
    known = {"findings": (failure,), "cards": {"r": card}}
    assert "Mend it so." in text_of(brief(Audience.ML_ENGINEER, analysis, **known))
    assert "Mend it so." not in text_of(brief(Audience.SECURITY_ENGINEER, analysis, **known))


@pytest.mark.parametrize("role", list(Audience))
def test_each_question_has_one_right_answer_among_others(role, analysis):
    briefing = brief(role, analysis)
    assert briefing.questions
    for question in briefing.questions:
        assert 2 <= len(question.choices) == len(set(question.choices)) <= 4
        assert 0 <= question.right < len(question.choices)


def test_question_about_controls_never_calls_a_proven_one_missing(analysis):
    proven = {
        each.control.title
        for threat in analysis.threats
        for each in threat.controls
        if each.state is ControlState.PROVEN
    }
    for question in brief(Audience.ML_ENGINEER, analysis).questions:
        if "not shown" in question.text:
            assert question.choices[question.right] not in proven


def test_the_same_threat_model_gives_the_same_briefing(analysis):
    assert brief(Audience.ML_ENGINEER, analysis) == brief(Audience.ML_ENGINEER, threats_sample.agent())


def test_acknowledgement_counts_for_this_threat_model_and_a_year(analysis):
    briefing = brief(Audience.RISK_OWNER, analysis)
    changed = brief(Audience.RISK_OWNER, replace(analysis, digest="cd" * 32))
    given = acknowledged(briefing)
    assert given.is_current(briefing, today=TODAY)
    assert given.is_current(briefing, today=TODAY + timedelta(days=365))
    assert not given.is_current(briefing, today=TODAY + timedelta(days=366))
    assert not given.is_current(briefing, today=TODAY - timedelta(days=1))
    assert not given.is_current(changed, today=TODAY)
    assert not given.is_current(brief(Audience.ML_ENGINEER, analysis), today=TODAY)


def test_acknowledgement_with_a_wrong_answer_does_not_count(analysis):
    briefing = brief(Audience.RISK_OWNER, analysis)
    assert not acknowledged(briefing, right=len(briefing.questions) - 1).is_current(briefing, today=TODAY)
    assert not acknowledged(briefing, asked=0, right=0).is_current(briefing, today=TODAY)


def test_acknowledgement_counts_while_only_findings_change(analysis):
    # Limits of growth ask one question more; the threat model is the same.
    asked_more = brief(Audience.RISK_OWNER, analysis)
    asked_less = brief(Audience.RISK_OWNER, replace(analysis, envelope=()))
    assert len(asked_less.questions) < len(asked_more.questions)
    assert acknowledged(asked_more).is_current(asked_less, today=TODAY)


def test_a_system_without_threats_has_a_briefing(analysis):
    calm = replace(analysis, threats=(), envelope=())
    assert brief(Audience.SECURITY_ENGINEER, calm).topics

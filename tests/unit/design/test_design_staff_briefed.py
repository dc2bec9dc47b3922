"""Acknowledged briefings count for each role, for a year, and for one threat model."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from keelmark.core.awareness import Acknowledged, Acknowledgement
from keelmark.core.facts import Gap, GapReason
from keelmark.core.outcome import Audience
from keelmark.design.awareness.briefing import digest_for
from keelmark.design.checks import staff_not_briefed as rule
from keelmark.design.threats.analyse import model_digest
from keelmark.design.threats.library.load import load

TODAY = date(2026, 11, 23)
CHAT = (
    "from openai import OpenAI\n\nclient = OpenAI()\n"
    "client.chat.completions.create(model='gpt-4o-2024-08-06', messages=[{'role': 'user', 'content': 'a'}])\n"
)
OLD_RECORD = {"docs/training.md": "# Security training\n\nThe team was trained on 2024-03-01.\n"}
RECORD = {"docs/training.md": "# Security training\n\nThe team was trained on 2026-03-01.\n"}
SYSTEM = "version: 1\nsystem: {name: a, purpose: b, owner: c}\n"
ATTESTED = SYSTEM + (
    "attestations:\n  - {recommendation: SD-1.a, statement: The owner was briefed, by: Head, on: 2026-03-01, expires: 2027-03-01}\n"
)


def given(made, role: Audience, **more) -> Acknowledgement:
    stated = {
        "role": role,
        "by": "A. Person",
        "on": TODAY,
        "digest": digest_for(role, model_digest(made, load())),
        "asked": 3,
        "right": 3,
    }
    return Acknowledgement(**{**stated, **more})


def with_log(made, *entries: Acknowledgement, unreadable: str = ""):
    return replace(made, extras=(("acknowledgements", Acknowledged(given=entries, unreadable=unreadable)),))


def answers(made) -> list[tuple[str, str]]:
    return [(found.outcome.value, found.message) for found in rule.check(made)]


def outcomes(made) -> set[str]:
    return {outcome for outcome, _ in answers(made)}


def test_every_role_has_acknowledged_the_threat_model_of_today(project) -> None:
    made = project({"a.py": CHAT})
    assert outcomes(made) == {"unknown"}
    assert outcomes(with_log(made, *(given(made, role) for role in Audience))) == {"pass"}


def test_changed_threat_model_asks_for_another_acknowledgement(project) -> None:
    before = project({"a.py": CHAT})
    entries = [given(before, role) for role in Audience]
    after = project(
        {
            "b.py": "import anthropic\nclient = anthropic.Anthropic()\nclient.messages.create(model='claude-x')\n"
        }
    )
    assert model_digest(after, load()) != model_digest(before, load())
    found = answers(with_log(after, *entries))
    assert [outcome for outcome, _ in found] == ["fail"] * len(Audience)
    assert all("the threat model has changed since" in message for _, message in found)


def test_an_acknowledgement_of_last_year_no_longer_counts(project) -> None:
    made = project({"a.py": CHAT})
    others = [given(made, role) for role in Audience if role is not Audience.RISK_OWNER]
    for days, want in ((365, "pass"), (366, "fail")):
        old = given(made, Audience.RISK_OWNER, on=TODAY - timedelta(days=days))
        found = answers(with_log(made, *others, old))
        assert {outcome for outcome, _ in found} == {want}
        assert want == "pass" or "more than a year ago" in found[0][1]


def test_a_later_acknowledgement_replaces_an_expired_one_in_any_order(project) -> None:
    made = project({"a.py": CHAT})
    now = [given(made, role) for role in Audience]
    old = [given(made, role, digest="0" * 64, on=date(2026, 2, 1), by="B. Person") for role in Audience]
    assert outcomes(with_log(made, *old, *now)) == outcomes(with_log(made, *now, *old)) == {"pass"}


def test_a_role_that_is_silent_is_named(project) -> None:
    made = project({"a.py": CHAT})
    found = answers(with_log(made, given(made, Audience.ML_ENGINEER)))
    assert found == [
        ("unknown", "nobody has acknowledged the briefing of the security-engineer and of the risk-owner")
    ]


@pytest.mark.parametrize(
    "more",
    [{"right": 2}, {"on": TODAY + timedelta(days=1)}],
    ids=["a wrong answer", "after the day that is asked about"],
)
def test_what_does_not_count_yet_is_as_if_it_were_not_there(more: dict[str, object], project) -> None:
    made = project({"a.py": CHAT})
    found = answers(with_log(made, *(given(made, role, **more) for role in Audience)))
    assert [message for _, message in found] == [
        "no record of a briefing or training was found; only a person can say"
    ]


def test_acknowledgements_stand_for_an_old_document(project) -> None:
    made = project({"a.py": CHAT, **OLD_RECORD})
    assert outcomes(made) == {"fail"}
    assert outcomes(with_log(made, *(given(made, role) for role in Audience))) == {"pass"}


@pytest.mark.parametrize("more", [RECORD, {"keelmark.yaml": ATTESTED}], ids=["document", "attestation"])
def test_another_proof_stands_for_expired_acknowledgements(more: dict[str, str], project) -> None:
    made = project({"a.py": CHAT, **more})
    expired = [given(made, role, digest="0" * 64) for role in Audience]
    assert outcomes(with_log(made, *expired)) == {"pass"}


def test_attested_training_is_no_briefing(project) -> None:
    made = project({"a.py": CHAT, "keelmark.yaml": ATTESTED.replace("SD-1.a", "SD-1.e")})
    expired = [given(made, role, digest="0" * 64) for role in Audience]
    assert outcomes(with_log(made, *expired)) == {"pass", "fail"}


def test_expired_attestation_fails_whatever_was_acknowledged(project) -> None:
    made = project({"a.py": CHAT, "keelmark.yaml": ATTESTED.replace("2027-03-01", "2026-09-01")})
    assert outcomes(with_log(made, *(given(made, role) for role in Audience))) == {"pass", "fail"}


def test_a_log_that_cannot_be_read_leaves_the_answer_open(project) -> None:
    found = answers(with_log(project({"a.py": CHAT}), unreadable="entry 3 is damaged"))
    assert found == [("unknown", "the transparency log could not be read: entry 3 is damaged")]


def test_files_left_unread_for_time_do_not_change_the_threat_model(project) -> None:
    made = project({"a.py": CHAT})
    entries = [given(made, role) for role in Audience]
    hurried = replace(made, gaps=(Gap(path="b.py", reason=GapReason.OUT_OF_TIME, matters=True),))
    assert outcomes(with_log(hurried, *entries)) == {"unknown"}

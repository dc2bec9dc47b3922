"""Threats that are accepted and threats that users are told of are the same, or the difference is named."""

from __future__ import annotations

import pytest

from keelmark.core.outcome import Outcome
from keelmark.design.checks import accepted_threats_not_as_told as rule

HEAD = "version: 1\nsystem: {name: a, purpose: b, owner: c}\nthreat_model:\n  dispositions:\n"
ACCEPTED = (
    "    - {threat: jailbreak, treatment: accept, reason: harmless, owner: Head, expires: 2027-06-30}\n"
)
PATH = "user_notice: {path: docs/notice.md}\n"


def answers(made) -> dict[str, str]:
    """What each failure is about, and its message; other outcomes by their name."""
    return {
        found.subject if found.outcome is Outcome.FAIL else found.outcome.value: found.message
        for found in rule.check(made)
    }


def test_without_a_notice_nothing_is_said_unless_something_is_accepted(project) -> None:
    assert set(
        answers(project({"keelmark.yaml": HEAD.replace("dispositions:\n", "dispositions: []\n")}))
    ) == {"pass"}
    assert "there is no user notice" in answers(project({"keelmark.yaml": HEAD + ACCEPTED}))["jailbreak"]


@pytest.mark.parametrize(
    "notice",
    [
        "# User notice\n\n- `jailbreak`: not always noticed\n",
        "# User notice\n\n* **jailbreak**: not always noticed\n",
        "# User notice\n\n1. `jailbreak` texts are not always noticed\n",
        "# User notice\n\n| `jailbreak` | not always noticed |\n",
        "# User notice\n\n## jailbreak: not always noticed\n\nSo it is.\n",
    ],
    ids=["item", "bold item", "numbered item", "row", "heading"],
)
def test_a_statement_that_begins_with_the_id_tells_the_threat(notice: str, project) -> None:
    assert set(answers(project({"keelmark.yaml": HEAD + ACCEPTED, "docs/user-notice.md": notice}))) == {
        "pass"
    }


@pytest.mark.parametrize(
    "notice",
    [
        "# User notice\n\nEvery jailbreak is noticed.\n",
        "# User notice\n\n- jailbreaks: not always noticed\n",
        "# User notice\n\n- Users cannot do a `jailbreak`.\n",
    ],
    ids=["prose", "another word", "in the middle"],
)
def test_a_word_in_passing_tells_nothing(notice: str, project) -> None:
    assert set(answers(project({"keelmark.yaml": HEAD + ACCEPTED, "docs/user-notice.md": notice}))) == {
        "jailbreak"
    }


def test_words_of_the_disposition_tell_it_over_two_lines(project) -> None:
    declared = HEAD + ACCEPTED.replace("}", ", told: Not every such text is noticed}")
    notice = "# User notice\n\nOf those texts, *not every\nsuch text* is noticed.\n"
    assert set(answers(project({"keelmark.yaml": declared, "docs/user-notice.md": notice}))) == {"pass"}


def test_limitations_count_where_the_notice_lies_elsewhere_only(project) -> None:
    limits = 'user_notice: {limitations: ["jailbreak: not always noticed"]}\n'
    assert set(answers(project({"keelmark.yaml": HEAD + ACCEPTED + limits}))) == {"pass"}
    # A notice that should lie in the folder and does not is none.
    named = limits.replace("{limitations", "{path: docs/notice.md, limitations")
    assert set(answers(project({"keelmark.yaml": HEAD + ACCEPTED + named}))) == {"jailbreak"}
    # And users read the notice, not keelmark.yaml.
    silent = {"keelmark.yaml": HEAD + ACCEPTED + named, "docs/notice.md": "# For users\n\nAsk us.\n"}
    assert set(answers(project(silent))) == {"jailbreak"}


@pytest.mark.parametrize(
    ("disposition", "because"),
    [
        ("", "nobody accepted it"),
        (
            ACCEPTED.replace("accept,", "mitigate,").replace(", expires: 2027-06-30", ""),
            "decided to mitigate it",
        ),
        (ACCEPTED.replace("2027-06-30", "2026-11-23"), "expired on 2026-11-23"),
    ],
    ids=["not decided", "mitigated", "expired"],
)
def test_a_told_threat_that_nobody_accepts_now_is_named(disposition: str, because: str, project) -> None:
    kept = ACCEPTED.replace("jailbreak", "answer-believed")
    notice = "# User notice\n\n- `jailbreak`: not always noticed\n- `answer-believed`: it may be wrong\n"
    found = answers(project({"keelmark.yaml": HEAD + kept + disposition, "docs/user-notice.md": notice}))
    assert set(found) == {"told jailbreak"}
    assert because in found["told jailbreak"]


def test_a_limitation_that_names_a_threat_nobody_accepted_is_named(project) -> None:
    limits = 'user_notice: {limitations: ["system-prompt-told: anybody can read it", "made for English"]}\n'
    declared = HEAD.replace("dispositions:\n", "dispositions: []\n") + limits
    assert set(answers(project({"keelmark.yaml": declared}))) == {"told system-prompt-told"}


@pytest.mark.parametrize(
    "heading", ["Accepted risks", "Residual risks", "Risks that we accept", "Remaining risk"]
)
def test_an_item_under_accepted_risks_belongs_to_an_acceptance(heading: str, project) -> None:
    notice = f"# User notice\n\n## {heading}\n\n- `jailbreak`: so it is\n- Orders of others can be shown.\n"
    found = answers(project({"keelmark.yaml": HEAD + ACCEPTED, "docs/user-notice.md": notice}))
    assert set(found) == {"told Orders of others can be shown."}


@pytest.mark.parametrize("heading", ["Known limitations", "Risks", "How we reduce risks"])
def test_other_limitations_are_left_alone(heading: str, project) -> None:
    notice = f"# User notice\n\n## {heading}\n\n- `jailbreak`: so it is\n- It is made for English.\n"
    assert set(answers(project({"keelmark.yaml": HEAD + ACCEPTED, "docs/user-notice.md": notice}))) == {
        "pass"
    }


def test_a_waiver_is_an_acceptance_only_while_it_is_in_force(project) -> None:
    waiver = "waivers:\n  - {rule: missing-backup, reason: rebuilt each night, owner: Head, expires: DAY}\n"
    notice = (
        "# User notice\n\n## Accepted risks\n\n- `jailbreak`: so it is\n- missing-backup: a day can be lost\n"
    )
    for day, found in (("2027-01-31", {"pass"}), ("2026-01-31", {"told missing-backup: a day can be lost"})):
        declared = HEAD + ACCEPTED + waiver.replace("DAY", day)
        assert set(answers(project({"keelmark.yaml": declared, "docs/user-notice.md": notice}))) == found


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("docs/notice.md", "# For users\n\n" + "Some words of it. " * 150 + "\n\n- `jailbreak`: so it is\n"),
        ("docs/notice.md", "A text without any heading.\n"),
        ("docs/notice.pdf", "%PDF-1.7\n"),
    ],
    ids=["long", "without headings", "of another format"],
)
def test_what_was_not_read_of_the_notice_may_tell_it(file: str, text: str, project) -> None:
    declared = HEAD + ACCEPTED + PATH.replace("docs/notice.md", file)
    assert set(answers(project({"keelmark.yaml": declared, file: text}))) == {"unknown"}


def test_without_a_threat_model_nothing_can_be_compared(project) -> None:
    assert set(answers(project({"docs/user-notice.md": "# User notice\n\n- `jailbreak`: so it is\n"}))) == {
        "not-applicable"
    }

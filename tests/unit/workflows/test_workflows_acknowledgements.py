"""Who acknowledged a briefing is an entry of the log, and the assessment reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from keelmark.config.settings import resolve
from keelmark.core.awareness import Acknowledged
from keelmark.core.clock import FixedClock
from keelmark.core.outcome import Audience
from keelmark.errors import StoreError
from keelmark.store.log_files import record_path
from keelmark.workflows.acknowledgements import acknowledgements
from keelmark.workflows.assess import target_of
from keelmark.workflows.awareness import acknowledge, briefing_of
from keelmark.workflows.extras import prepare_extras
from keelmark.workflows.log import LOG_FOLDER, rows
from keelmark.workflows.threats import ThreatRun, model_threats

if TYPE_CHECKING:
    from pathlib import Path

CLOCK = FixedClock(datetime(2026, 11, 23, 12, tzinfo=UTC))
SETTINGS = {"write": False, "plugins": False}
CHAT = """\
from fastapi import FastAPI
from openai import OpenAI

app = FastAPI()


@app.post("/chat")
def chat(question: str) -> str:
    return OpenAI().responses.create(model="gpt-5", input=question).output_text
"""


def analysed(root: Path) -> ThreatRun:
    return model_threats(target_of([root]), resolve(SETTINGS), clock=CLOCK)


def briefed(run: ThreatRun) -> set[str]:
    return {found.outcome.value for found in run.assessment.findings if found.rule == "staff-not-briefed"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "chat.py").write_text(CHAT, "utf-8")
    run = analysed(tmp_path)
    assert briefed(run) == {"unknown"}
    for role in Audience:
        briefing = briefing_of(run, role)
        answers = [question.right + 1 for question in briefing.questions]
        assert answers
        acknowledge(tmp_path, briefing, answers, by="A. Person", clock=CLOCK)
    return tmp_path


def test_acknowledgements_of_each_role_satisfy_the_rule(root: Path) -> None:
    assert [each.role for each in acknowledgements(root)] == list(Audience)
    assert briefed(analysed(root)) == {"pass"}


def test_another_threat_model_is_another_briefing(root: Path) -> None:
    (root / "keelmark.yaml").write_text(
        "version: 1\ncomponents:\n  - {id: web_search, kind: tool}\n", "utf-8"
    )
    assert briefed(analysed(root)) == {"fail"}


def test_changed_record_is_no_acknowledgement(root: Path) -> None:
    changed = root / LOG_FOLDER / record_path(rows(root / LOG_FOLDER)[-1].leaf.record)
    changed.write_bytes(changed.read_bytes().replace(b"A. Person", b"B. Person"))
    with pytest.raises(StoreError, match="is not the one that was recorded"):
        acknowledgements(root)
    assert briefed(analysed(root)) == {"unknown"}


def test_without_a_log_nothing_was_acknowledged(tmp_path: Path) -> None:
    assert acknowledgements(tmp_path) == ()
    assert prepare_extras(resolve(SETTINGS), tmp_path) == ()


def test_a_log_that_is_none_does_not_stop_the_assessment(tmp_path: Path) -> None:
    (tmp_path / LOG_FOLDER).mkdir(parents=True)
    (tmp_path / LOG_FOLDER / "checkpoint").write_bytes(b"nothing")
    extras = dict(prepare_extras(resolve(SETTINGS), tmp_path))
    found = extras["acknowledgements"]
    assert isinstance(found, Acknowledged)
    assert found.unreadable
    assert found.given == ()

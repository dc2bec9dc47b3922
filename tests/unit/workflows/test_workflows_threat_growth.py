"""Losses are simulated once, and what cannot be simulated is said."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from keelmark.config.settings import resolve
from keelmark.design.threats.risk import Simulation
from keelmark.errors import UsageError
from keelmark.workflows.assess import target_of
from keelmark.workflows.threat_growth import Growth, with_growth
from keelmark.workflows.threats import ThreatRun, model_threats

if TYPE_CHECKING:
    from pathlib import Path

CHAT = """\
import subprocess

from fastapi import FastAPI
from openai import OpenAI

app = FastAPI()


@app.post("/chat")
def chat(question: str) -> str:
    reply = OpenAI().responses.create(model="gpt-5", input=question)
    return subprocess.run(reply.output_text, shell=True, capture_output=True, text=True).stdout
"""
DECLARED = """\
version: 1
threat_model:
  estimates:
    - {threat: user-text-reaches-interpreter, frequency: {low: 0.1, high: 2}, loss: {low: 100, high: 9000}, basis: a guess for this test}
"""


@pytest.fixture
def analysed(tmp_path: Path) -> ThreatRun:
    (tmp_path / "chat.py").write_text(CHAT, "utf-8")
    (tmp_path / "keelmark.yaml").write_text(DECLARED, "utf-8")
    return model_threats(target_of([tmp_path]), resolve({"write": False, "plugins": False}))


def test_losses_of_today_are_simulated_once(analysed: ThreatRun, monkeypatch: pytest.MonkeyPatch) -> None:
    simulated = []
    figures = Simulation.figures

    def counted(self, threats, appetite=None, **more):
        simulated.append(figures(self, threats, appetite, **more))
        return simulated[-1]

    monkeypatch.setattr(Simulation, "figures", counted)
    found = with_growth(analysed, Growth(envelope=False))
    assert found.risk is not None
    assert [each is found.risk for each in simulated] == [True]


def test_without_numpy_losses_are_named_as_not_known(
    analysed: ThreatRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    found = with_growth(analysed, Growth(envelope=False))
    assert found.risk is None
    assert "losses are not known" in found.gaps[-1].detail


def test_without_numpy_losses_that_were_asked_for_are_refused(
    analysed: ThreatRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(UsageError, match="numpy"):
        with_growth(analysed, Growth(envelope=False, figures=True))


def test_losses_that_nobody_wants_are_left_out(analysed: ThreatRun) -> None:
    found = with_growth(analysed, Growth(envelope=False, figures=False))
    assert found.risk is None
    assert found.gaps == analysed.analysis.gaps

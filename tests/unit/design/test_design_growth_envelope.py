"""Declared limits of growth against those that follow from threats and figures."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

import pytest

from keelmark.core.outcome import Outcome
from keelmark.design.checks.growth_envelope_too_wide import check

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.core.project import Project

AGENT = """\
from fastapi import FastAPI
from langchain.agents import create_agent
from langchain_core.tools import tool

app = FastAPI()


@tool
def pay_back(order: str) -> str:
    bank.transfer(order)
    return "paid"


agent = create_agent("openai:gpt-5.4-mini-2026-03-17", tools=[pay_back])


@app.post("/ask")
def ask(question: str) -> str:
    return agent.invoke({"messages": [{"role": "user", "content": question}]})["messages"][-1].content
"""
SYSTEM = "version: 1\nsystem: {name: s, purpose: p, owner: o}\n"
FIGURES = """\
threat_model:
  estimates:
    - {threat: user-text-drives-tool, frequency: {low: 1, high: 4}, loss: {low: 500, high: 9000}, basis: b}
  appetite: {annual_loss: 60000, owner: o}
"""
SHARED = """\
components:
  - {id: notes, kind: memory, shared: true}
  - {id: bot, kind: agent}
  - {id: customer, kind: person}
flows:
  - {from: notes, to: bot, carries: what others said, trust: third-party}
  - {from: bot, to: customer, carries: answers, trust: model-output}
"""


def _answers(project: Callable[[dict[str, str]], Project], declared: str) -> list[tuple[Outcome, str]]:
    found = check(project({"agent.py": AGENT, "keelmark.yaml": SYSTEM + declared}))
    return [(finding.outcome, finding.message) for finding in found]


def test_without_limits_in_numbers_there_is_nothing_to_compare(
    project: Callable[[dict[str, str]], Project],
) -> None:
    ((outcome, _),) = _answers(project, "growth_envelope: {exposure: public}\n")
    assert outcome is Outcome.NOT_APPLICABLE


def test_a_threat_that_begins_below_the_limit_is_named(project: Callable[[dict[str, str]], Project]) -> None:
    ((outcome, message),) = _answers(project, f"{SHARED}growth_envelope: {{users: {{limit: 500, now: 1}}}}\n")
    assert outcome is Outcome.FAIL
    assert "users may grow to 500" in message
    assert "up to 1:" in message
    assert "`other-users-data-told`" in message


@pytest.mark.parametrize("users", ["{limit: 1, now: 1}", "{limit: 500, now: 2}", "{limit: 500}"])
def test_what_applies_today_or_beyond_the_limit_is_left_alone(
    project: Callable[[dict[str, str]], Project], users: str
) -> None:
    ((outcome, _),) = _answers(project, f"{SHARED}growth_envelope: {{users: {users}}}\n")
    assert outcome is Outcome.PASS


def test_a_limit_beyond_the_appetite_is_named(project: Callable[[dict[str, str]], Project]) -> None:
    wide, narrow = (
        _answers(project, f"{FIGURES}growth_envelope: {{users: {{limit: {limit}, now: 10}}}}\n")
        for limit in (10_000_000, 11)
    )
    assert [outcome for outcome, _ in wide] == [Outcome.FAIL]
    assert "leaves the appetite" in wide[0][1]
    assert [outcome for outcome, _ in narrow] == [Outcome.PASS]


def test_an_appetite_without_the_size_of_today_is_unknown(
    project: Callable[[dict[str, str]], Project],
) -> None:
    ((outcome, message),) = _answers(project, f"{FIGURES}growth_envelope: {{users: {{limit: 50}}}}\n")
    assert outcome is Outcome.UNKNOWN
    assert "users" in message


def test_figures_without_numpy_are_unknown(
    project: Callable[[dict[str, str]], Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "numpy":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    ((outcome, message),) = _answers(
        project, f"{FIGURES}growth_envelope: {{users: {{limit: 50, now: 10}}}}\n"
    )
    assert outcome is Outcome.UNKNOWN
    assert "numpy" in message


def test_a_range_that_is_none_is_unknown(project: Callable[[dict[str, str]], Project]) -> None:
    declared = FIGURES.replace("low: 1, high: 4", "low: 0, high: 4")
    ((outcome, message),) = _answers(
        project, f"{declared}growth_envelope: {{users: {{limit: 50, now: 10}}}}\n"
    )
    assert outcome is Outcome.UNKNOWN
    assert "90 % range" in message

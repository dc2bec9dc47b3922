"""The rules of stages: whatever a stage does but allow, nothing behind it is asked and nothing is sent."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from keelmark.core.exchange import ALLOW, Decision, Exchange, Outcome, Request, deny
from keelmark.errors import ConfigurationError
from keelmark.gateway.pipeline import ORDER, Pipeline, close, ordered

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Says:
    """A stage that answers what it is told, and remembers whether it was asked."""

    def __init__(self, name: str, answer) -> None:
        self.name = name
        self.answer = answer
        self.asked = 0

    def __call__(self, exchange: Exchange):
        self.asked += 1
        return self.answer(exchange) if callable(self.answer) else self.answer


async def later(decision):
    return decision


async def never() -> Decision:
    await asyncio.Event().wait()
    return ALLOW


def fails(exchange: Exchange) -> Decision:
    raise KeyError(exchange.id)


async def fails_later() -> Decision:
    raise RuntimeError


def exchange() -> Exchange:
    return Exchange(id="0", request=Request(method="POST", path="/"), started=NOON, started_ns=0)


def decided(answer, *, timeout_s: float = 5.0):
    first, second, last = Says("first", ALLOW), Says("second", answer), Says("last", ALLOW)
    found = exchange()
    decision = asyncio.run(Pipeline([first, second, last], timeout_s=timeout_s).decide(found))
    return decision, found, last


@pytest.mark.parametrize(
    "answer", [ALLOW, lambda _: later(ALLOW), Decision(outcome=Outcome.REDACT, reason="secret")]
)
def test_what_allows_goes_on(answer) -> None:
    decision, found, last = decided(answer)
    assert decision is ALLOW
    assert found.decision is ALLOW
    assert last.asked == 1
    assert [name for name, _ in found.timings] == ["first", "second", "last"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (deny("not-allowed"), "not-allowed"),
        (lambda _: later(deny("not-allowed")), "not-allowed"),
        (Decision(outcome=Outcome.ASK, reason="needs-approval"), "needs-approval"),
        (fails, "stage-failed"),
        (lambda _: fails_later(), "stage-failed"),
        (None, "stage-silent"),
        (True, "stage-silent"),
        ("allow", "stage-silent"),
        (lambda _: later(None), "stage-silent"),
        (lambda _: later(True), "stage-silent"),
    ],
)
def test_everything_else_stops_the_request(answer, reason: str) -> None:
    decision, found, last = decided(answer)
    assert decision.reason == found.decision.reason == reason
    assert found.decided_by == "second"
    assert last.asked == 0


def test_a_stage_that_takes_too_long_denies() -> None:
    decision, _, last = decided(lambda _: never(), timeout_s=0.01)
    assert decision.reason == "stage-timeout"
    assert last.asked == 0


def test_cancellation_passes_through() -> None:
    async def cancelled() -> None:
        last = Says("last", ALLOW)
        task = asyncio.create_task(Pipeline([Says("first", lambda _: never()), last]).decide(exchange()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert last.asked == 0

    asyncio.run(cancelled())


def test_reservations_are_given_back_once_and_last_first() -> None:
    found, given = exchange(), []
    found.at_end += [lambda _: given.append(1), lambda _: given.append(2), lambda _: given.append(1 / 0)]
    close(found)
    close(found)
    assert given == [2, 1]
    assert found.facts["release_errors"] == ["ZeroDivisionError"]


def test_every_stage_must_be_there_once() -> None:
    stages = [Says(name, ALLOW) for name in reversed(ORDER)]
    assert [stage.name for stage in ordered(stages)] == list(ORDER)
    with pytest.raises(ConfigurationError, match="there must be exactly"):
        ordered(stages[1:])
    with pytest.raises(ConfigurationError, match="there must be exactly"):
        ordered([*stages, stages[0]])


def test_stages_of_users_stand_behind_the_one_they_name() -> None:
    own = Says("own", ALLOW)
    stages = [Says(name, ALLOW) for name in ORDER]
    assert ordered(stages, extra={"identify": [own]})[ORDER.index("identify") + 1] is own
    with pytest.raises(ConfigurationError, match="no stage to follow"):
        ordered(stages, extra={"identfy": [own]})

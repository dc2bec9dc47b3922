"""The promises about detectors of others."""

from __future__ import annotations

import asyncio
import gc
import threading
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from keelmark.core.call import Action as CallAction
from keelmark.core.call import Api, Call, Provenance, Span
from keelmark.core.exchange import ALLOW, Exchange, Outcome, Request
from keelmark.engine import installed
from keelmark.errors import ConfigurationError
from keelmark.operation.inputs import plugins
from keelmark.operation.inputs.plugins import Plugin, Signal, chosen
from keelmark.operation.inputs.settings import Action, DetectorSettings, GroupRule, InputSettings
from keelmark.operation.inputs.stage_screen import ScreenInput

ENFORCED = GroupRule(is_enforced=True)


class Says:
    name = "house-words"

    def __init__(self, answer=0.95) -> None:
        self.answer = answer
        self.seen: list[str] = []

    def look(self, text: str, provenance: Provenance):
        self.seen.append(text)
        if isinstance(self.answer, Exception):
            raise self.answer
        return [Signal(kind="x", score=self.answer)] if self.answer else []


class SaysLater(Says):
    async def look(self, text: str, provenance: Provenance):
        return [Signal(kind="x", score=self.answer)]


class Hangs(Says):
    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()

    def look(self, text: str, provenance: Provenance):
        self.free.wait(5)
        return []


def decided(plugin: Plugin, *, provenance: Provenance = Provenance.USER):
    span = Span(text="some text", provenance=provenance, place=("t",))
    found = Exchange(
        id="0",
        request=Request(method="POST", path="/"),
        started=datetime(2026, 1, 1, tzinfo=UTC),
        started_ns=0,
    )
    found.call = Call(
        api=Api.CHAT, action=CallAction.INFER, model="m", body={"t": "some text"}, spans=(span,)
    )

    async def run():
        return await ScreenInput(InputSettings(), plugins=[plugin])(found)

    return asyncio.run(run()), found


@pytest.mark.parametrize("kind", [Says, SaysLater])
def test_enforced_detector_denies_with_its_name(kind):
    decision, found = decided(Plugin(detector=kind(), rule=ENFORCED))
    assert (decision.outcome, decision.reason) == (Outcome.DENY, "house-words")
    assert found.grounds[0].is_enforced
    asked, _ = decided(Plugin(detector=kind(), rule=GroupRule(is_enforced=True, action=Action.ASK)))
    assert asked.outcome is Outcome.ASK


def test_monitored_detector_is_recorded_only():
    decision, found = decided(Plugin(detector=Says()))
    assert decision is ALLOW
    assert [(ground.reason, ground.outcome, ground.is_enforced) for ground in found.grounds] == [
        ("house-words", Outcome.DENY, False)
    ]


@pytest.mark.parametrize("answer", [0.0, 0.2])
def test_low_score_is_nothing(answer):
    decision, found = decided(Plugin(detector=Says(answer), rule=ENFORCED))
    assert decision is ALLOW
    assert found.grounds == []


@pytest.mark.parametrize("answer", [ValueError("x"), 1.5, -1.0, "many", float("nan")])
def test_failing_detector_denies_when_enforced_and_is_recorded_when_monitored(answer):
    decision, _ = decided(Plugin(detector=Says(answer), rule=ENFORCED))
    assert decision.reason == "stage-failed"
    watched, found = decided(Plugin(detector=Says(answer)))
    assert watched is ALLOW
    assert [(ground.reason, ground.is_enforced, ground.detail) for ground in found.grounds] == [
        ("stage-failed", False, "house-words")
    ]


def test_detector_that_takes_too_long_denies():
    slow = Hangs()
    threading.Timer(0.2, slow.free.set).start()
    decision, found = decided(Plugin(detector=slow, rule=ENFORCED, timeout_s=0.01))
    assert decision.reason == "stage-timeout"
    assert found.grounds[0].reason == "stage-timeout"


def test_texts_of_the_operator_are_not_shown():
    detector = Says()
    assert decided(Plugin(detector=detector, rule=ENFORCED), provenance=Provenance.SYSTEM)[0] is ALLOW
    assert detector.seen == []


def test_texts_that_a_detector_hangs_on_end_with_it_and_not_with_the_process():
    slow = Hangs()
    plugin = Plugin(detector=slow, rule=ENFORCED, timeout_s=0.01, hands=plugins._Hands(1))
    try:
        found = {decided(plugin)[0].reason for _ in range(6)}
        # Two threads hang, one text waits, and then it is told at once.
        assert found == {"stage-timeout", "stage-failed"}
        threads = [each for each in threading.enumerate() if each.name == "keelmark-detector"]
        assert all(each.daemon for each in threads)
    finally:
        slow.free.set()


def test_threads_end_when_nobody_can_ask_any_more():
    before = set(threading.enumerate())
    plugin = Plugin(detector=Says())
    decided(plugin)
    mine = [each for each in set(threading.enumerate()) - before if each.name == "keelmark-detector"]
    assert mine
    del plugin
    gc.collect()
    for each in mine:
        each.join(30)
    assert not any(each.is_alive() for each in mine)


@pytest.mark.parametrize(("action", "outcome"), [(Action.DENY, Outcome.DENY), (Action.FLAG, Outcome.ALLOW)])
def test_a_detector_that_only_flags_never_denies(action, outcome):
    decision, found = decided(Plugin(detector=Says(), rule=GroupRule(is_enforced=True, action=action)))
    assert (decision.outcome, found.grounds[0].outcome) == (outcome, outcome)


def points(monkeypatch, **loaded):
    def fails():
        raise ImportError("gone")

    found = [
        SimpleNamespace(
            name=name.replace("_", "-"),
            dist=SimpleNamespace(name="pkg"),
            load=fails if each is None else lambda each=each: each,
        )
        for name, each in loaded.items()
    ]
    monkeypatch.setattr(
        installed.metadata, "entry_points", lambda group: found if group == "keelmark.detectors" else []
    )


NAMED = DetectorSettings(name="house-words")


def test_only_detectors_that_are_named_are_loaded_and_begin_monitored(monkeypatch):
    points(monkeypatch, house_words=Says, broken=None)
    assert chosen([]) == ()
    (plugin,) = chosen([NAMED])
    assert (plugin.detector.name, plugin.rule.is_enforced) == ("house-words", False)
    (plugin,) = chosen([DetectorSettings(name="house-words", rule=ENFORCED, timeout_s=1.5)])
    assert (plugin.rule, plugin.timeout_s) == (ENFORCED, 1.5)


@pytest.mark.parametrize(
    ("loaded", "named", "words"),
    [
        ({"house_words": None}, [NAMED], "cannot be loaded"),
        ({"house_words": object()}, [NAMED], "is no detector"),
        ({"other": Says}, [DetectorSettings(name="other")], "does not call itself so"),
        ({}, [NAMED], "there is no detector `house-words`"),
        ({"house_words": Says}, [NAMED, NAMED], "twice"),
        ({"house_words": Says}, [DetectorSettings(name="house-words", timeout_s=5)], "together"),
        ({"house_words": Says}, [DetectorSettings(name="house-words", timeout_s=0)], "needs time"),
        ({"house_words": Says}, [DetectorSettings(name="house-words", rule=GroupRule(action=Action.REDACT))], "cannot be followed"),
        ({"house_words": Says}, [DetectorSettings(name="house-words", rule=GroupRule(flag_at=0.9))], "cannot be followed"),
    ],
)  # fmt: skip
def test_broken_contract_stops_the_start(monkeypatch, loaded, named, words):
    points(monkeypatch, **loaded)
    with pytest.raises(ConfigurationError, match=words):
        chosen(named)

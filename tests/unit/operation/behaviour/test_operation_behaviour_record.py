"""Requests are recorded, or not let through; recording never harms an answer, and never holds a credential."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import settings as fast
from hypothesis import strategies as st

from keelmark.core.call import Action, Api, Call, Usage
from keelmark.core.clock import FixedClock
from keelmark.core.exchange import ALLOW, Exchange, Ground, Outcome, Request, deny
from keelmark.core.principal import Principal, Proof
from keelmark.core.request_event import Content, encode
from keelmark.core.route import Route, RouteKind
from keelmark.errors import ConfigurationError, StoreError
from keelmark.operation.behaviour.content import ContentForm, Redacted
from keelmark.operation.behaviour.event_of import (
    ANSWER_BODY,
    BROKEN_OFF,
    BYTES_OUT,
    SENT_BODY,
    TOKENS_ESTIMATED,
    event_of,
)
from keelmark.operation.behaviour.stage_record import (
    ADMITTED,
    Admission,
    AuditMode,
    Recorder,
    RecordSettings,
)

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
GROUP = RecordSettings(audit=AuditMode.GROUP)
OFF = RecordSettings(
    audit=AuditMode.OFF, off_reason="load test", off_owner="Head of Platform", off_expires=date(2026, 2, 1)
)


class MemoryLog:
    """A log that keeps what it is given, and fails when it is told to."""

    def __init__(self, room: int = 100) -> None:
        self.room, self.reserved, self.missed = room, 0, 0
        self.failure = ""
        self.is_broken = False
        self.events: list[dict] = []
        self.awaited: list[asyncio.Future[None]] = []

    @property
    def is_writable(self) -> bool:
        return not self.failure

    def reserve(self) -> bool:
        if self.failure or self.reserved >= self.room:
            return False
        self.reserved += 1
        return True

    def append(self, event, *, is_reserved: bool = False) -> None:
        self.reserved -= is_reserved
        if self.is_broken:
            raise StoreError("no space left")
        self.events.append(json.loads(event if isinstance(event, bytes) else event()))

    def append_awaited(self, event) -> asyncio.Future[None]:
        self.append(event)
        self.awaited.append(asyncio.get_running_loop().create_future())
        return self.awaited[-1]

    def miss(self) -> None:
        self.missed += 1

    def fail(self, reason: str) -> None:
        self.failure = reason

    def flush(self, timeout_s: float) -> None:
        assert timeout_s > 0
        if self.is_broken:
            raise StoreError("no space left")


def exchange(**changes) -> Exchange:
    found = Exchange(
        id="1" * 32,
        request=Request(
            method="POST",
            path="/v1/chat/completions",
            headers={"authorization": "Bearer kmk_id.s3cr3t"},
            body=b'{"model":"m"}',
            peer="127.0.0.1",
        ),
        started=NOON,
        started_ns=1_000_000,
        call=Call(api=Api.CHAT, action=Action.INFER, model="m", body={"model": "m"}, input_tokens=7),
        principal=Principal(id="key1", proof=Proof.API_KEY, team="t"),
        route=Route(name="m", kind=RouteKind.MODEL, upstream="u", asset="m"),
        release="r1",
        steps=("bound", "identify", "authorise"),
        marks=[0, 12_345, 32_345, 33_345],
        status=200,
    )
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def recorder(log: MemoryLog, settings: RecordSettings = GROUP, **more) -> Recorder:
    return Recorder(log, settings=settings, clock=FixedClock(NOON), now_ns=lambda: 5_000_000, **more)


def test_the_event_says_who_what_and_how_it_ended() -> None:
    log = MemoryLog()
    found = exchange(
        usage=Usage(input_tokens=10, output_tokens=20),
        request_digest="a" * 64,
        answer_digest="b" * 64,
        grounds=[
            Ground(stage="screen-input", reason="r", outcome=Outcome.DENY, score=0.5, is_enforced=False)
        ],
        facts={BYTES_OUT: 900},
    )
    record = recorder(log)
    assert Admission(record)(found) is ALLOW
    record.record(found)
    assert log.reserved == 0
    assert log.events[1:] == [
        {
            "about": "request",
            "action": "infer",
            "answer_digest": "b" * 64,
            "api": "openai-chat",
            "bytes_in": 13,
            "bytes_out": 900,
            "duration_us": 4000,
            "grounds": [
                {"enforced": False, "outcome": "deny", "reason": "r", "score": 500, "stage": "screen-input"}
            ],
            "id": "1" * 32,
            "input_tokens": 10,
            "model": "m",
            "outcome": "allow",
            "output_tokens": 20,
            "peer": "127.0.0.1",
            "principal": {"id": "key1", "proof": "api-key", "team": "t"},
            "release": "r1",
            "request_digest": "a" * 64,
            "route": "m",
            "status": 200,
            "time": "2026-01-31T12:00:00Z",
            "timings": [["bound", 12], ["identify", 20]],
            "tokens": "counted",
        }
    ]


def test_refused_and_broken_off_requests_are_recorded_too() -> None:
    log = MemoryLog()
    record = recorder(log)
    record.record(
        exchange(
            call=None,
            principal=None,
            route=None,
            decision=deny("no-credential"),
            decided_by="identify",
            status=401,
        )
    )
    record.record(exchange(facts={BROKEN_OFF: True}))
    refused, broken = log.events[1:3]
    assert (refused["outcome"], refused["reason"], refused["decided_by"]) == (
        "deny",
        "no-credential",
        "identify",
    )
    assert "principal" not in refused
    assert "model" not in refused
    assert broken["broken_off"] is True
    assert broken["input_tokens"] == 7
    assert "tokens" not in broken, "what nobody counted is estimated"
    record.record(exchange(usage=Usage(output_tokens=3), facts={TOKENS_ESTIMATED: True}))
    assert (log.events[-1]["output_tokens"], "tokens" in log.events[-1]) == (3, False)


def test_no_credential_is_recorded() -> None:
    log = MemoryLog()
    recorder(log).record(exchange())
    assert "s3cr3t" not in json.dumps(log.events)


def test_what_is_too_much_is_cut_and_named() -> None:
    ground = Ground(stage="s", reason="r", outcome=Outcome.ALLOW, detail="x" * 999)
    found = exchange(grounds=[ground] * 100, steps=("s",) * 100, marks=list(range(0, 1_010_000, 10_000)))
    found.call.model = "m" * 999
    event = event_of(found, ended_ns=2_000_000)
    assert event.cut == ("timings", "grounds", "model")
    assert (len(event.grounds), len(event.timings), len(event.model)) == (24, 24, 160)
    assert len(event.grounds[0].detail) == 160


@fast(max_examples=60)
@given(st.text(), st.text(), st.text(), st.floats(0, 1))
def test_no_text_of_others_stops_an_event(model: str, name: str, peer: str, score: float) -> None:
    found = exchange(
        principal=Principal(id=name, proof=Proof.TOKEN, team=model, tenant=peer),
        grounds=[Ground(stage=name, reason=model, outcome=Outcome.ASK, score=score, detail=peer)],
        release=peer,
        decided_by=name,
    )
    found.call.model = model
    line = encode(event_of(found, ended_ns=0))
    assert b"\n" not in line
    assert json.loads(line)["id"] == "1" * 32


# Admission


def test_without_room_or_log_nothing_is_let_through() -> None:
    log = MemoryLog(room=2)
    stage = Admission(recorder(log))
    assert stage.name == "admission"
    assert [stage(exchange()).reason for _ in range(3)] == ["", "", "log-unavailable"]
    log.fail("no space left")
    log.room = 100
    assert stage(exchange()).reason == "log-unavailable"


def test_room_is_kept_once_and_given_back_with_the_event() -> None:
    log = MemoryLog()
    record, found = recorder(log), exchange()
    record.admit(found)
    record.admit(found)
    assert log.reserved == 1
    record.record(found)
    record.record(found)
    assert log.reserved == 0


def test_in_strict_mode_the_answer_can_wait_for_its_admission() -> None:
    async def run() -> None:
        log = MemoryLog()
        record = recorder(log, RecordSettings())
        found = exchange(request_digest="a" * 64)
        assert record.admit(found) is ALLOW
        assert found.facts[ADMITTED] is log.awaited[0]
        assert not log.awaited[0].done()
        assert log.events[-1] == {
            "about": "admission",
            "action": "infer",
            "api": "openai-chat",
            "id": "1" * 32,
            "model": "m",
            "principal": {"id": "key1", "proof": "api-key", "team": "t"},
            "release": "r1",
            "request_digest": "a" * 64,
            "route": "m",
            "time": "2026-01-31T12:00:00Z",
        }
        log.is_broken = True
        refused = exchange(call=None, route=None)
        assert record.admit(refused).reason == "log-unavailable"
        record.record(refused)
        assert log.reserved == 1
        assert record.lost == 1

    asyncio.run(run())


def test_in_group_mode_nobody_waits() -> None:
    found = exchange()
    recorder(MemoryLog()).admit(found)
    assert ADMITTED not in found.facts


# What cannot be recorded


def test_an_admitted_request_that_cannot_be_recorded_closes_the_log_and_raises_nothing() -> None:
    log = MemoryLog()
    record, found = recorder(log), exchange()
    record.admit(found)
    log.is_broken = True
    record.record(found)
    assert log.failure
    assert not record.is_available
    assert (record.lost, log.missed) == (1, 0)
    assert record.admit(exchange()).reason == "log-unavailable"


def test_an_event_that_cannot_be_made_closes_the_log_and_raises_nothing() -> None:
    log = MemoryLog()
    record = recorder(log)
    record.record(exchange(started=None, marks=[None, None]))
    assert log.failure
    assert record.lost == 1


def test_a_refusal_that_finds_no_room_is_counted() -> None:
    log = MemoryLog()
    record = recorder(log)
    log.is_broken = True
    record.record(exchange(decision=deny("no-credential")))
    assert (log.missed, log.failure) == (1, "")
    record.close()
    assert record.lost == 2


# Switched off


def test_switched_off_only_that_is_recorded() -> None:
    log = MemoryLog(room=0)
    record, found = recorder(log, OFF), exchange()
    assert record.admit(found) is ALLOW
    record.record(found)
    assert not record.keeps_content
    assert [each["what"] for each in log.events] == ["start", "audit-off"]
    off = log.events[1]
    assert (off["reason"], off["owner"], off["expires"]) == ("load test", "Head of Platform", "2026-02-01")


def test_from_its_last_day_on_what_was_off_is_on_again_and_strict() -> None:
    async def run() -> None:
        log = MemoryLog()
        record = recorder(log, OFF)
        found = exchange(started=datetime(2026, 2, 1, tzinfo=UTC))
        assert (
            record.admit(exchange(started=datetime(2026, 2, 1, tzinfo=UTC) - timedelta(seconds=1))) is ALLOW
        )
        assert record.admit(found) is ALLOW
        assert ADMITTED in found.facts
        record.record(found)
        assert [each.get("what", each["about"]) for each in log.events] == [
            "start",
            "audit-off",
            "audit-on",
            "admission",
            "request",
        ]

    asyncio.run(run())


def test_what_is_over_is_never_off() -> None:
    log = MemoryLog()
    Recorder(log, settings=OFF, clock=FixedClock(datetime(2026, 2, 1, tzinfo=UTC)))
    assert [each["what"] for each in log.events] == ["start"]
    assert log.events[0]["mode"] == "strict"


def test_a_switch_that_cannot_say_it_is_on_again_lets_nothing_through() -> None:
    log = MemoryLog()
    record = recorder(log, OFF)
    log.is_broken = True
    assert record.admit(exchange(started=datetime(2026, 2, 1, tzinfo=UTC))).reason == "log-unavailable"


def test_a_start_that_cannot_be_recorded_is_no_start() -> None:
    log = MemoryLog()
    log.is_broken = True
    with pytest.raises(StoreError):
        recorder(log)


@pytest.mark.parametrize("left_out", ["off_reason", "off_owner", "off_expires"])
def test_nothing_is_switched_off_without_reason_owner_and_end(left_out: str) -> None:
    parts = {"off_reason": "r", "off_owner": "o", "off_expires": date(2026, 2, 1), left_out: None}
    parts = {name: value if value or name == "off_expires" else " " for name, value in parts.items()}
    with pytest.raises(ConfigurationError, match="without a reason"):
        recorder(MemoryLog(), RecordSettings(audit=AuditMode.OFF, **parts))


def test_start_and_stop_are_recorded() -> None:
    log = MemoryLog()
    recorder(log).close()
    assert [(each["what"], each["mode"]) for each in log.events] == [("start", "group"), ("stop", "group")]


# Content


def test_nothing_is_kept_of_content_unless_a_policy_says_so() -> None:
    assert RecordSettings().content is ContentForm.NONE
    log = MemoryLog()
    record = recorder(log)
    assert not record.keeps_content
    record.record(exchange(facts={SENT_BODY: b"asked", ANSWER_BODY: b"answered"}))
    assert "content" not in log.events[-1]
    for settings, keep in ((GROUP, Redacted(str)), (RecordSettings(content=ContentForm.SEALED), None)):
        with pytest.raises(ConfigurationError):
            recorder(MemoryLog(), settings, keep=keep)


def test_content_is_redacted_bounded_and_never_kept_otherwise() -> None:
    log = MemoryLog()
    settings = RecordSettings(audit=AuditMode.GROUP, content=ContentForm.REDACTED)
    record = recorder(log, settings, keep=Redacted(lambda text: text.replace("s3cr3t", "***")))
    assert record.keeps_content
    record.record(exchange(facts={SENT_BODY: b"my s3cr3t", ANSWER_BODY: "é".encode() * 20 + b"\xff"}))
    kept = log.events[-1]["content"]
    assert kept == {"answer": "é" * 20 + "\ufffd", "form": "redacted", "request": "my ***"}
    record.record(exchange(facts={SENT_BODY: b"a " * 20_000, ANSWER_BODY: b"b" * 20_000}))
    assert log.events[-1]["cut"] == ["content.request", "content.answer"]
    assert len(log.events[-1]["content"]["request"]) < 14 * 1024
    assert "answer" not in log.events[-1]["content"], "what may be half a credential is left out"
    record.record(exchange())
    assert log.events[-1]["content"]["request"] == '{"model":"m"}'
    record.record(exchange(call=None))
    assert "content" not in log.events[-1]


def test_content_that_cannot_be_redacted_is_left_out_and_that_is_said() -> None:
    def wrong(*said: str) -> Content:
        raise ValueError(said)

    log = MemoryLog()
    settings = RecordSettings(audit=AuditMode.GROUP, content=ContentForm.REDACTED)
    recorder(log, settings, keep=wrong).record(exchange(facts={SENT_BODY: b"s3cr3t"}))
    assert log.events[-1]["cut"] == ["content"]
    assert "s3cr3t" not in json.dumps(log.events)
    assert not log.failure

"""Events of requests: canonical, bounded, clean of what others may put in."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.request_event import (
    AdmissionEvent,
    Content,
    EventBounds,
    EventGround,
    EventPrincipal,
    NoticeEvent,
    RequestEvent,
    clean,
    encode,
    parse,
)
from keelmark.trust import canonical_json

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
WHOLE = RequestEvent(
    action="infer",
    answer_digest="a" * 64,
    api="openai-chat",
    broken_off=True,
    bytes_in=1000,
    bytes_out=900,
    content=Content(answer="a", form="redacted", request='line\n"two"\\é'),
    cut=("grounds",),
    decided_by="limits",
    duration_us=12345,
    grounds=(
        EventGround(detail="d", enforced=False, outcome="deny", reason="injection", score=10, stage="s"),
    ),
    id="1" * 32,
    input_tokens=10,
    model="m",
    outcome="deny",
    output_tokens=20,
    peer="127.0.0.1",
    principal=EventPrincipal(id="k1", proof="api-key", team="t", tenant="u"),
    reason="rate-limited",
    release="r1",
    request_digest="b" * 64,
    route="m",
    status=429,
    stream=True,
    time=NOON,
    timings=(("bound", 12), ("identify", 3)),
    tokens="counted",
)
BARE = RequestEvent(duration_us=1, id="1", outcome="allow", status=200, time=NOON)
OTHERS = (
    AdmissionEvent(action="infer", api="openai-chat", id="1", model="m", release="r", route="m", time=NOON),
    NoticeEvent(count=3, expires="2026-02-01", mode="strict", owner="o", reason="r", time=NOON, what="gap"),
)


@pytest.mark.parametrize("event", [WHOLE, BARE, *OTHERS])
def test_an_event_is_canonical_json_and_comes_back(event) -> None:
    line = encode(event)
    assert canonical_json.encode(json.loads(line)) == line
    assert b"\n" not in line
    assert parse(line) == event


def test_what_has_nothing_to_say_is_left_out() -> None:
    assert json.loads(encode(BARE)) == {
        "about": "request",
        "duration_us": 1,
        "id": "1",
        "outcome": "allow",
        "status": 200,
        "time": "2026-01-31T12:00:00Z",
    }


@given(st.text())
def test_clean_text_is_one_bounded_visible_line(text: str) -> None:
    shown = clean(text, 20)
    assert len(shown) <= 20
    assert shown.isprintable()
    shown.encode()
    if text.isprintable() and len(text) <= 20:
        assert shown == text


def test_what_cannot_be_seen_is_shown() -> None:
    assert clean("a\nb\u202ec\ud800") == "a\\u{a}b\\u{202e}c\\u{d800}"
    assert clean("x" * 300) == "x" * 159 + "…"


def test_what_does_not_fit_is_named_as_cut() -> None:
    wide = "😀" * 200_000
    ground = EventGround(detail="d" * 900, outcome="deny", reason="r", stage="s")
    big = msgspec.structs.replace(WHOLE, content=Content(form="redacted", request=wide))
    found = json.loads(encode(big))
    assert "content" not in found
    assert found["cut"] == ["grounds", "content"]
    found = json.loads(encode(msgspec.structs.replace(big, grounds=(ground,) * 200, cut=())))
    assert found["cut"] == ["content", "grounds"]
    assert len(encode(msgspec.structs.replace(WHOLE, timings=(("x" * 900, 1),) * 200))) < 2_000


def test_an_event_that_is_too_long_altogether_says_at_least_how_it_ended() -> None:
    found = json.loads(encode(msgspec.structs.replace(WHOLE, model="m" * 100_000)))
    assert found == {
        "about": "request",
        "cut": ["all"],
        "duration_us": 12345,
        "id": "1" * 32,
        "outcome": "deny",
        "status": 429,
        "time": "2026-01-31T12:00:00Z",
    }


def test_no_event_inside_its_field_bounds_loses_its_grounds() -> None:
    most = EventBounds()
    name = "\\" * most.max_name
    wide = "😀" * most.max_name
    for text in (name, wide):
        ground = EventGround(detail=text, enforced=False, outcome="redact", reason=text, score=1, stage=text)
        event = msgspec.structs.replace(
            WHOLE,
            content=None,
            grounds=(ground,) * most.max_grounds,
            model=text,
            principal=EventPrincipal(id=text, proof="certificate", team=text, tenant=text),
            cut=(),
        )
        assert "cut" not in json.loads(encode(event))


def test_what_is_no_event_is_refused() -> None:
    for wrong in (b"{}", b'{"about":"x"}', b"[]", b'{"about":"request"}', b""):
        with pytest.raises(msgspec.MsgspecError):
            parse(wrong)

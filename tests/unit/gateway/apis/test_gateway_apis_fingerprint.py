"""Streams of another system than the one that was released: nothing of them leaves."""

from __future__ import annotations

import json

import pytest

from keelmark.core.call import Action, Api, Call
from keelmark.errors import ScreenedError
from keelmark.gateway.apis.bounds import AnswerBounds
from keelmark.gateway.apis.interface import Screens
from keelmark.gateway.apis.stream_chat import ChatStream, CompletionsStream

OURS, NONE = "fp_ours", object()


class Open(Screens):
    def text(self, kind, choice):
        class Screen:
            def feed(self, text: str) -> str:
                return text

            def close(self) -> str:
                return ""

        return Screen()


def event(text: str | None = "a", fingerprint: object = OURS) -> bytes:
    choices = (
        []
        if text is None
        else [{"index": 0, "delta": {"content": text}, "text": text, "finish_reason": None}]
    )
    value = {"id": "c", "object": "o", "created": 1, "model": "m", "choices": choices}
    if fingerprint is not NONE:
        value["system_fingerprint"] = fingerprint
    return b"data: %b\n\n" % json.dumps(value).encode()


def fed(*events: bytes, kind=ChatStream, wanted: str = OURS) -> list[bytes]:
    call = Call(api=Api.CHAT, action=Action.INFER, model="m", body={}, stream=True)
    stream = kind(call, Open(), AnswerBounds())
    stream.fingerprint = wanted
    return [stream.feed(each) for each in events]


DONE = b"data: [DONE]\n\n"


@pytest.mark.parametrize("kind", [ChatStream, CompletionsStream])
@pytest.mark.parametrize("later", [OURS, None, NONE])
def test_a_stream_of_the_released_system_leaves(kind, later) -> None:
    out = fed(event(), event("b", later), DONE, kind=kind)
    assert [b'"a"' in out[0], b'"b"' in out[1]] == [True, True]


@pytest.mark.parametrize("kind", [ChatStream, CompletionsStream])
@pytest.mark.parametrize("first", ["fp_other", None, NONE, 1, ""])
def test_nothing_leaves_of_another_system_or_of_one_that_does_not_say(kind, first) -> None:
    with pytest.raises(ScreenedError) as raised:
        fed(event("a", first), kind=kind)
    assert raised.value.reason == "release-changed"


def test_what_comes_before_it_is_stated_waits_and_a_change_midway_stops() -> None:
    assert fed(event(None, NONE), event())[0] == b""
    for late in ("fp_other", 7):
        with pytest.raises(ScreenedError):
            fed(event(), event("b", late))


@pytest.mark.parametrize("events", [(DONE,), (event(None, None), DONE)])
def test_a_stream_that_ends_without_saying_is_refused(events) -> None:
    with pytest.raises(ScreenedError):
        fed(*events)


def test_without_a_fingerprint_nothing_is_compared() -> None:
    assert b'"a"' in fed(event("a", "fp_other"), wanted="")[0]

"""Streams of every interface through screens: cut anywhere, the same leaves; and what leaves is well formed.

The first byte of an input chooses the interface, the second one the screen; the rest is what the model sends.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

from tests.unit.gateway.apis.apis_bench import Screens, interface, parsed
from tests.unit.gateway.apis.apis_seeds import REQUESTS
from tests.unit.gateway.apis.test_gateway_apis_fuzz import STREAMS
from tools.fuzz.core import pieces, promise

from keelmark.core.exchange import Decision, Outcome
from keelmark.errors import ScreenedError
from keelmark.gateway.apis.bounds import AnswerBounds
from keelmark.gateway.apis.refused import AnswerError
from keelmark.gateway.apis.sse import EventReader
from keelmark.gateway.refusals import REFUSALS

__all__ = ["SEEDS", "WORDS", "one"]

_PATHS = sorted(STREAMS)
_BOUNDS = AnswerBounds(max_event_bytes=600, max_channels=6, max_held_bytes=300, max_depth=16)
_SCREENS: tuple[dict[str, Any], ...] = (
    {},
    {"width": 0, "hide": "b"},
    {"width": 4, "stop": "abc"},
    {"width": 1000, "hide": "c", "bad_tool": "look"},
)
_CALLS = {path: parsed(path, REQUESTS[path][0]) for path in _PATHS}


def _seeds() -> list[bytes]:
    found = []
    for number, path in enumerate(_PATHS):
        end = b"data: [DONE]\n\n" if "completions" in path else b""
        said = b"".join(b"data: %b\n\n" % json.dumps(value).encode() for value in STREAMS[path]) + end
        found += [bytes((number, screen)) + said for screen in range(len(_SCREENS))]
    item = b'{"type":"some_call","id":"i","content":"b","summary":[5],"logprobs":{"b":"b"}}'
    of_tools = b'data: {"type":"response.output_item.done","output_index":0,"item":%b}\n\n' % item
    found.append(bytes((_PATHS.index("/v1/responses"), 1)) + of_tools)
    return found


SEEDS = tuple(_seeds())
WORDS = (
    b"data: [DONE]\n\n", b"\n\n", b"data: ", b"event: x\n", b"\r\n", b"null", b"{}", b"[]", b'""', b'"abc"', b'"index":1', b'"index":-1', b'"index":99999',
    b'"finish_reason":"stop"', b'"content":"b"', b'"choices":[', b'"delta":{', b'"error":{"message":"x"},', b'"usage":{"prompt_tokens":1}', b'"logprobs":{',
    b'"type":"', b"_delta", b"_start", b"_stop", b'"tool_calls":[{"index":0,"function":{"arguments":"{"}}]', b"\xff", b"\\ud800", b"1e999",
    b'{"type":"content_block_stop","index":0}', b'{"type":"message_stop"}', b'{"type":"ping"}', b'{"type":"response.completed","response":{}}',
)  # fmt: skip


def one(data: bytes) -> None:
    """One stream."""
    if len(data) < 2:
        return
    path, chosen, said = _PATHS[data[0] % len(_PATHS)], _SCREENS[data[1] % len(_SCREENS)], data[2:]
    whole = _streamed(path, chosen, [said])
    cut = _streamed(path, chosen, pieces(said))
    promise(whole == cut, "cut bytes leave as others", path, chosen, whole, cut)


def _streamed(path: str, chosen: dict[str, Any], parts: list[bytes]) -> tuple[Any, ...]:
    """What leaves, and how it ended."""
    screens = Screens(**chosen)
    stream = interface(path).stream(_CALLS[path], screens, _BOUNDS)
    out, reason = b"", ""
    try:
        for part in parts:
            out += stream.feed(part)
        out += stream.close()
    except (AnswerError, ScreenedError) as error:
        reason = error.reason
        promise(reason in REFUSALS or reason == "secret", "the reason stands in no table", reason)
    if reason:
        # What left before it went wrong depends on how much came at once; that nothing is left out is another promise.
        refusal = stream.refuse(Decision(outcome=Outcome.DENY, reason="stage-failed"))
        promise(stream.is_done and refusal, "a stopped stream does not end", path)
        _check_events(path, out + refusal)
        return (reason,)
    promise(stream.is_done, "a stream ends without an end", path)
    _check_events(path, out)
    _check_screened(chosen, out, stream)
    return out, stream.finish, stream.usage, stream.tool_uses


def _check_events(path: str, out: bytes) -> None:
    reader = EventReader(max_bytes=1024**2)
    for event in reader.feed(out):
        if event.data == b"[DONE]":
            continue
        with contextlib.suppress(RecursionError):
            promise(isinstance(json.loads(event.data), dict), "what leaves is no object", path, event.data)
    promise(not reader.is_partial, "what leaves ends in the middle", path, out[-80:])


def _check_screened(chosen: dict[str, Any], out: bytes, stream: Any) -> None:
    if chosen.get("bad_tool"):
        promise(
            all(use.name != chosen["bad_tool"] for use in stream.tool_uses), "a tool that is none left", out
        )
    if stop := chosen.get("stop"):
        texts = "".join(_contents(out))
        promise(stop not in texts, "what must not leave left", texts, out)


def _contents(out: bytes) -> list[str]:
    """Texts of the first choice of chat, one after the other."""
    found = []
    for event in EventReader(max_bytes=1024**2).feed(out):
        value = {} if event.data == b"[DONE]" else json.loads(event.data)
        choices = [each for each in value.get("choices") or () if each.get("index") == 0]
        found += [(each.get("delta") or {}).get("content") or "" for each in choices]
    return found

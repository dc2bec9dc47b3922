"""Whole answers of models and servers: read or an error, every text shown to the screens, and well formed when they leave.

The first byte of an input chooses the interface, the second one the screen; the rest is the body.
"""

from __future__ import annotations

import json
from typing import Any

from tests.unit.gateway.apis.apis_bench import Screens, interface, parsed
from tests.unit.gateway.apis.apis_seeds import REQUESTS
from tests.unit.gateway.apis.test_gateway_apis_fuzz import WHOLE
from tools.fuzz.core import promise

from keelmark.errors import ScreenedError
from keelmark.gateway.apis.bounds import AnswerBounds
from keelmark.gateway.apis.interface import apply
from keelmark.gateway.apis.refused import AnswerError
from keelmark.gateway.refusals import REFUSALS

__all__ = ["SEEDS", "WORDS", "one"]

_PATHS = sorted(WHOLE)
_BOUNDS = AnswerBounds(max_bytes=4096, max_depth=16)
_SCREENS: tuple[dict[str, Any], ...] = (
    {},
    {"width": 0, "hide": "e"},
    {"width": 3, "stop": "keel"},
    {"width": 0, "bad_tool": "look"},
)
_CALLS = {path: parsed(path, REQUESTS[path][0]) for path in _PATHS}

SEEDS = (
    *(
        bytes((number, screen)) + json.dumps(WHOLE[path]).encode()
        for number, path in enumerate(_PATHS)
        for screen in range(len(_SCREENS))
    ),
    bytes((_PATHS.index("/v1/responses"), 1)) + b'{"output":[{"type":"reax","logprobs":{"tokens":["e"]}}]}',
)
WORDS = (
    b"null", b"[]", b"{}", b'""', b"0", b"-1", b"1e999", b"NaN", b'"e"', b'"keel"', b'"content":"e"', b'"text":"e"', b'"type":"text",', b'"choices":[',
    b'"message":{', b'"tool_calls":[{"id":"t","type":"function","function":{"name":"look","arguments":"{}"}}]', b'"error":{"message":"e"},', b'"usage":{',
    b'"logprobs":{"content":[{"token":"e","logprob":0,"bytes":[101],"top_logprobs":[]}]}', b'"output":[', b'"result":{', b'"embedding":[', b"\\ud800", b"\xff",
    b'"data":[', b'"index":0,', b"[" * 20, b'"finish_reason":"stop"',
)  # fmt: skip


def one(data: bytes) -> None:
    """One answer."""
    if len(data) < 2:
        return
    path, chosen = _PATHS[data[0] % len(_PATHS)], _SCREENS[data[1] % len(_SCREENS)]
    screens = Screens(**chosen)
    try:
        answer = interface(path).answer(_CALLS[path], data[2:], _BOUNDS)
        for text in answer.texts:
            promise(_at(answer.body, text.place) == text.text, "a text stands elsewhere", path, text)
        apply(answer, screens)
    except AnswerError as error:
        promise(error.reason in REFUSALS, "the reason stands in no table", path, error.reason)
        return
    except ScreenedError:
        promise("stop" in chosen or "bad_tool" in chosen, "a screen stops what it should not", path, chosen)
        return
    left = answer.encode()
    if left or answer.body is not None:
        promise(json.loads(left) == answer.body, "what leaves is no JSON", path, left)
    for text in answer.texts:
        promise(_at(answer.body, text.place) == text.text, "a changed text stands elsewhere", path, text)
        promise("hide" not in chosen or chosen["hide"] not in text.text, "what is taken out left", path, text)
        promise(
            "stop" not in chosen or chosen["stop"] not in text.text, "what must not leave left", path, text
        )
    bad = chosen.get("bad_tool")
    promise(not bad or all(use.name != bad for use in answer.tool_uses), "a tool that is none left", path)


def _at(value: Any, place: tuple[str | int, ...]) -> Any:
    for step in place:
        value = value[step]
    return value

"""Callers meet the name of a model that they used, and no other: those of upstreams may tell paths and accounts."""

from __future__ import annotations

import json

import pytest
from tests.unit.gateway.apis import apis_bench as bench

INNER = "/srv/models/inner-name.Q4.gguf"
MESSAGES = [{"role": "user", "content": "Hi"}]
USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
HEAD = {"id": "1", "model": INNER}
RESPONSE = {**HEAD, "object": "response", "status": "completed", "output": []}
MESSAGE = {
    **HEAD,
    "type": "message",
    "role": "assistant",
    "content": [],
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
ASKED = {
    "/v1/chat/completions": {"messages": MESSAGES},
    "/v1/completions": {"prompt": "Hi"},
    "/v1/embeddings": {"input": "Hi"},
    "/v1/responses": {"input": "Hi"},
    "/v1/messages": {"messages": MESSAGES, "max_tokens": 5},
}
WHOLE = {
    "/v1/chat/completions": {
        **HEAD,
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "Yes"}, "finish_reason": "stop"}
        ],
    },
    "/v1/completions": {**HEAD, "choices": [{"index": 0, "text": "Yes", "finish_reason": "stop"}]},
    "/v1/embeddings": {
        **HEAD,
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "usage": USAGE,
    },
    "/v1/responses": RESPONSE,
    "/v1/messages": MESSAGE,
}
STREAMED = {
    "/v1/chat/completions": (
        {**HEAD, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Yes"}}]},
        {**HEAD, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        "[DONE]",
    ),
    "/v1/completions": (
        {**HEAD, "choices": [{"index": 0, "text": "Yes", "finish_reason": "stop"}]},
        "[DONE]",
    ),
    "/v1/responses": (
        {"type": "response.created", "response": {**RESPONSE, "status": "in_progress"}},
        {"type": "response.completed", "response": RESPONSE},
    ),
    "/v1/messages": (
        {"type": "message_start", "message": MESSAGE},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ),
}


def asked(path: str, **more):
    call = bench.parsed(path, {"model": "help", **ASKED[path], **more})
    call.body["model"] = INNER  # as it goes on
    return call


@pytest.mark.parametrize("path", WHOLE)
def test_whole_answers_name_the_model_as_the_caller_did(path) -> None:
    left = bench.answered(path, asked(path), json.dumps(WHOLE[path]).encode(), bench.Screens())
    assert b"inner-name" not in left
    assert b'"model":"help"' in left


@pytest.mark.parametrize("path", STREAMED)
def test_streams_name_the_model_as_the_caller_did(path) -> None:
    left = bench.streamed(path, asked(path, stream=True), bench.events(*STREAMED[path]), bench.Screens())
    assert b"inner-name" not in left
    assert left.count(b'"model":"help"') >= 1

"""Whatever comes, from callers or from upstreams: a call or a refusal, an answer or an error, never anything else."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.gateway.apis.apis_bench import BOUNDS, Screens, interface, parsed, post
from tests.unit.gateway.apis.apis_seeds import REQUESTS, damaged
from tests.unit.gateway.apis.test_gateway_apis_clients import (
    CHAT,
    MESSAGE,
    chat_stream,
    message_stream,
    output,
    response,
    response_stream,
)

from keelmark.core.call import Call
from keelmark.core.exchange import Decision, Outcome, Request
from keelmark.gateway.apis import routes
from keelmark.gateway.apis.bounds import AnswerBounds, ApiBounds
from keelmark.gateway.apis.interface import apply
from keelmark.gateway.apis.refused import AnswerError
from keelmark.gateway.refusals import REFUSALS

LOOSE = ApiBounds(
    remote_urls=True,
    stored=True,
    token_inputs=True,
    hosted_tools=("web_search", "code"),
    extra_fields=("x", "data"),
)
SEEDS = st.integers(0, 2**32)
PATHS = sorted(REQUESTS)
ANSWERS = AnswerBounds(max_channels=8)


def check_decided(request: Request, bounds: ApiBounds) -> None:
    decided = routes.parse(request, bounds)
    if isinstance(decided, Decision):
        assert decided.outcome is Outcome.DENY
        assert decided.reason in REFUSALS
        return
    assert isinstance(decided, Call)
    for span in decided.spans:
        value = decided.body
        for step in span.place:
            value = value[step]
        assert value == span.text
    assert decided.is_tainted or not any(span.provenance.is_untrusted for span in decided.spans)


@pytest.mark.parametrize("path", PATHS)
def test_the_seeds_are_well_formed(path):
    for body in REQUESTS[path]:
        parsed(path, body)


@pytest.mark.parametrize("path", PATHS)
@given(SEEDS, st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_object_is_a_call_or_refused(path, seed, is_loose):
    body = damaged(REQUESTS[path][seed % len(REQUESTS[path])], seed)
    check_decided(post(path, body), LOOSE if is_loose else BOUNDS)


@given(st.sampled_from(PATHS), st.binary(max_size=100))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_a_call_or_refused(path, body):
    check_decided(post(path, body), BOUNDS)


HEADERS = [
    "content-type", "content-encoding", "mcp-session-id", "anthropic-beta", "anthropic-version", "x-keelmark-provenance", "host",
]  # fmt: skip


@given(
    st.sampled_from(["GET", "POST", "DELETE", "HEAD", "X"]),
    st.text(max_size=20) | st.sampled_from([*PATHS, "/v1/models"]),
    st.dictionaries(st.sampled_from(HEADERS), st.text(max_size=20)),
)
@settings(max_examples=150, deadline=None)
def test_any_head_is_a_call_or_refused(method, path, headers):
    body = b'{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":1}'
    request = Request(method=method, path=path, query="", headers=headers, body=body)
    check_decided(request, BOUNDS)


WHOLE = {
    "/v1/chat/completions": CHAT,
    "/v1/completions": {"choices": [{"index": 0, "text": "x", "logprobs": {"tokens": ["x"]}}]},
    "/v1/embeddings": {"data": [{"index": 0, "embedding": [0.5]}, {"index": 1, "embedding": "AAAA"}]},
    "/v1/messages": MESSAGE,
    "/v1/messages/count_tokens": {"input_tokens": 5},
    "/v1/responses": response([*output(), {"type": "web_search_call", "id": "w", "action": {"query": "x"}}]),
    "/v1/predict/m": {"predictions": ["a", 1.5, {"b": ["c"]}]},
    "/mcp/s": {
        "jsonrpc": "2.0",
        "id": 1,
        "result": {"tools": [{"name": "t", "description": "d", "inputSchema": {}}]},
    },
}


@pytest.mark.parametrize("path", sorted(WHOLE))
@given(SEEDS)
@settings(max_examples=150, deadline=None)
def test_any_answer_is_read_or_an_error(path, seed):
    call = parsed(path, REQUESTS[path][0])
    body = json.dumps(damaged(WHOLE[path], seed)).encode()
    with contextlib.suppress(AnswerError):
        answer = interface(path).answer(call, body, ANSWERS)
        for text in answer.texts:
            found = answer.body
            for step in text.place:
                found = found[step]
            assert found == text.text
        apply(answer, Screens(width=0, hide="e"))
        assert json.loads(answer.encode()) == answer.body
        assert all("e" not in text.text for text in answer.texts)


def values_of(raw: bytes) -> list:
    parts = [part.partition(b"data: ")[2] for part in raw.split(b"\n\n") if part]
    return [json.loads(part) for part in parts if part != b"[DONE]"]


STREAMS = {
    "/v1/chat/completions": values_of(chat_stream("abcd")),
    "/v1/completions": [{"choices": [{"index": 0, "text": "x", "finish_reason": None}]}, {"choices": [{"index": 0, "finish_reason": "stop"}]}],
    "/v1/messages": values_of(message_stream("abcd")),
    "/v1/responses": values_of(response_stream("abcd")),
    "/mcp/s": [{"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "x"}},
               {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "x"}]}}],
}  # fmt: skip


@pytest.mark.parametrize("path", sorted(STREAMS))
@given(SEEDS, st.sampled_from([b"", b"data: [DONE]\n\n", b"data: {\n\n", b"event: \xff\ndata: {}\n\n"]))
@settings(max_examples=150, deadline=None)
def test_any_events_are_read_or_an_error(path, seed, end):
    values = damaged(STREAMS[path], seed)
    if type(values) is not list:
        values = [values]
    raw = b"".join(b"data: %b\n\n" % json.dumps(value).encode() for value in values) + end
    call = parsed(path, REQUESTS[path][0])
    stream = interface(path).stream(call, Screens(width=1, hide="e"), ANSWERS)
    try:
        stream.feed(raw)
        stream.close()
    except AnswerError as error:
        assert error.reason in REFUSALS  # noqa: PT017 - other endings are fine too
    assert stream.refuse(Decision(outcome=Outcome.DENY, reason="secret"))
    assert stream.is_done

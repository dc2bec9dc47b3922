"""Answers and events that are nearly right: each is an error, or read as what it is."""

import json

import pytest
from tests.unit.gateway.apis.apis_bench import (
    ANSWERS,
    Screens,
    answered,
    events,
    interface,
    parsed,
    refused,
    streamed,
)
from tests.unit.gateway.apis.apis_seeds import REQUESTS
from tests.unit.gateway.apis.test_gateway_apis_answers import call_of, run, values
from tests.unit.gateway.apis.test_gateway_apis_clients import (
    MESSAGE,
    chunk,
    message_stream,
    output,
    response,
    response_stream,
)

from keelmark.errors import ScreenedError
from keelmark.gateway.apis.bounds import ApiBounds
from keelmark.gateway.apis.refused import AnswerError
from keelmark.gateway.apis.sse import Event

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
START = {"type": "message_start", "message": {**MESSAGE, "content": []}}
STOP = {"type": "message_stop"}


def block(index, **held) -> dict:
    return {"type": "content_block_start", "index": index, "content_block": held}


def delta(index, **held) -> dict:
    return {"type": "content_block_delta", "index": index, "delta": held}


def end(index) -> dict:
    return {"type": "content_block_stop", "index": index}


def added(index, **item) -> dict:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def at(kind: str, **held) -> dict:
    return {"type": f"response.{kind}", "item_id": "i", "output_index": 0, "content_index": 0, **held}


TOOL = block(0, type="tool_use", id="t", name="look", input={})
CALL = added(0, type="function_call", id="i", call_id="t", name="look", arguments="")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (CHAT, [{"choices": {}}]), (CHAT, [chunk([])]), (CHAT, [chunk({"content": 5})]), (CHAT, [chunk({"tool_calls": 5})]),
        (CHAT, [chunk({"tool_calls": [5]})]), (CHAT, [chunk({"tool_calls": [{"index": -1}]})]), (CHAT, [chunk({}, finish=5)]),
        (CHAT, [chunk({"tool_calls": [{"index": 0, "function": 5}]})]), (CHAT, [chunk({"tool_calls": [{"index": 0, "function": {"name": 5}}]})]),
        (CHAT, [chunk({"tool_calls": [{"index": 0, "id": "t"}]}), chunk({}, finish="stop")]), (CHAT, [chunk({"content": "x"}, logprobs=5)]),
        (CHAT, [chunk({"content": "x"}), chunk({}, finish="stop"), chunk({"content": "y"})]),
        (MESSAGES, [block("0", type="text")]), (MESSAGES, [TOOL, TOOL]), (MESSAGES, [block(0, type="text", text=5)]),
        (MESSAGES, [delta(0, type="text_delta", text="x")]), (MESSAGES, [TOOL, delta(0, type="input_json_delta", partial_json=5)]),
        (MESSAGES, [block(0, type="text"), delta(0, type="text_delta", text=5)]), (MESSAGES, [end(0)]), (MESSAGES, [TOOL, STOP]),
        (MESSAGES, [block(0, type="tool_use"), end(0)]), (MESSAGES, [{"type": "message_start"}]), (MESSAGES, [{"type": "message_delta"}]),
        (RESPONSES, [at("completed", response={})]), (RESPONSES, [CALL, CALL]), (RESPONSES, [added("0", type="message")]), (RESPONSES, [added(0, id="x")]),
        (RESPONSES, [CALL, at("function_call_arguments.delta", delta="{}"), {**CALL, "type": "response.output_item.done"}]),
        (RESPONSES, [at("function_call_arguments.delta", delta=5)]), (RESPONSES, [{"type": "response.function_call_arguments.done", "arguments": ""}]),
        (RESPONSES, [CALL, at("function_call_arguments.delta", delta="{"), at("function_call_arguments.done", arguments="{}")]),
        (RESPONSES, [at("content_part.added", part={"type": "x"})]), (RESPONSES, [at("content_part.done", part={"type": "x"})]),
        (RESPONSES, [at("output_text.delta", delta=5)]), (RESPONSES, [at("output_text.done", text=5)]),
        (RESPONSES, [{"type": "response.output_text.delta", "delta": "x"}]), (RESPONSES, [{"type": "error", "message": "x"}]),
    ],
)  # fmt: skip
def test_events_that_break_their_interface_are_an_error(path, told):
    with pytest.raises(AnswerError):
        run(path, events(*told))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (CHAT, {"choices": [{"message": {"content": 5}}]}), (CHAT, {"choices": [{"message": {"tool_calls": 5}}]}), (CHAT, {"choices": 5}),
        (CHAT, {"choices": [{"message": {"tool_calls": [5]}}]}), (CHAT, {"choices": [{"message": {"tool_calls": [{"function": {"name": 5}}]}}]}),
        ("/v1/completions", {"choices": [{"text": None}]}), (MESSAGES, {"content": [5]}), (MESSAGES, {"content": [{"type": "text"}]}),
        (MESSAGES, {"content": [{"type": "tool_use", "name": "x"}]}), ("/v1/messages/count_tokens", {"input_tokens": "5"}),
        (RESPONSES, {"output": [5]}), (RESPONSES, {"output": [{"type": "message", "content": 5}]}), (RESPONSES, {"output": [{"type": "function_call"}]}),
        (RESPONSES, {"output": [{"type": "message", "content": [{"type": "output_text", "text": 5}]}]}), ("/v1/embeddings", {"data": [{"index": 0, "embedding": ["x"]}]}),
        ("/v1/embeddings", {"data": [{"index": 0, "embedding": "?"}]}), ("/v1/embeddings", {"data": [{"embedding": []}]}), ("/v1/embeddings", {"data": 5}),
        ("/mcp/s", {"jsonrpc": "2.0", "id": 1, "result": 5}), ("/mcp/s", {"jsonrpc": "2.0", "id": 1, "result": {"tools": [5]}}),
        ("/mcp/s", {"jsonrpc": "2.0", "method": "x", "result": {}}), ("/mcp/s", {"jsonrpc": "2.0", "id": 1}), ("/mcp/s", {"id": 1, "result": {}}),
    ],
)  # fmt: skip
def test_answers_that_break_their_interface_are_an_error(path, value):
    with pytest.raises(AnswerError):
        answered(path, parsed(path, REQUESTS[path][0]), json.dumps(value).encode(), Screens())


def test_predict_answers_are_json():
    for raw in (b"{", b"5", b'"x"'):
        with pytest.raises(AnswerError):
            interface("/v1/predict/m").answer(parsed("/v1/predict/m", {}), raw, ANSWERS)


def test_a_block_may_begin_with_its_text_and_its_input():
    told = events(
        START, block(0, type="text", text="keel"), delta(0, type="text_delta", text="mark"), end(0),
        block(1, type="tool_use", id="t", name="look", input={"q": "a"}), end(1),
        block(2, type="redacted_thinking", data="AAAA"), end(2),
        block(3, type="server_tool_use", id="s", name="web_search", input={}), delta(3, type="input_json_delta", partial_json='{"q":"keel"}'), end(3),
        block(4, type="web_search_tool_result", content=[{"title": "keel"}]), delta(4, type="x"), end(4),
        block(5, type="text", text=""), delta(5, type="citations_delta", citation={"cited_text": "keel"}), end(5),
        {"type": "message_delta", "delta": {"stop_reason": "stop_sequence", "stop_sequence": "keel"}, "usage": {"output_tokens": 1}},
        STOP, names=True,
    )  # fmt: skip
    screens = Screens(width=0, hide="keel")
    _, out = run(MESSAGES, told, screens)
    assert b"keel" not in out
    assert b"mark" in out
    assert [(use.name, use.arguments) for use in screens.uses] == [("look", {"q": "a"})]


def test_texts_that_are_told_only_as_a_whole_are_screened_too():
    part = {"type": "output_text", "text": "keel", "annotations": [{"title": "keel"}], "logprobs": []}
    told = [
        added(0, type="message", id="i", role="assistant", content=[part]),
        at("output_text.annotation.added", annotation={"title": "keel"}, annotation_index=0),
        at("content_part.done", part=part),
        {"type": "response.output_item.done", "output_index": 0, "item": {"type": "message", "id": "i", "content": [part]}},
        added(1, type="code_interpreter_call", id="c", code="keel", outputs=[{"logs": "keel"}]),
        {"type": "response.code_interpreter_call_code.delta", "item_id": "c", "output_index": 1, "delta": "ke"},
        {"type": "response.code_interpreter_call_code.delta", "item_id": "c", "output_index": 1, "delta": "el"},
        {"type": "response.code_interpreter_call_code.done", "item_id": "c", "output_index": 1, "code": "keel"},
        {"type": "response.code_interpreter_call.completed", "item_id": "c", "output_index": 1},
        {"type": "response.output_item.done", "output_index": 1, "item": {"type": "web_search_call", "action": {"query": "keel"}}},
        {"type": "response.completed", "response": response([{"type": "message", "content": [part]}, {"type": "x"},
                                                             {"type": "message", "content": [part, {"type": "new", "x": "keel"}]}])},
    ]  # fmt: skip
    _, out = run(RESPONSES, events(*told), Screens(width=4, hide="keel"))
    assert b"keel" not in out
    last = values(out)[-1]["response"]["output"]
    assert [item["type"] for item in last] == ["message", "web_search_call", "message"]


def test_a_text_without_its_end_is_told_when_its_item_ends():
    told = [
        added(0, type="message", id="i", role="assistant", content=[]),
        at("output_text.delta", delta="ab"), at("refusal.delta", delta="cd"),
        {"type": "response.output_item.done", "output_index": 0, "item": {"type": "message", "id": "i", "content": [{"type": "output_text", "text": "ab"}]}},
        added(1, type="code_interpreter_call", id="c"),
        {"type": "response.code_interpreter_call_code.delta", "item_id": "c", "output_index": 1, "delta": "ef"},
        {"type": "response.completed", "response": response([])},
    ]  # fmt: skip
    _, out = run(RESPONSES, events(*told), Screens(width=9))
    assert [value["delta"] for value in values(out) if "delta" in value] == ["ab", "cd", "ef"]


def test_custom_tools_of_responses_are_shown_once():
    item = {"type": "custom_tool_call", "id": "i", "call_id": "t", "name": "look", "input": "free"}
    told = [
        added(0, **item), at("custom_tool_call_input.delta", delta="free"), at("custom_tool_call_input.done", input="free"),
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.mcp_call_arguments.done", "item_id": "m", "output_index": 1, "arguments": ""},
        {"type": "response.output_item.done", "output_index": 2, "item": {**item, "name": "second"}},
        {"type": "response.completed", "response": response([item, {**item, "name": "third"}, {**item, "name": "second"}])},
    ]  # fmt: skip
    screens = Screens()
    stream, _ = run(RESPONSES, events(*told, "[DONE]"), screens)
    assert [(use.name, use.arguments) for use in screens.uses] == [
        ("look", "free"),
        ("second", "free"),
        ("third", "free"),
    ]
    assert stream.tool_uses == screens.uses


def test_a_done_marker_ends_no_stream_of_responses():
    with pytest.raises(AnswerError, match="broke off"):
        run(RESPONSES, events("[DONE]"))


def test_a_session_of_mcp_has_no_end_of_its_own():
    from keelmark.core.exchange import Request
    from keelmark.gateway.apis import routes

    call = routes.parse(Request(method="GET", path="/mcp/s"), ApiBounds())
    told = events({"jsonrpc": "2.0", "id": 9, "result": {}})
    assert streamed("/mcp/s", call, told, Screens()).endswith(b'"result":{}}\n\n')
    with pytest.raises(AnswerError, match="to nothing"):
        streamed("/mcp/s", call, events({"jsonrpc": "2.0", "result": {}}), Screens())


def test_a_stream_that_is_over_says_nothing_more():
    stream, _ = run(RESPONSES, response_stream())
    assert stream.feed(response_stream()) == b""
    with pytest.raises(ScreenedError):
        answered(
            RESPONSES,
            call_of(RESPONSES),
            json.dumps(response(output("bad"))).encode(),
            Screens(width=0, stop="bad"),
        )
    _, out = run(MESSAGES, message_stream() * 2)
    assert out.count(b"message_stop") == 2


def test_events_are_compared_by_what_they_say():
    assert Event(b"a", "x") == Event(b"a", "x")
    assert Event(b"a") != "a"
    assert repr(Event(b"secret")) == "Event(6 bytes, name='', id='')"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {"model": "m", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]}),
        (CHAT, {"model": "m", "messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]}),
        (CHAT, {"model": "m", "messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "?"}}]}]}),
        (MESSAGES, {"model": "m", "messages": [{"role": "user", "content": [{"type": "text"}]}]}),
        (MESSAGES, {"model": "m", "messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "x"}}]}]}),
        (MESSAGES, {"model": "m", "messages": [{"role": "user", "content": [{"type": "redacted_thinking"}]}]}),
        (MESSAGES, {"model": "m", "messages": []}), (MESSAGES, {"model": "m", "messages": [{"role": "user", "content": "x"}] * 1001}),
        (MESSAGES, {"model": "m", "messages": [{"role": "user", "content": 5}]}), (MESSAGES, {"model": "m", "messages": [{"role": "x"}]}),
        (RESPONSES, {"model": "m"}), (RESPONSES, {"model": "m", "input": ["x"]}), (RESPONSES, {"model": "m", "input": [{}] * 1001}),
        (RESPONSES, {"model": "m", "input": [{"role": "x", "content": "y"}]}), (RESPONSES, {"model": "m", "input": [{"role": "user", "content": 5}]}),
        (RESPONSES, {"model": "m", "input": [{"role": "user", "content": [{"type": "x"}]}]}),
        (RESPONSES, {"model": "m", "input": [{"role": "user", "content": [{"type": "input_text"}]}]}),
        (RESPONSES, {"model": "m", "input": [{"role": "user", "content": [{"type": "input_file"}]}]}),
        (RESPONSES, {"model": "m", "input": "x", "tools": ["x"]}), (RESPONSES, {"model": "m", "input": "x", "max_output_tokens": -1}),
        ("/v1/completions", {"model": "m", "prompt": "x", "n": True}),
    ],
)  # fmt: skip
def test_requests_that_break_their_interface_are_refused(path, body):
    assert refused(path, body) == "bad-field"


def test_parts_of_every_kind_are_read():
    content = {"type": "document", "source": {"type": "content", "content": "of others"}}
    source = {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
    }
    result = {"type": "tool_result", "tool_use_id": "t"}
    cited = {"type": "text", "text": "x", "citations": [{"cited_text": "of others"}]}
    call = parsed(
        MESSAGES, {"model": "m", "messages": [{"role": "user", "content": [content, source, result, cited]}]}
    )
    assert [span.text for span in call.spans] == ["of others", "x", "of others"]
    audio = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    said = {"type": "output_text", "text": "x", "annotations": [{"title": "of others"}]}
    body = {
        "model": "m",
        "tool_choice": {"type": "function", "name": "x"},
        "input": [{"role": "user", "content": [audio, said]}],
    }
    assert [span.text for span in parsed(RESPONSES, body).spans] == ["x", "of others", "x"]


class Swallow:
    """A screen that takes out what it held back."""

    def feed(self, text: str) -> str:
        return ""

    def close(self) -> str:
        return ""


class SwallowAll(Screens):
    def text(self, kind, choice):
        return Swallow()


def test_log_probabilities_of_a_text_that_was_swallowed_do_not_leave():
    told = events(
        chunk({"content": "keel"}, logprobs={"content": [{"token": "keel"}], "refusal": None}),
        {**chunk({}), "choices": [{"index": 0, "delta": None, "finish_reason": "stop"}]}, "[DONE]",
    )  # fmt: skip
    _, out = run(CHAT, told, SwallowAll())
    assert b"keel" not in out
    _, out = run(CHAT, told)
    assert b'{"content":[{"token":"keel"}],"refusal":null}' in out
    part = {"type": "output_text", "text": "keel", "annotations": [], "logprobs": [{"token": "keel"}]}
    item = {"type": "message", "id": "i", "content": [part, {"type": "x"}, {**part, "text": ""}]}
    told = [
        added(0, type="message", id="i", content=[]), at("output_text.delta", delta="keel", logprobs=[{"token": "keel"}]),
        at("output_text.done", text="keel", logprobs=[{"token": "keel"}]), at("content_part.done", part=part),
        {"type": "response.output_item.done", "output_index": 0, "item": {**item, "content": item["content"][:2]}},
        {"type": "response.failed", "response": response([item], status="failed", error={"code": "x", "message": "keel"})},
    ]  # fmt: skip
    _, out = run(RESPONSES, events(*told), SwallowAll())
    assert b"keel" not in out


def test_what_is_empty_is_no_text():
    empty = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": "", "function_call": {"name": "x", "arguments": ""}},
    }
    for path, value in (
        (CHAT, {"choices": [empty]}), ("/v1/completions", {"choices": [{"index": 0, "text": ""}]}),
        (MESSAGES, {"content": [{"type": "text", "text": ""}, {"type": "redacted_thinking", "data": "AAAA"}]}),
        (RESPONSES, {"output": [{"type": "function_call", "name": "x", "arguments": ""}, {"type": "message", "content": [{"type": "refusal", "refusal": ""}]}]}),
    ):  # fmt: skip
        answer = interface(path).answer(call_of(path), json.dumps(value).encode(), ANSWERS)
        assert answer.texts == []
    told = events(START, TOOL, end(0), {"type": "message_delta", "delta": {}, "usage": {}}, STOP, names=True)
    assert b"input_json_delta" not in run(MESSAGES, told)[1]
    told = events(
        chunk({"tool_calls": [{"index": 0, "function": {"name": "x"}}]}), chunk({}, finish="stop"), "[DONE]"
    )
    assert b'"arguments":""' in run(CHAT, told)[1]
    with pytest.raises(AnswerError):
        answered(CHAT, call_of(CHAT), b'{"choices":[{"message":{"tool_calls":[{"function":5}]}}]}', Screens())


def test_arguments_larger_than_the_bound_count_as_not_decoded():
    from keelmark.gateway.apis.bounds import AnswerBounds
    from keelmark.gateway.apis.openai_answer import arguments_of

    assert arguments_of('{"a": 1}', AnswerBounds(max_held_bytes=3)) is None
    assert arguments_of(5, ANSWERS) is None


def test_listings_hold_names_alone():
    from keelmark.core.exchange import Request
    from keelmark.gateway.apis import routes

    call = routes.parse(Request(method="GET", path="/v1/models"), ApiBounds())
    for rows in ([5], [{"id": 5}], [{"id": "a\nb"}], 5):
        with pytest.raises(AnswerError, match="no models"):
            interface("/v1/models", "GET").answer(call, json.dumps({"data": rows}).encode(), ANSWERS)


def test_further_requests_that_break_their_interface_are_refused():
    part = {"type": "text", "text": "x", "extra": 1}
    assert refused(CHAT, {"model": "m", "messages": [{"role": "user", "content": [part]}]}) == "unknown-field"
    image = {"type": "image_url", "image_url": {"detail": "low"}}
    assert refused(CHAT, {"model": "m", "messages": [{"role": "user", "content": [image]}]}) == "bad-field"
    allowed = ApiBounds(extra_fields=("max_tokens", "n"))
    for name in ("best_of", "n"):
        assert refused("/v1/completions", {"model": "m", "prompt": "x", name: 0}, allowed) == "bad-field"
    marks = ",".join(f"{index}=retrieved" for index in range(1001))
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    assert refused(CHAT, body, x_keelmark_provenance=marks) == "bad-request"

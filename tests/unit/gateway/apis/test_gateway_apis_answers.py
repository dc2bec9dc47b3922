"""What leaves: texts after their screens, tools as a whole, nothing that is not known; at any split."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp.types import JSONRPCMessage, jsonrpc_message_adapter
from tests.unit.gateway.apis.apis_bench import ANSWERS, Screens, answered, events, interface, parsed
from tests.unit.gateway.apis.apis_seeds import REQUESTS
from tests.unit.gateway.apis.test_gateway_apis_clients import (
    CHAT,
    MESSAGE,
    chat_stream,
    chunk,
    message_stream,
    output,
    part,
    response,
    response_stream,
)

from keelmark.core.call import Usage
from keelmark.core.exchange import deny
from keelmark.errors import ScreenedError
from keelmark.gateway.apis.bounds import AnswerBounds
from keelmark.gateway.apis.interface import apply
from keelmark.gateway.apis.mcp import METHODS
from keelmark.gateway.apis.refused import AnswerError
from keelmark.gateway.apis.tools import tool_digest

SECRET = "QXZWVKJY"
HI = [{"role": "user", "content": "hi"}]
BODIES = {
    "/v1/chat/completions": {"model": "m", "messages": HI, "stream": True},
    "/v1/completions": {"model": "m", "prompt": "x", "stream": True},
    "/v1/messages": {"model": "m", "max_tokens": 5, "messages": HI, "stream": True},
    "/v1/responses": {"model": "m", "input": "x", "stream": True},
    "/mcp/s": {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
}
MAKERS = {
    "/v1/chat/completions": chat_stream, "/v1/messages": message_stream, "/v1/responses": response_stream,
}  # fmt: skip


def call_of(path: str):
    return parsed(path, BODIES[path])


def values(raw: bytes) -> list:
    found = [each.partition(b"data: ")[2] for each in raw.split(b"\n\n") if each]
    return [json.loads(each) for each in found if each != b"[DONE]"]


def run(
    path: str, raw: bytes, screens: Screens | None = None, *, size: int = 0, bounds: AnswerBounds = ANSWERS
):
    stream = interface(path).stream(call_of(path), screens or Screens(), bounds)
    size = size or len(raw)
    out = b"".join(stream.feed(raw[at : at + size]) for at in range(0, len(raw), size))
    return stream, out + stream.close()


# Rule 1: texts


@pytest.mark.parametrize("path", sorted(MAKERS))
@pytest.mark.parametrize("size", [1, 7, 0])
@pytest.mark.parametrize("at", [0, 1, 5, 11])
def test_no_byte_of_a_stopped_text_leaves_at_any_split(path, size, at):
    raw = MAKERS[path]("." * at + SECRET + " tail")
    stream = interface(path).stream(call_of(path), Screens(width=len(SECRET) - 1, stop=SECRET), ANSWERS)
    out = b""
    with pytest.raises(ScreenedError):  # noqa: PT012 - it comes on the way
        for begin in range(0, len(raw), size or len(raw)):
            out += stream.feed(raw[begin : begin + (size or len(raw))])
    out += stream.refuse(deny("secret"))
    assert not any(letter in out for letter in SECRET.encode())
    assert b"(secret)" in out
    assert stream.feed(raw) == b""


@pytest.mark.parametrize("path", sorted(MAKERS))
@given(st.integers(1, 200), st.integers(0, 12), st.integers(0, 40))
@settings(max_examples=25, deadline=None)
def test_no_byte_of_a_text_that_is_taken_out_leaves(path, size, width, at):
    raw = MAKERS[path](("." * at + SECRET + " tail ") * 2)
    _, out = run(path, raw, Screens(width=width + len(SECRET), hide=SECRET), size=size)
    assert not any(letter in out for letter in SECRET.encode())
    assert out.count(b"tail") >= 1


@pytest.mark.parametrize("path", sorted(MAKERS))
@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=30), st.integers(1, 300), st.integers(-1, 40)
)
@settings(max_examples=25, deadline=None)
def test_texts_add_up_whatever_is_held_back(path, text, size, width):
    whole = []
    for held in (-1, width):
        _, out = run(path, MAKERS[path](text), Screens(width=held), size=size)
        told = ""
        for value in values(out):
            for choice in value.get("choices", ()):
                told += choice["delta"].get("content") or ""
            if value.get("type") == "response.output_text.delta":
                told += value["delta"]
            if value.get("type") == "content_block_delta":
                told += value["delta"].get("text", "")
        whole.append(told)
    assert whole == [text, text]


def test_every_text_of_a_whole_answer_is_shown():
    extra = {"type": "web_search_call", "id": "w", "action": {"query": SECRET, "sources": [{"url": SECRET}]}}
    message = {**CHAT["choices"][0]["message"], "content": SECRET, "refusal": SECRET, "reasoning_content": SECRET,
               "annotations": [{"type": "url_citation", "url_citation": {"title": SECRET}}]}  # fmt: skip
    blocks = [{"type": "thinking", "thinking": SECRET, "signature": "s"}, {"type": "text", "text": SECRET, "citations": [{"cited_text": SECRET}]},
              {"type": "tool_use", "id": "t", "name": "x", "input": {"q": [SECRET]}}, {"type": "web_search_tool_result", "content": [{"title": SECRET}]}]  # fmt: skip
    for path, value in (
        ("/v1/chat/completions", {**CHAT, "choices": [{**CHAT["choices"][0], "message": message}]}),
        ("/v1/messages", {**MESSAGE, "content": blocks, "stop_sequence": SECRET}),
        ("/v1/responses", response([*output(SECRET), extra], error={"code": "x", "message": SECRET}, status="failed") | {"error": None}),
        ("/v1/responses", response([{"type": "message", "content": [{**part(SECRET), "annotations": [{"title": SECRET}]}]}])),
        ("/v1/completions", {"choices": [{"index": 0, "text": SECRET, "logprobs": {"tokens": [SECRET]}}]}),
        ("/mcp/s", {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": SECRET}], "structuredContent": {"a": [SECRET]}}}),
        ("/mcp/s", {"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": SECRET, "data": {"x": SECRET}}}),
    ):  # fmt: skip
        raw = json.dumps(value).encode()
        assert SECRET.encode() not in answered(path, call_of(path), raw, Screens(width=0, hide=SECRET))
        with pytest.raises(ScreenedError):
            answered(path, call_of(path), raw, Screens(width=0, stop=SECRET))


def test_every_text_of_a_predict_answer_is_shown():
    call = parsed("/v1/predict/m", {"x": 1})
    raw = json.dumps({"predictions": [SECRET, {"label": SECRET}, 5]}).encode()
    assert SECRET.encode() not in answered("/v1/predict/m", call, raw, Screens(width=0, hide=SECRET))
    assert answered("/v1/predict/m", call, b"[1, 2.5]", Screens()) == b"[1,2.5]"


@pytest.mark.parametrize("key", ["id", "name", "type", "role", "status", "mimeType", "x"])
def test_no_key_keeps_a_text_from_being_shown(key):
    use = {"type": "tool_use", "id": "t", "name": "look", "input": {key: SECRET, "deep": [{key: SECRET}]}}
    for path, value in (
        ("/v1/messages", {**MESSAGE, "content": [use]}),
        ("/mcp/s", {"jsonrpc": "2.0", "id": 1, "result": {"structuredContent": {key: SECRET}}}),
    ):
        raw = json.dumps(value).encode()
        assert SECRET.encode() not in answered(path, call_of(path), raw, Screens(width=0, hide=SECRET))
    for path in ("/v1/predict/m", "/v1/models/m:predict"):
        assert parsed(path, {key: SECRET}).spans[0].text == SECRET


def test_what_the_caller_said_is_told_as_it_was_sent():
    call = parsed("/v1/responses", {"model": "m", "input": "x", "instructions": "be brief"})
    raw = json.dumps(response([], instructions=SECRET)).encode()
    assert b'"be brief"' in answered("/v1/responses", call, raw, Screens(width=0, stop="brief"))


# Rule 2: tools


@pytest.mark.parametrize("path", sorted(MAKERS))
def test_arguments_of_a_refused_tool_never_leave(path):
    raw = MAKERS[path]("x").replace(b'"q', b'"' + SECRET.encode()).replace(b'\\"q', b'\\"' + SECRET.encode())
    stream = interface(path).stream(call_of(path), Screens(bad_tool="look"), ANSWERS)
    out = b""
    with pytest.raises(ScreenedError, match="tool-not-allowed"):  # noqa: PT012 - it comes on the way
        for at in range(len(raw)):
            out += stream.feed(raw[at : at + 1])
    assert SECRET.encode() not in out


def test_arguments_that_can_be_read_twice_count_as_not_decoded():
    use = {"id": "t", "type": "function", "function": {"name": "look", "arguments": '{"a":1,"a":2}'}}
    raw = json.dumps(
        {"choices": [{"index": 0, "message": {"role": "assistant", "content": None, "tool_calls": [use]}}]}
    ).encode()
    screens = Screens()
    answered("/v1/chat/completions", call_of("/v1/chat/completions"), raw, screens)
    assert screens.uses[0].arguments is None
    raw = events(chunk({"tool_calls": [{"index": 0, **use}]}), chunk({}, finish="tool_calls"), "[DONE]")
    run("/v1/chat/completions", raw, screens)
    assert screens.uses[1].arguments is None


def test_functions_and_custom_tools_are_shown_too():
    raw = events(
        chunk({"function_call": {"name": "look", "arguments": "{"}}), chunk({"function_call": {"arguments": "}"}}),
        chunk({"tool_calls": [{"index": 0, "id": "t", "type": "custom", "custom": {"name": "c", "input": "free"}}]}),
        chunk({}, finish="tool_calls"), "[DONE]",
    )  # fmt: skip
    screens = Screens()
    stream, out = run("/v1/chat/completions", raw, screens)
    assert [(use.name, use.arguments) for use in screens.uses] == [("look", {}), ("c", "free")]
    assert stream.tool_uses == screens.uses
    assert b'"function_call":{"name":"look","arguments":"{}"}' in out


def test_a_tool_is_told_before_the_end_also_when_no_end_is_told():
    raw = events(
        chunk({"tool_calls": [{"index": 0, "id": "t", "function": {"name": "look", "arguments": "{}"}}]}),
        "[DONE]",
    )
    _, out = run("/v1/chat/completions", raw)
    assert out.index(b'"look"') < out.index(b"[DONE]")


# Rule 3: closed sets


def test_events_and_fields_that_are_not_known_do_not_leave():
    chat = events({**chunk({"content": "a", "x_extra": SECRET}), "provider": SECRET, "obfuscation": SECRET},
                  {**chunk({"content": "b"}), "choices": [{"index": 0, "delta": {"content": "b"}, "token_ids": [SECRET]}]}, "[DONE]")  # fmt: skip
    _, out = run("/v1/chat/completions", chat)
    assert SECRET.encode() not in out
    assert b'"b"' in out
    for path, raw in (("/v1/messages", message_stream()), ("/v1/responses", response_stream())):
        added = events(
            {"type": "x.new", "text": SECRET},
            {"type": "ping", "text": SECRET},
            {"type": "response.x.delta", "delta": SECRET},
        )
        _, out = run(path, added + raw)
        assert SECRET.encode() not in out
    whole = {
        **CHAT,
        "x": SECRET,
        "choices": [
            {**CHAT["choices"][0], "x": SECRET, "message": {"role": "assistant", "content": "a", "x": SECRET}}
        ],
    }
    assert SECRET.encode() not in answered(
        "/v1/chat/completions", call_of("/v1/chat/completions"), json.dumps(whole).encode(), Screens()
    )


def test_comments_and_names_of_the_upstream_do_not_leave():
    raw = chat_stream().replace(
        b"data: ", b": " + SECRET.encode() + b"\nevent: " + SECRET.encode() + b"\nid: x\ndata: "
    )
    _, out = run("/v1/chat/completions", raw)
    assert SECRET.encode() not in out


# Rule 5: what cannot be read


@pytest.mark.parametrize("path", sorted(BODIES))
@pytest.mark.parametrize(
    "raw",
    [
        b"data: {\n\n",
        b"data: []\n\n",
        b"data: \xff\n\n",
        b"data: " + b"[" * 5000 + b"\n\n",
        b'data: {"error":{"message":"x"}}\n\n',
    ],
)
def test_events_that_cannot_be_read_are_an_error(path, raw):
    if path in {"/v1/messages", "/v1/responses"} and b"error" in raw:
        raw = b'data: {"type":"error","error":{"message":"x"}}\n\n'
    with pytest.raises(AnswerError):
        run(path, raw)


@pytest.mark.parametrize("path", sorted(MAKERS))
def test_a_stream_that_breaks_off_is_an_error(path):
    with pytest.raises(AnswerError, match="broke off"):
        run(path, MAKERS[path]()[:-60])


@pytest.mark.parametrize("path", sorted(MAKERS))
def test_nothing_leaves_behind_the_end(path):
    _, out = run(path, MAKERS[path]("x") + MAKERS[path](SECRET))
    assert SECRET.encode() not in out


@pytest.mark.parametrize(
    "path",
    ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/messages", "/v1/responses", "/mcp/s"],
)
@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"{}", b"null", b"\xff", b'{"error":{"message":"x"}}', b'{"choices":[5]}']
)
def test_answers_that_cannot_be_read_are_an_error(path, raw):
    with pytest.raises(AnswerError):
        interface(path).answer(parsed(path, REQUESTS[path][0]), raw, ANSWERS)


def test_answers_are_bounded():
    small = AnswerBounds(max_bytes=10, max_event_bytes=200, max_held_bytes=50, max_channels=1)
    for path in ("/v1/chat/completions", "/v1/predict/m", "/mcp/s"):
        with pytest.raises(AnswerError, match="too large"):
            interface(path).answer(parsed(path, REQUESTS[path][0]), b'{"a": "' + b"x" * 20 + b'"}', small)
    use = chunk({"tool_calls": [{"index": 0, "function": {"name": "x", "arguments": "y" * 60}}]})
    both = chunk({"content": "a", "reasoning_content": "b"})
    for raw in (events(use), events(both)):
        with pytest.raises(AnswerError):
            run("/v1/chat/completions", raw, bounds=AnswerBounds(max_held_bytes=50, max_channels=1))
    with pytest.raises(AnswerError, match="too large"):
        run("/v1/chat/completions", b"data: " + b"x" * 300, bounds=small)


def test_more_answers_than_were_asked_for_are_an_error():
    for index in (1, -1, "0", None):
        with pytest.raises(AnswerError):
            run("/v1/chat/completions", events(chunk({"content": "x"}, index=index)))


# Rule 6: log probabilities


def test_log_probabilities_leave_only_beside_their_text():
    def stream(text):
        return events(
            *(chunk({"content": letter}, logprobs={"content": [{"token": letter}]}) for letter in text),
            chunk({}, finish="stop"), "[DONE]",
        )  # fmt: skip

    def tokens(screens):
        _, out = run("/v1/chat/completions", stream("abQcd"), screens)
        seen = [choice["logprobs"] for value in values(out) for choice in value["choices"]]
        return [row["token"] for each in seen if each for row in each["content"]]

    assert tokens(Screens()) == list("abQcd")
    assert tokens(Screens(width=3)) == list("abQcd")
    assert "Q" not in tokens(Screens(width=0, hide="Q"))
    assert "Q" not in tokens(Screens(width=3, hide="Q"))
    whole = {**CHAT, "choices": [{**CHAT["choices"][0], "logprobs": {"content": [{"token": "keel"}]}}]}
    raw = json.dumps(whole).encode()
    assert b'"token"' in answered("/v1/chat/completions", call_of("/v1/chat/completions"), raw, Screens())
    assert b'"token"' not in answered(
        "/v1/chat/completions", call_of("/v1/chat/completions"), raw, Screens(width=0, hide="keel")
    )
    raw = json.dumps(
        response([{"type": "message", "content": [{**part("keel"), "logprobs": [{"token": "keel"}]}]}])
    ).encode()
    assert b'"token"' not in answered(
        "/v1/responses", call_of("/v1/responses"), raw, Screens(width=0, hide="keel")
    )


# Counts


def test_counts_and_ends_are_read():
    for path, raw, finish in (("/v1/chat/completions", chat_stream(), "tool_calls"), ("/v1/messages", message_stream(), "tool_use"),
                              ("/v1/responses", response_stream(), "completed")):  # fmt: skip
        stream, _ = run(path, raw)
        assert (stream.usage, stream.finish, stream.is_done) == (
            Usage(input_tokens=5, output_tokens=7),
            finish,
            True,
        )
    for path, value, finish in (("/v1/chat/completions", CHAT, "tool_calls"), ("/v1/messages", MESSAGE, "tool_use"),
                                ("/v1/responses", response([]), "completed")):  # fmt: skip
        answer = interface(path).answer(call_of(path), json.dumps(value).encode(), ANSWERS)
        assert (answer.usage, answer.finish) == (Usage(input_tokens=5, output_tokens=7), finish)
    cached = {
        **MESSAGE,
        "usage": {
            "input_tokens": 5,
            "cache_read_input_tokens": 10,
            "cache_creation_input_tokens": 1,
            "output_tokens": 7,
        },
    }
    answer = interface("/v1/messages").answer(call_of("/v1/messages"), json.dumps(cached).encode(), ANSWERS)
    assert answer.usage == Usage(input_tokens=16, output_tokens=7)


# MCP


def read_mcp(raw: bytes) -> JSONRPCMessage:
    return jsonrpc_message_adapter.validate_json(raw)


def test_mcp_answers_are_what_the_sdk_reads():
    raw = b'{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"t","description":"d","inputSchema":{"type":"object"}}]},"x":1}'
    call = call_of("/mcp/s")
    screens = Screens()
    out = answered("/mcp/s", call, raw, screens)
    assert read_mcp(out) == read_mcp(raw.replace(b',"x":1', b""))
    assert [tool.digest for tool in screens.tools] == [tool_digest("t", "d", {"type": "object"})]
    _, told = run("/mcp/s", b"event: message\nid: 7\ndata: " + raw + b"\n\n")
    assert told == b"event: message\nid: 7\ndata: " + out + b"\n\n"
    with pytest.raises(ScreenedError):
        answered("/mcp/s", call, raw, Screens(bad_tool="t"))
    refusal = interface("/mcp/s").stream(call, screens, ANSWERS).refuse(deny("tainted"))
    assert read_mcp(refusal.partition(b"data: ")[2]).error.data == {"reason": "tainted"}


def test_servers_may_ask_only_what_is_allowed():
    asks = [
        {"jsonrpc": "2.0", "id": 5, "method": method, "params": {}}
        for method in ("sampling/createMessage", "elicitation/create", "ping")
    ]
    tells = [
        {"jsonrpc": "2.0", "method": f"notifications/{name}", "params": {}} for name in ("progress", "x")
    ]
    _, out = run("/mcp/s", events(*asks, *tells))
    assert [value["method"] for value in values(out)] == ["ping", "notifications/progress"]


def test_answers_to_something_else_are_an_error():
    for identity in (2, "1", True, None):
        value = {"jsonrpc": "2.0", "id": identity, "result": {}}
        with pytest.raises(AnswerError, match="something else"):
            run("/mcp/s", events(value))
        with pytest.raises(AnswerError, match="something else"):
            answered("/mcp/s", call_of("/mcp/s"), json.dumps(value).encode(), Screens())


def test_notifications_are_answered_with_nothing():
    call = parsed("/mcp/s", {"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert interface("/mcp/s").answer(call, b"", ANSWERS).body is None
    with pytest.raises(AnswerError, match="not answered"):
        interface("/mcp/s").answer(call_of("/mcp/s"), b"", ANSWERS)


def test_no_method_of_a_server_is_one_of_clients():
    assert not METHODS.keys() & {"sampling/createMessage", "elicitation/create", "roots/list"}


def test_an_interface_without_streams_says_so():
    with pytest.raises(AnswerError, match="no streams"):
        interface("/v1/embeddings").stream(
            parsed("/v1/embeddings", REQUESTS["/v1/embeddings"][0]), Screens(), ANSWERS
        )


def test_a_changed_text_stands_where_the_old_one_stood():
    answer = interface("/v1/chat/completions").answer(
        call_of("/v1/chat/completions"), json.dumps(CHAT).encode(), ANSWERS
    )
    answer.replace(answer.texts[0], "new")
    assert json.loads(answer.encode())["choices"][0]["message"]["content"] == "new"
    apply(answer, Screens(width=0, hide="new"))
    assert answer.texts[0].text == "***"


@pytest.mark.parametrize("tokens", [{"tokens": ["see"]}, [{"token": "see"}], {"e": {"e": "see"}}, "see"])
def test_texts_inside_of_what_would_show_a_changed_one_go_out_with_it(tokens) -> None:
    path = "/v1/responses"
    call = parsed(path, REQUESTS[path][0])
    item = {"type": "some_call", "said": "see", "logprobs": tokens, "more": "see"}
    answer = interface(path).answer(
        call, json.dumps({"object": "response", "output": [item]}).encode(), ANSWERS
    )
    apply(answer, Screens(width=0, hide="see"))
    assert answer.body["output"] == [{"type": "some_call", "said": "***", "logprobs": [], "more": "***"}]
    assert [text.text for text in answer.texts if text.text != "some_call"] == ["***", "***"]


@pytest.mark.parametrize("content", ["see", ["see"], {"e": "see"}, [{"type": ["see"]}], 5, [None], True])
def test_an_item_of_a_tool_of_the_upstream_may_hold_anything_and_its_texts_are_screened(content) -> None:
    path = "/v1/responses"
    item = {"type": "some_call", "id": "i", "content": content}
    head = {"id": "r", "object": "response", "status": "in_progress", "output": []}
    data = events(
        {"type": "response.created", "response": head},
        {"type": "response.output_item.added", "output_index": 0, "item": {"type": "some_call", "id": "i"}},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {**head, "status": "completed", "output": [item]}},
    )
    stream = interface(path).stream(parsed(path, REQUESTS[path][0]), Screens(width=0, hide="see"), ANSWERS)
    out = stream.feed(data)
    assert stream.close() == b""
    assert stream.is_done
    assert b"see" not in out
    assert out.count(b"***") == (2 if "see" in json.dumps(content) else 0)

"""The official clients send what the gateway reads, and read what it hands on, as if it were not there."""

import json

import anthropic
import httpx2
import openai
import pytest
from tests.unit.gateway.apis import apis_bench as bench

from keelmark.core.call import Call
from keelmark.core.exchange import Request, deny
from keelmark.errors import ScreenedError
from keelmark.gateway.apis import routes
from keelmark.gateway.apis.bounds import ApiBounds
from keelmark.gateway.apis.interface import apply
from keelmark.gateway.refusals import body_of, refusal_of


class Gateway:
    """Answers clients from fixed bytes: straight, or read and written anew."""

    def __init__(self, data: bytes, screens=None, *, size: int = 0, bounds: ApiBounds = bench.BOUNDS) -> None:
        self.data, self.screens, self.size, self.bounds = data, screens, size, bounds
        self.calls: list[Call] = []

    def __call__(self, sent: httpx2.Request) -> httpx2.Response:
        request = Request(
            method=sent.method,
            path=sent.url.path,
            query=sent.url.query.decode(),
            headers={name.lower(): value for name, value in sent.headers.items()},
            body=sent.content,
        )
        found = routes.find(request)
        call = found if not isinstance(found, routes.Matched) else found.interface.parse(request, self.bounds)
        if not isinstance(call, Call):
            return httpx2.Response(refusal_of(call).status, content=body_of(call, api=None))
        self.calls.append(call)
        kind = "text/event-stream" if call.stream else "application/json"
        return httpx2.Response(
            200, headers={"content-type": kind}, content=self.answer(found.interface, call)
        )

    def answer(self, interface, call: Call) -> bytes:
        if self.screens is None:
            return self.data
        if not call.stream:
            answer = interface.answer(call, self.data, bench.ANSWERS)
            apply(answer, self.screens)
            return answer.encode()
        stream = interface.stream(call, self.screens, bench.ANSWERS)
        out = []
        size = self.size or len(self.data)
        try:
            for at in range(0, len(self.data), size):
                out.append(stream.feed(self.data[at : at + size]))  # noqa: PERF401 - what left before an error counts
            out.append(stream.close())
        except ScreenedError as error:
            out.append(stream.refuse(deny(error.reason)))
        return b"".join(out)


def openai_client(gateway: Gateway) -> openai.OpenAI:
    return openai.OpenAI(
        api_key="k", base_url="http://gateway/v1", max_retries=0,
        http_client=httpx2.Client(transport=httpx2.MockTransport(gateway)),
    )  # fmt: skip


def anthropic_client(gateway: Gateway) -> anthropic.Anthropic:
    return anthropic.Anthropic(
        api_key="k", base_url="http://gateway", max_retries=0,
        http_client=httpx2.Client(transport=httpx2.MockTransport(gateway)),
    )  # fmt: skip


TEXT = "The keel is laid first; the mark says how far. Grüße 😀 end"
CHAT = {
    "id": "c1", "object": "chat.completion", "created": 5, "model": "m", "system_fingerprint": "fp",
    "choices": [{
        "index": 0, "finish_reason": "tool_calls", "logprobs": None,
        "message": {
            "role": "assistant", "content": TEXT, "refusal": None,
            "tool_calls": [{
                "id": "t1", "type": "function", "function": {"name": "look", "arguments": '{"q": "a"}'},
            }],
        },
    }],
    "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
}  # fmt: skip


def chunk(delta, *, finish=None, index=0, **more) -> dict:
    return {
        "id": "c1", "object": "chat.completion.chunk", "created": 5, "model": "m",
        "choices": [{"index": index, "delta": delta, "logprobs": more.pop("logprobs", None), "finish_reason": finish}], **more,
    }  # fmt: skip


def chat_stream(text: str = TEXT) -> bytes:
    return bench.events(
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": text[at : at + 3]}) for at in range(0, len(text), 3)),
        chunk({"tool_calls": [{"index": 0, "id": "t1", "type": "function", "function": {"name": "look", "arguments": ""}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"q": '}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '"a"}'}}]}),
        chunk({}, finish="tool_calls"),
        {"id": "c1", "object": "chat.completion.chunk", "created": 5, "model": "m", "choices": [],
         "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}},
        "[DONE]",
    )  # fmt: skip


TOOLS = [
    {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
]
ASK = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def test_openai_chat_reads_the_same_with_and_without_the_gateway():
    def ask(gateway):
        return (
            openai_client(gateway)
            .chat.completions.create(**ASK, tools=TOOLS, temperature=0.5, max_tokens=9)
            .model_dump()
        )

    data = json.dumps(CHAT).encode()
    assert ask(Gateway(data, bench.Screens())) == ask(Gateway(data))


@pytest.mark.parametrize("width", [-1, 0, 7, 1000])
@pytest.mark.parametrize("size", [0, 1, 50])
def test_openai_chat_stream_adds_up_to_the_same(width, size):
    def ask(gateway):
        stream = openai_client(gateway).chat.completions.create(
            **ASK, stream=True, stream_options={"include_usage": True}
        )
        text, arguments, finish, usage = "", "", [], None
        for each in stream:
            assert each.id == "c1"
            usage = each.usage or usage
            for choice in each.choices:
                text += choice.delta.content or ""
                for use in choice.delta.tool_calls or ():
                    arguments += use.function.arguments or ""
                    assert use.id in {None, "t1"}
                if choice.finish_reason:
                    finish.append(choice.finish_reason)
        return text, arguments, finish, usage.model_dump()

    screens = bench.Screens(width=width)
    assert ask(Gateway(chat_stream(), screens, size=size)) == ask(Gateway(chat_stream()))
    assert [(use.name, use.arguments, use.id) for use in screens.uses] == [("look", {"q": "a"}, "t1")]


def test_openai_chat_stream_helper_reads_the_same():
    def ask(gateway):
        with openai_client(gateway).chat.completions.stream(
            **ASK, stream_options={"include_usage": True}
        ) as stream:
            for _ in stream:
                pass
            return stream.get_final_completion().model_dump()

    assert ask(Gateway(chat_stream(), bench.Screens(width=5))) == ask(Gateway(chat_stream()))


def test_a_stream_that_is_stopped_raises_in_the_openai_client():
    gateway = Gateway(chat_stream("all is well, then a SECRET comes"), bench.Screens(width=8, stop="SECRET"))
    text = ""
    with pytest.raises(openai.APIError, match="secret"):  # noqa: PT012 - it comes on the way
        for each in openai_client(gateway).chat.completions.create(**ASK, stream=True):
            text += each.choices[0].delta.content or "" if each.choices else ""
    assert "SEC" not in text


def test_usage_that_only_the_gateway_asked_for_is_kept_from_the_client():
    gateway = Gateway(chat_stream(), bench.Screens())
    seen = list(openai_client(gateway).chat.completions.create(**ASK, stream=True))
    assert all(each.usage is None and each.choices for each in seen)
    assert gateway.calls[0].body["stream_options"] == {"include_usage": True}


def test_openai_completions_read_the_same():
    whole = {
        "id": "x", "object": "text_completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "text": TEXT, "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }  # fmt: skip
    parts = [
        {
            **whole,
            "usage": None,
            "choices": [{"index": 0, "text": TEXT[at : at + 4], "finish_reason": None, "logprobs": None}],
        }
        for at in range(0, len(TEXT), 4)
    ]
    last = {
        **whole,
        "usage": None,
        "choices": [{"index": 0, "text": "", "finish_reason": "stop", "logprobs": None}],
    }
    data = bench.events(*parts, last, "[DONE]")

    def ask(gateway):
        return openai_client(gateway).completions.create(model="m", prompt="hi", max_tokens=5).model_dump()

    def stream(gateway):
        made = openai_client(gateway).completions.create(model="m", prompt="hi", stream=True)
        return "".join(each.choices[0].text for each in made)

    body = json.dumps(whole).encode()
    assert ask(Gateway(body, bench.Screens())) == ask(Gateway(body))
    for width in (-1, 0, 9):
        assert stream(Gateway(data, bench.Screens(width=width))) == TEXT


@pytest.mark.parametrize("vector", [[0.5, -1.0, 3e-7], "AAAAPwAAgL8="])
def test_openai_embeddings_read_the_same(vector):
    whole = {
        "object": "list", "model": "m", "data": [{"object": "embedding", "index": 0, "embedding": vector}],
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
    }  # fmt: skip
    body = json.dumps(whole).encode()

    def ask(gateway):
        return openai_client(gateway).embeddings.create(model="m", input="hi").model_dump()

    assert ask(Gateway(body, bench.Screens())) == ask(Gateway(body))


def test_models_list_for_both_clients():
    from keelmark.gateway.apis.models import listing, model_row
    from keelmark.gateway.apis.strict_json import encode

    data = listing(["a", "b"])
    assert [each.id for each in openai_client(Gateway(data)).models.list()] == ["a", "b"]
    assert [each.id for each in openai_client(Gateway(data, bench.Screens())).models.list()] == ["a", "b"]
    assert [each.id for each in anthropic_client(Gateway(data)).models.list()] == ["a", "b"]
    one = encode(model_row("a"))
    assert openai_client(Gateway(one, bench.Screens())).models.retrieve("a").id == "a"
    assert openai_client(Gateway(one)).models.retrieve("owner/a").id == "a"
    assert listing([]) == b'{"object":"list","data":[],"has_more":false,"first_id":null,"last_id":null}'


MESSAGE = {
    "id": "m1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use", "stop_sequence": None,
    "content": [
        {"type": "thinking", "thinking": "let me think", "signature": "c2ln"},
        {"type": "text", "text": TEXT, "citations": None},
        {"type": "tool_use", "id": "t1", "name": "look", "input": {"q": "a"}},
    ],
    "usage": {"input_tokens": 5, "output_tokens": 7},
}  # fmt: skip


def message_stream(text: str = TEXT) -> bytes:
    def delta(index, **held):
        return {"type": "content_block_delta", "index": index, "delta": held}

    return bench.events(
        {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None,
                                              "usage": {"input_tokens": 5, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
        {"type": "ping"},
        delta(0, type="thinking_delta", thinking="let me "),
        delta(0, type="thinking_delta", thinking="think"),
        delta(0, type="signature_delta", signature="c2ln"),
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        *(delta(1, type="text_delta", text=text[at : at + 3]) for at in range(0, len(text), 3)),
        {"type": "content_block_stop", "index": 1},
        {"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "t1", "name": "look", "input": {}}},
        delta(2, type="input_json_delta", partial_json=""),
        delta(2, type="input_json_delta", partial_json='{"q": '),
        delta(2, type="input_json_delta", partial_json='"a"}'),
        {"type": "content_block_stop", "index": 2},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
        names=True,
    )  # fmt: skip


SAY = {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}


def test_anthropic_messages_read_the_same():
    def ask(gateway):
        return anthropic_client(gateway).messages.create(**SAY, system="be brief").model_dump()

    data = json.dumps(MESSAGE).encode()
    assert ask(Gateway(data, bench.Screens())) == ask(Gateway(data))


@pytest.mark.parametrize("width", [-1, 0, 7, 1000])
@pytest.mark.parametrize("size", [0, 1, 50])
def test_anthropic_stream_adds_up_to_the_same(width, size):
    def ask(gateway):
        with anthropic_client(gateway).messages.stream(**SAY) as stream:
            for _ in stream:
                pass
            return stream.get_final_message().model_dump()

    screens = bench.Screens(width=width)
    assert ask(Gateway(message_stream(), screens, size=size)) == ask(Gateway(message_stream()))
    assert [(use.name, use.arguments, use.id) for use in screens.uses] == [("look", {"q": "a"}, "t1")]


def test_a_stream_that_is_stopped_raises_in_the_anthropic_client():
    gateway = Gateway(
        message_stream("all is well, then a SECRET comes"), bench.Screens(width=8, stop="SECRET")
    )
    text = ""
    with (  # noqa: PT012 - it comes on the way
        pytest.raises(anthropic.APIStatusError, match="secret"),
        anthropic_client(gateway).messages.stream(**SAY) as stream,
    ):
        for part in stream.text_stream:
            text += part
    assert "SEC" not in text


def test_anthropic_count_of_tokens():
    gateway = Gateway(b'{"input_tokens":12,"other":"x"}', bench.Screens())
    count = anthropic_client(gateway).messages.count_tokens(model="m", messages=SAY["messages"])
    assert count.input_tokens == 12


def response(output, **more) -> dict:
    return {
        "id": "r1", "object": "response", "created_at": 1.0, "model": "m", "status": "completed", "output": output,
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "instructions": "be brief", "error": None,
        "incomplete_details": None, "metadata": {}, "temperature": 1.0, "top_p": 1.0,
        "usage": {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12, "input_tokens_details": {"cached_tokens": 0},
                  "output_tokens_details": {"reasoning_tokens": 0}},
        **more,
    }  # fmt: skip


def part(text: str) -> dict:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def output(text: str = TEXT) -> list[dict]:
    return [
        {"type": "reasoning", "id": "i0", "summary": [{"type": "summary_text", "text": "thought"}], "status": "completed"},
        {"type": "message", "id": "i1", "role": "assistant", "status": "completed", "content": [part(text)]},
        {"type": "function_call", "id": "i2", "call_id": "t1", "name": "look", "arguments": '{"q":"a"}', "status": "completed"},
    ]  # fmt: skip


def response_stream(text: str = TEXT) -> bytes:
    items = output(text)
    values = [
        {"type": "response.created", "response": response([], status="in_progress", usage=None)},
        {"type": "response.in_progress", "response": response([], status="in_progress", usage=None)},
        {"type": "response.output_item.added", "output_index": 0, "item": {**items[0], "summary": [], "status": "in_progress"}},
        {"type": "response.reasoning_summary_part.added", "item_id": "i0", "output_index": 0, "summary_index": 0,
         "part": {"type": "summary_text", "text": ""}},
        {"type": "response.reasoning_summary_text.delta", "item_id": "i0", "output_index": 0, "summary_index": 0, "delta": "thou"},
        {"type": "response.reasoning_summary_text.delta", "item_id": "i0", "output_index": 0, "summary_index": 0, "delta": "ght"},
        {"type": "response.reasoning_summary_text.done", "item_id": "i0", "output_index": 0, "summary_index": 0, "text": "thought"},
        {"type": "response.reasoning_summary_part.done", "item_id": "i0", "output_index": 0, "summary_index": 0,
         "part": {"type": "summary_text", "text": "thought"}},
        {"type": "response.output_item.done", "output_index": 0, "item": items[0]},
        {"type": "response.output_item.added", "output_index": 1, "item": {**items[1], "content": [], "status": "in_progress"}},
        {"type": "response.content_part.added", "item_id": "i1", "output_index": 1, "content_index": 0, "part": part("")},
        *({"type": "response.output_text.delta", "item_id": "i1", "output_index": 1, "content_index": 0,
           "delta": text[at : at + 3], "logprobs": []} for at in range(0, len(text), 3)),
        {"type": "response.output_text.done", "item_id": "i1", "output_index": 1, "content_index": 0, "text": text, "logprobs": []},
        {"type": "response.content_part.done", "item_id": "i1", "output_index": 1, "content_index": 0, "part": part(text)},
        {"type": "response.output_item.done", "output_index": 1, "item": items[1]},
        {"type": "response.output_item.added", "output_index": 2, "item": {**items[2], "arguments": "", "status": "in_progress"}},
        {"type": "response.function_call_arguments.delta", "item_id": "i2", "output_index": 2, "delta": '{"q":'},
        {"type": "response.function_call_arguments.delta", "item_id": "i2", "output_index": 2, "delta": '"a"}'},
        {"type": "response.function_call_arguments.done", "item_id": "i2", "output_index": 2, "name": "look", "arguments": '{"q":"a"}'},
        {"type": "response.output_item.done", "output_index": 2, "item": items[2]},
        {"type": "response.completed", "response": response(items)},
    ]  # fmt: skip
    for number, value in enumerate(values):
        value["sequence_number"] = number
    return bench.events(*values, names=True)


def test_openai_responses_read_the_same():
    def ask(gateway):
        made = openai_client(gateway).responses.create(model="m", input="hi", instructions="be brief")
        assert made.output_text == TEXT
        return made.model_dump()

    data = json.dumps(response(output())).encode()
    screens = bench.Screens()
    assert ask(Gateway(data, screens)) == ask(Gateway(data))
    assert [(use.name, use.arguments, use.id) for use in screens.uses] == [("look", {"q": "a"}, "t1")]


@pytest.mark.parametrize("width", [-1, 0, 7, 1000])
@pytest.mark.parametrize("size", [0, 1, 50])
def test_openai_responses_stream_adds_up_to_the_same(width, size):
    def ask(gateway):
        text, arguments, whole, number = "", "", None, -1
        stream = openai_client(gateway).responses.create(
            model="m", input="hi", instructions="be brief", stream=True
        )
        for each in stream:
            assert each.sequence_number == number + 1
            number = each.sequence_number
            if each.type == "response.output_text.delta":
                text += each.delta
            elif each.type == "response.function_call_arguments.delta":
                arguments += each.delta
            elif each.type == "response.completed":
                whole = each.response.model_dump()
        return text, arguments, whole

    screens = bench.Screens(width=width)
    assert ask(Gateway(response_stream(), screens, size=size)) == ask(Gateway(response_stream()))
    assert [(use.name, use.arguments, use.id) for use in screens.uses] == [("look", {"q": "a"}, "t1")]


def test_openai_responses_stream_helper_reads_the_same():
    def ask(gateway):
        with openai_client(gateway).responses.stream(
            model="m", input="hi", instructions="be brief"
        ) as stream:
            for _ in stream:
                pass
            return stream.get_final_response().model_dump()

    assert ask(Gateway(response_stream(), bench.Screens(width=5))) == ask(Gateway(response_stream()))


def test_a_responses_stream_that_is_stopped_ends_with_an_error():
    gateway = Gateway(
        response_stream("all is well, then a SECRET comes"), bench.Screens(width=8, stop="SECRET")
    )
    seen = list(openai_client(gateway).responses.create(model="m", input="hi", stream=True))
    assert seen[-1].type == "error"
    assert seen[-1].code == "secret"
    assert not any("SEC" in (getattr(each, "delta", "") or "") for each in seen)


def test_requests_that_are_refused_raise_what_clients_know():
    client = openai_client(Gateway(b"", bench.Screens()))
    with pytest.raises(openai.BadRequestError, match="too-many-choices"):
        client.chat.completions.create(**ASK, n=50)
    with pytest.raises(openai.BadRequestError, match="unknown-field"):
        client.chat.completions.create(**ASK, extra_body={"chat_template": "x"})

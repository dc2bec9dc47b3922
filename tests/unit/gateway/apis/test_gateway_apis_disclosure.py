"""The official clients read answers and streams that say in a field that a model made them, and show it."""

from __future__ import annotations

import json

import pytest
from tests.unit.gateway.apis import apis_bench as bench
from tests.unit.gateway.apis import test_gateway_apis_clients as clients

from keelmark.gateway.apis.interface import apply
from keelmark.operation.credentials.disclosure import FIELD

SAID = {"mode": "machine-generated", "model": "m", "request": "0" * 32}


class Gateway(clients.Gateway):
    """As the gateway: reads answers, says that a model made them, writes them anew."""

    def answer(self, interface, call) -> bytes:
        if not call.stream:
            answer = interface.answer(call, self.data, bench.ANSWERS)
            apply(answer, bench.Screens())
            answer.body[FIELD] = SAID
            return answer.encode()
        stream = interface.stream(call, bench.Screens(), bench.ANSWERS)
        stream.disclosed = dict(SAID)
        return stream.feed(self.data) + stream.close()


def without(value: dict) -> dict:
    """A dumped answer without the field; it must have been there."""
    assert value.pop(FIELD) == SAID
    return value


def test_openai_chat_reads_the_field_and_all_else_the_same() -> None:
    def ask(gateway):
        return clients.openai_client(gateway).chat.completions.create(**clients.ASK, tools=clients.TOOLS)

    data = json.dumps(clients.CHAT).encode()
    made = ask(Gateway(data))
    assert made.ai_disclosure == SAID
    assert without(made.model_dump()) == ask(clients.Gateway(data)).model_dump()


def test_openai_chat_stream_says_it_once_in_the_first_event() -> None:
    def ask(gateway):
        client = clients.openai_client(gateway)
        return [each.model_dump() for each in client.chat.completions.create(**clients.ASK, stream=True)]

    made = ask(Gateway(clients.chat_stream()))
    assert without(made[0])["choices"][0]["delta"]["role"] == "assistant"
    assert all(FIELD not in each for each in made[1:])
    plain = Gateway(clients.chat_stream())
    plain.answer = lambda interface, call: clients.Gateway.answer(plain, interface, call)
    plain.screens = bench.Screens()
    assert made == ask(plain)


def test_openai_chat_stream_helper_keeps_the_field_in_what_it_puts_together() -> None:
    def ask(gateway):
        client = clients.openai_client(gateway)
        with client.chat.completions.stream(**clients.ASK, stream_options={"include_usage": True}) as stream:
            for _ in stream:
                pass
            return stream.get_final_completion().model_dump()

    data = clients.chat_stream()
    assert without(ask(Gateway(data))) == ask(clients.Gateway(data))


def test_openai_completions_read_the_field() -> None:
    whole = {
        "id": "x", "object": "text_completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "text": "made", "finish_reason": "stop", "logprobs": None}],
    }  # fmt: skip
    body, stream = json.dumps(whole).encode(), bench.events(whole, "[DONE]")
    client = clients.openai_client(Gateway(body))
    assert client.completions.create(model="m", prompt="hi").ai_disclosure == SAID
    parts = clients.openai_client(Gateway(stream)).completions.create(model="m", prompt="hi", stream=True)
    assert [each.ai_disclosure for each in parts] == [SAID]


def test_openai_responses_read_the_field_and_all_else_the_same() -> None:
    def ask(gateway):
        made = clients.openai_client(gateway).responses.create(model="m", input="hi", instructions="be brief")
        assert made.output_text == clients.TEXT
        return made.model_dump()

    data = json.dumps(clients.response(clients.output())).encode()
    assert without(ask(Gateway(data))) == ask(clients.Gateway(data))


def test_openai_responses_stream_says_it_where_the_whole_response_is_told() -> None:
    stream = clients.openai_client(Gateway(clients.response_stream())).responses.create(
        model="m", input="hi", instructions="be brief", stream=True
    )
    told = [each for each in stream if hasattr(each, "response")]
    assert [each.type for each in told] == ["response.created", "response.in_progress", "response.completed"]
    assert all(each.response.ai_disclosure == SAID for each in told)


def test_openai_responses_stream_helper_keeps_the_field() -> None:
    client = clients.openai_client(Gateway(clients.response_stream()))
    with client.responses.stream(model="m", input="hi", instructions="be brief") as stream:
        for _ in stream:
            pass
        made = stream.get_final_response()
    assert made.output_text == clients.TEXT
    assert made.ai_disclosure == SAID


def test_anthropic_messages_read_the_field_and_all_else_the_same() -> None:
    def ask(gateway):
        return clients.anthropic_client(gateway).messages.create(**clients.SAY).model_dump()

    data = json.dumps(clients.MESSAGE).encode()
    assert without(ask(Gateway(data))) == ask(clients.Gateway(data))


def test_anthropic_stream_keeps_the_field_in_what_it_puts_together() -> None:
    def ask(gateway):
        with clients.anthropic_client(gateway).messages.stream(**clients.SAY) as stream:
            for _ in stream:
                pass
            return stream.get_final_message().model_dump()

    data = clients.message_stream()
    assert without(ask(Gateway(data))) == ask(clients.Gateway(data))


@pytest.mark.parametrize("data", [clients.chat_stream(), clients.message_stream(), clients.response_stream()])
def test_no_stream_says_it_unasked(data: bytes) -> None:
    path, body = {
        b"c": ("/v1/chat/completions", {**clients.ASK, "stream": True}),
        b"m": ("/v1/messages", {**clients.SAY, "stream": True}),
        b"r": ("/v1/responses", {"model": "m", "input": "hi", "instructions": "be brief", "stream": True}),
    }[data.partition(b'"id": "')[2][:1] or data.partition(b'"id":"')[2][:1]]
    matched = bench.routes.find(bench.post(path, body))
    stream = matched.interface.stream(bench.parsed(path, body), bench.Screens(), bench.ANSWERS)
    assert FIELD.encode() not in stream.feed(data) + stream.close()

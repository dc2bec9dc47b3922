"""Events are read as the standard says, at any split, inside bounds."""

import contextlib

import pytest
from anthropic._streaming import SSEDecoder as AnthropicDecoder
from hypothesis import given, settings
from hypothesis import strategies as st
from openai._streaming import SSEDecoder as OpenaiDecoder
from tests.unit.gateway.apis.apis_bench import ANSWERS, Screens, interface, parsed

from keelmark.gateway.apis.refused import AnswerError
from keelmark.gateway.apis.sse import Event, EventReader, event_bytes


def read(*parts: bytes, max_bytes: int = 1000) -> list[Event]:
    reader = EventReader(max_bytes=max_bytes)
    return [event for part in parts for event in reader.feed(part)]


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b"data: a\n\n", [Event(b"a")]),
        (b"data:a\r\n\r\n", [Event(b"a")]),
        (b"data: a\r\r", [Event(b"a")]),
        (b"\xef\xbb\xbfdata: a\n\n", [Event(b"a")]),
        (b"data:  a\n\n", [Event(b" a")]),
        (b"data: a\ndata: b\n\n", [Event(b"a\nb")]),
        (b"data\n\n", [Event(b"")]),
        (b": a comment\n\ndata: a\n\n", [Event(b"a")]),
        (b"event: x\ndata: a\n\n", [Event(b"a", "x")]),
        (b"event: x\n\ndata: a\n\n", [Event(b"a")]),
        (b"event: x\ndata: a\n\ndata: b\n\n", [Event(b"a", "x"), Event(b"b")]),
        (b"id: 7\ndata: a\n\ndata: b\n\n", [Event(b"a", "", "7"), Event(b"b", "", "7")]),
        (b"id: 7\0\ndata: a\n\n", [Event(b"a")]),
        (b"retry: 5\nother: x\ndata: a\n\n", [Event(b"a")]),
        (b"data: a\n", []),
        (b"data: a", []),
        (b" data: a\n\n", []),
        (b"\n\n\ndata: a\n\n\n\n", [Event(b"a")]),
    ],
)
def test_events_are_read_as_the_standard_says(data, events):
    assert read(data) == events
    assert read(*(data[at : at + 1] for at in range(len(data)))) == events


def test_what_was_not_closed_is_no_event():
    reader = EventReader(max_bytes=100)
    assert reader.feed(b"data: a\n") == []
    assert reader.is_partial
    assert reader.feed(b"\n") == [Event(b"a")]
    assert not reader.is_partial


@pytest.mark.parametrize(
    "data", [b"x" * 101, b"data: " + b"x" * 101 + b"\n\n", b"data: xxxx\n" * 30, b"\r" * 5 + b"y" * 101]
)
def test_an_event_larger_than_the_bound_is_an_error(data):
    with pytest.raises(AnswerError, match="too large"):
        read(data, max_bytes=100)
    with pytest.raises(AnswerError, match="too large"):
        read(*(data[at : at + 1] for at in range(len(data))), max_bytes=100)


def test_many_events_are_bounded_one_by_one():
    assert len(read(b"data: xxxxxxxxxxxx\n\n" * 100, max_bytes=30)) == 100


def test_names_that_are_no_utf8_are_an_error():
    for data in (b"event: \xff\ndata: a\n\n", b"id: \xff\ndata: a\n\n"):
        with pytest.raises(AnswerError, match="UTF-8"):
            read(data)


LINES = st.lists(
    st.sampled_from([
        b"data: a", b"data:b", b"data: \xc3\xa9", b"data", b"", b"event: x", b"id: 1", b": c", b'data: {"a": 1}', b"retry: 1",
    ]),
    max_size=15,
)  # fmt: skip


@given(LINES, st.lists(st.sampled_from([b"\n", b"\r", b"\r\n"]), min_size=16, max_size=16), st.data())
@settings(max_examples=300, deadline=None)
def test_any_split_gives_the_same_events(lines, ends, data):
    whole = b"".join(line + end for line, end in zip(lines, ends, strict=False))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    parts = [whole[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert read(*parts) == read(whole)


@given(LINES)
@settings(max_examples=150, deadline=None)
def test_events_are_those_that_official_clients_read(lines):
    whole = b"".join(line + b"\n" for line in [*lines, b"data: end", b""])
    ours = [(event.data.decode(), event.name or None) for event in read(whole) if event.data]
    for decoder in (OpenaiDecoder(), AnthropicDecoder()):
        theirs = [(event.data, event.event) for event in decoder.iter_bytes(iter([whole])) if event.data]
        assert theirs == ours


@given(st.text(), st.text(max_size=5), st.text(max_size=5))
@settings(max_examples=200, deadline=None)
def test_what_is_written_is_read_back_as_one_event(data, name, identity):
    raw = data.encode("utf-8", "replace")
    name, identity = (text.encode("utf-8", "replace").decode() for text in (name, identity))
    events = read(event_bytes(raw, name=name, id=identity), max_bytes=10_000)
    assert len(events) == 1
    assert events[0].data == raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def test_names_cannot_add_fields():
    assert read(event_bytes(b"a", name="x\ndata: b", id="1\rdata: c")) == [Event(b"a", "x", "1")]
    assert read(event_bytes(b"a", name="\n", id="\n")) == [Event(b"a")]


@given(st.lists(st.binary(max_size=40), max_size=10))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_events_or_an_error(parts):
    with contextlib.suppress(AnswerError):
        read(*parts)


def test_several_lines_are_written_as_several():
    assert (
        event_bytes(b"a\r\nb\rc\nd", name="x", id="1")
        == b"event: x\nid: 1\ndata: a\ndata: b\ndata: c\ndata: d\n\n"
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"data: a\n\nevent: \xff\ndata: x\n\n", "upstream-invalid"),
        (b"data: a\n\ndata: aaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n\n", "upstream-too-large"),
        (b"event: \xff\ndata: x\n\ndata: aaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "upstream-invalid"),
        (b"data: aaaaaaaaaa\n\ndata: aaaaaaaaaaaaaa", ""),
        (b"\xef\xbb\xbfdata: aaaaaaaaaaaaa", ""),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_events_before_a_fault_are_given_and_the_fault_is_the_same_however_they_are_cut(
    data: bytes, reason: str, size: int
) -> None:
    reader, found, told = EventReader(max_bytes=20), [], ""
    for at in range(0, len(data), size):
        try:
            found += reader.feed(data[at : at + size])
        except AnswerError as error:
            told = error.reason
            break
    if reader.fault is not None:
        told = reader.fault.reason
        with pytest.raises(AnswerError):
            reader.feed(b"")
    assert told == reason
    whole = data.split(b"\n\n")[:-1]
    assert [each.data for each in found] == [
        each[6:] for each in whole if each.startswith(b"data: ") and len(each) < 20
    ]


def test_what_came_before_a_fault_counts_also_when_it_came_with_it() -> None:
    call = parsed(
        "/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True}
    )
    stream = interface("/v1/chat/completions").stream(call, Screens(), ANSWERS)
    assert b"[DONE]" in stream.feed(b"data: [DONE]\n\nevent: \xff\ndata: x\n\n")
    assert stream.close() == b""

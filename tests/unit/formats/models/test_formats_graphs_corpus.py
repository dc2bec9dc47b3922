"""Graphs of TensorFlow are judged alike whether they are bytes or text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.corpus import graphs

from keelmark.core.facts import GapReason
from keelmark.engine.artefacts import read_artefact_source
from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats.models.protobuf_text import Bounds, Known, to_wire
from keelmark.formats.source import Source

_FIELDS = {"a": Known(1), "m": Known(2, {"a": Known(1)}), "e": Known(3, words={"ON": 300})}


def read(data, path):
    with Source.of_bytes(data, path=path) as source:
        return read_artefact_source(source)


def techniques(facts):
    return {str(hazard.technique) for reading in facts.readings for hazard in reading.hazards}


@pytest.mark.parametrize("name", sorted(graphs.tricks()))
def test_harmful_graph_is_found(name):
    technique, data = graphs.tricks()[name]
    assert techniques(read(data, name)) == {technique}


@pytest.mark.parametrize("name", sorted(graphs.benign()))
def test_clean_graph_is_silent(name):
    facts = read(graphs.benign()[name], name)
    assert (techniques(facts), [gap for gap in facts.gaps if gap.matters]) == (set(), [])


def test_text_that_breaks_off_is_a_gap():
    data = graphs.tricks()["graph.pbtxt"][1]
    assert [gap.reason for gap in read(data[:-3], "graph.pbtxt").gaps] == [GapReason.TRUNCATED]


def test_known_fields_reach_the_wire_and_others_do_not():
    text = b"""a: "x" 'y\\n\\052\\x41\\"' # words
      m { a: "1" b { c: 1 } } m < a: "2" > m: [{ a: "3" }, { }] e: ON e: OFF z: -inf; [x.y/z]: "q", e: 5"""
    wire = to_wire(text, _FIELDS)
    assert wire.startswith(b'\x0a\x06xy\n*A"')
    assert wire.endswith(b"\x12\x03\x0a\x011\x12\x03\x0a\x012\x12\x03\x0a\x013\x12\x00\x18\xac\x02")


@pytest.mark.parametrize(
    "text", [b"a: {", b"a", b"}", b'a: "', b"m { a: 1 ]", b"[a", b"a: [1", b"\x00\xff: :"]
)
def test_what_is_no_text_of_a_message_is_refused(text):
    with pytest.raises(ParseError):
        to_wire(text, _FIELDS)


def test_long_and_deep_texts_are_refused():
    with pytest.raises(LimitExceededError):
        to_wire(b"m{" * 200 + b"}" * 200, _FIELDS)
    with pytest.raises(LimitExceededError):
        to_wire(b"a:1 " * 50, _FIELDS, bounds=Bounds(max_tokens=100))


@given(st.binary(max_size=200) | st.text(alphabet="am:{}<>[]\"'\\#\n 1", max_size=80).map(str.encode))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_message_or_an_error_on_purpose(text):
    try:
        to_wire(text, _FIELDS)
    except KeelmarkError:
        return


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_no_damage_crashes(data):
    name, (_, content) = data.draw(st.sampled_from(sorted(graphs.tricks().items())))
    changed = bytearray(content)
    changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    facts = read(bytes(changed[: data.draw(st.integers(1, len(changed)))]), name)
    assert GapReason.CRASHED not in {gap.reason for gap in facts.gaps}

"""Leaving data out of a pickle changes no answer: neither a global nor a call."""

from __future__ import annotations

import collections
import fractions
import os
import pickle
import pickletools
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.formats.models.pickle_machine import (
    HAS_NATIVE,
    SMALL,
    Called,
    Machine,
    WithState,
    compare,
    look,
)

from keelmark.formats.models.pickle.shortcuts import NO_TEXT, NOT_LEFT_OUT, Shortcuts
from keelmark.formats.models.pickle.walk_table import FIELDS

LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.floats(allow_nan=False), st.text(max_size=4),
    st.binary(max_size=4), st.sampled_from(["os", "system", "__reduce__", "alpha", "beta"]),
    st.builds(Called), st.just(complex), st.just(os.path.join), st.builds(WithState), st.just(fractions.Fraction(1, 3)),
)  # fmt: skip
OBJECTS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=6),
        st.tuples(inner, st.sampled_from([70, 150])).map(lambda pair: [pair[0]] * pair[1]),
        st.tuples(inner, st.sampled_from([70, 150])).map(
            lambda pair: [[index, pair[0]] for index in range(pair[1])]
        ),
        st.integers(66, 160).map(lambda count: [f"n{index}" for index in range(count)]),
        st.tuples(inner, st.integers(66, 160)).map(
            lambda pair: {f"k{index}": pair[0] for index in range(pair[1])}
        ),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=3), inner, max_size=5),
        st.integers(66, 90).map(lambda count: set(range(count))),
        inner.map(lambda item: tuple([item] * 80)),
        inner.map(lambda item: collections.OrderedDict(enumerate([item] * 3))),
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(OBJECTS, st.integers(0, 5), st.booleans())
def test_leaving_out_changes_no_global_and_no_call(objects, protocol, optimised):
    data = pickle.dumps([objects, Called(), objects, "os", "system"], protocol)
    compare(pickletools.optimize(data) if optimised else data)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("pure", [False, True])
def test_nearly_all_of_a_large_list_beside_a_call_is_left_out(protocol, pure):
    data = pickle.dumps({"call": Called(), "list": [index / 7 for index in range(30_000)]}, protocol)
    shortcuts = Shortcuts(memoryview(data), pure=pure or not HAS_NATIVE)
    spans = [
        shortcuts._shortcuts[index + 1] - shortcuts._shortcuts[index]
        for index in range(0, len(shortcuts._shortcuts), FIELDS)
    ]
    assert sum(spans) > 0.9 * len(data)
    assert compare(data, least=4096) > 0.9 * len(data)


def test_text_memoized_in_what_was_left_out_still_names_a_callable():
    words = [f"w{index:03}" for index in range(600)]
    body = b"".join(b"\x8c\x04" + word.encode() + b"\x94" for word in [*words[:599], "open"])
    data = b"\x80\x04]\x94(" + body + b"e\x8c\x02io\x94j" + (600).to_bytes(4, "little") + b"\x93\x94\x85R."
    assert compare(data) > len(body) / 2
    shortcuts = Shortcuts(memoryview(data), bounds=SMALL)
    machine = Machine(data, shortcuts)
    machine.run()
    assert ("global", ("text", "io"), ("text", "open")) in machine.events
    assert shortcuts.left_out_below(10**6) == shortcuts._taken[0].last - shortcuts._taken[0].first


def test_stretch_that_recalls_a_callable_is_not_left_out():
    data = b"\x80\x04cos\nsystem\n\x94](" + b"K\x01" * 100 + b"h\x00" + b"K\x01" * 100 + b"e."
    assert look(data, bounds=SMALL).shortcuts
    assert compare(data) == 0


def test_stretch_that_recalls_data_is_left_out():
    data = b"\x80\x04\x8c\x01a\x94cos\nsystem\n\x94](" + b"K\x01" * 100 + b"h\x00" * 100 + b"e."
    assert compare(data) > 200


@pytest.mark.parametrize(
    "middle",
    [
        b"0",
        b"2",
        b"cos\nsystem\n",
        b".",
        b"\x8c\x09__class__",
        b"h\x07",
        b"q\x07",
        b"\x80\x02",
        b"R",
        b"b",
        b"Q",
    ],
)
def test_in_doubt_nothing_is_left_out(middle):
    data = b"\x80\x04](" + b"K\x01" * 60 + middle + b"K\x01" * 60 + b"e."
    found = look(data, bounds=SMALL)
    for index in range(0, len(found.shortcuts), FIELDS):
        assert found.shortcuts[index] >= 4 + 120 + len(middle)


def test_counted_and_numbered_memo_keys_together_end_shortcuts():
    data = b"\x80\x04]\x94q\x01(" + b"K\x01" * 200 + b"e."
    assert not look(data, bounds=SMALL).shortcuts


def test_memo_keys_that_do_not_follow_each_other_are_not_left_out():
    data = b"\x80\x02](" + b"K\x01" * 70 + b"K\x01q\x50" + b"K\x01" * 9 + b"e."
    found = look(data, bounds=SMALL)
    assert not found.shortcuts or found.shortcuts[0] > data.index(b"q\x50")


def test_walk_goes_on_behind_raw_bytes():
    plain = b"(" + b"K\x01" * 100 + b"\x94" + b"K\x01" * 100 + b"e"
    data = b"\x80\x04]" + plain + b"cos\nsystem\n)R" + bytes(50) + b"]" + plain + b"."
    shortcuts = Shortcuts(memoryview(data), bounds=SMALL)
    first = shortcuts.take(shortcuts.next_start, count=0, top=0, foreign=array("Q"))
    assert (first.first, first.last) == (0, 1)
    shortcuts.restart(data.index(bytes(50)) + 50, top=1)
    second = shortcuts.take(shortcuts.next_start, count=1, top=1, foreign=array("Q"))
    assert (second.first, second.last) == (1, 2)
    assert shortcuts.text_place(1) == NO_TEXT
    assert shortcuts.text_place(2) == NOT_LEFT_OUT


def test_walks_are_started_again_a_bounded_number_of_times():
    data = memoryview(b"N" * 10_000)
    shortcuts = Shortcuts(data)
    before = shortcuts._left
    for _ in range(10):
        shortcuts.restart(0)
    assert shortcuts._left <= 0 < before


# -- the place it has

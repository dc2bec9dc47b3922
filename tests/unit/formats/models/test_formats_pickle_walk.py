"""The survey of a pickle: what it finds, that C and Python agree, and where it runs."""

from __future__ import annotations

import fractions
import os
import pickle
import pickletools
import random
import subprocess
import sys
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.formats.models.pickle_machine import (
    HAS_NATIVE,
    SMALL,
    WAYS,
    Called,
    WithState,
    look,
)

from keelmark.formats.models.pickle import walk, walk_pure
from keelmark.formats.models.pickle.opcodes import OPCODES
from keelmark.formats.models.pickle.walk import Bounds
from keelmark.formats.models.pickle.walk_table import FIELDS, FOREIGN, State

CODES = {name: bytes([code]) for code, (name, _) in OPCODES.items()}


def of(objects, protocol=4):
    return pickle.dumps(objects, protocol)


SAMPLES = {
    "numbers": of([1, 2.5, 300, -1, 10**30, True, None] * 20),
    "texts": of({f"key{index}": [f"value{index}", b"raw", index] for index in range(40)}, 4),
    "callable beside a long list": of({"call": Called(), "list": list(range(200)), "after": Called()}),
    "same texts again": of([{"alpha": 1, "beta": 2} for _ in range(80)]),
    "protocol 0": of([1.5, 2, "text", {"a": 10**20}, Called()] * 5, 0),
    "protocol 0, long": of([index / 3 for index in range(300)] + [Called()], 0),
    "protocol 1": of({str(index): index for index in range(100)}, 1),
    "protocol 2": of([str(index) for index in range(100)] + [Called(), {1}, frozenset({2})], 2),
    "sets and tuples": of([set(range(100)), frozenset(range(100)), tuple(range(100)), (1, 2), (1, 2, 3)]),
    "recursive": None,
    "hooks": of([f"{'__' if index == 70 else ''}name{index}" for index in range(150)]),
    "buffers": of([b"x" * 300, bytearray(b"y" * 300), "z" * 300], 5),
    "states": of([WithState() for _ in range(6)] + [fractions.Fraction(1, 3)] * 70),
}
LOOP: list[object] = [1]
LOOP.append((LOOP, LOOP))
SAMPLES["recursive"] = of(LOOP)


# -- what it finds


@pytest.mark.parametrize("protocol", range(6))
def test_pickle_of_plain_values_is_data(protocol):
    found = look(of({"a": [1, 2.5, "x", b"y", (None, True)], "b": {1: 2}}, protocol=max(protocol, 3)))
    assert found.is_data
    assert found.fault == ""
    assert not found.places


@pytest.mark.parametrize("code", sorted(FOREIGN))
def test_every_operation_that_reaches_outside_is_a_place(code):
    argument = {"GLOBAL": b"os\nsystem\n", "INST": b"os\nsystem\n", "EXT1": b"\x01", "EXT2": b"\x01\x00",
                "EXT4": b"\x01\x00\x00\x00", "PERSID": b"key\n"}.get(OPCODES[code][0], b"")  # fmt: skip
    found = look(b"\x80\x05NNN(NN" + bytes([code]) + argument + b".")
    assert list(found.places) == [8]
    assert found.counts == {OPCODES[code][0]: 1}
    assert found.has_stopped
    assert not found.is_data


@pytest.mark.parametrize("name", SAMPLES)
def test_places_are_those_of_the_reference_walk(name):
    data = SAMPLES[name]
    expected = [place for opcode, _, place in pickletools.genops(data) if CODES[opcode.name][0] in FOREIGN]
    found = look(data)
    assert list(found.places) == expected
    assert found.end == len(data)
    assert found.operations == sum(1 for _ in pickletools.genops(data))


def test_walk_ends_at_stop_and_goes_on_where_it_is_told_to():
    first, second = of([1]), of(Called())
    assert look(first + second).is_data
    found = look(first + second, position=len(first))
    assert found.end == len(first + second)
    assert not found.is_plain


def test_callable_whose_name_is_cut_off_is_a_place():
    found = look(b"cos\nsystem")
    assert list(found.places) == [0]
    assert found.state is State.BREAKS_OFF


@pytest.mark.parametrize(
    ("data", "state"),
    [
        (b"", State.BREAKS_OFF),
        (b"N", State.BREAKS_OFF),
        (b"I12", State.BREAKS_OFF),
        (b"\xff.", State.ILLEGAL),
        (b"T\xff\xff\xff\xffabc.", State.NEGATIVE),
        (b"\x8b\x00\x00\x00\x80abc.", State.NEGATIVE),
        (b"\x8e" + b"\xff" * 8 + b"abc.", State.BREAKS_OFF),
        (b"\x8d" + (2**63).to_bytes(8, "little") + b"abc.", State.BREAKS_OFF),
        (b"\x96" + (2**64 - 9).to_bytes(8, "little") + b"abc.", State.BREAKS_OFF),
        (b"B\x05\x00\x00\x00abc.", State.BREAKS_OFF),
        (b"G1234567", State.BREAKS_OFF),
        (b"\x80\x06N.", State.PROTOCOL),
        (b"c" + b"a" * 70_000 + b"\nb\n.", State.LONG_NAME),
    ],
)
def test_what_cannot_be_walked_has_a_reason(data, state):
    found = look(data)
    assert found.state is state
    assert found.fault
    assert not found.is_data


def test_places_are_bounded_and_counted():
    found = look(b"(" + b"NNR" * 50 + b".", bounds=Bounds(max_places=7))
    assert len(found.places) == 7
    assert found.counts == {"REDUCE": 50}


def test_line_longer_than_a_slice_is_walked():
    found = look(b"V" + b"x" * 1000 + b"\nI12\n\x86.", bounds=SMALL)
    assert found.is_data
    assert found.operations == 4


def test_deep_marks_end_shortcuts_but_not_the_walk():
    found = look(b"(" * 30_000 + b"N" * 100 + b"t" * 30_000 + b".", bounds=SMALL)
    assert found.is_data
    assert not found.shortcuts


def test_position_behind_the_end_is_a_fault():
    assert look(b"N.", position=5).state is State.BREAKS_OFF


# -- C and Python agree


@pytest.mark.parametrize("name", SAMPLES)
def test_every_truncation_and_flip_is_walked_alike(name):
    data = SAMPLES[name][:300]
    generator = random.Random(name)
    for length in range(len(data)):
        look(data[:length], bounds=SMALL)
        changed = bytearray(data)
        changed[length] ^= 1 << generator.randrange(8)
        look(bytes(changed), bounds=SMALL)


VALUES = [
    b"K\x01", b"M\x01\x02", b"J\x01\x02\x03\x04", b"G12345678", b"\x8c\x02ab", b"\x8c\x02ab\x94", b"X\x01\x00\x00\x00a",
    b"I1\n", b"F1.5\n", b"S'a'\n", b"]\x94", b"}", b"C\x03abc", b"\x8a\x01a", b"h\x00", b"N\x85", b"NN\x86", b"](K\x01K\x02e",
]  # fmt: skip
RARE = [
    b"\x8c\x02__", b"X\x01\x00\x00\x00aq\x00", b"Vab\np0\n", b"S'__a'\n", b"V\\u005f\n", b"(", b"e", b"u", b"t", b"l", b"d",
    b"\x90", b"\x91", b"a", b"s", b"h\x01", b"g0\n", b"g 1\n", b"j\x05\x00\x00\x00", b"p1\n", b"p01\n", b"px\n", b"q\x01",
    b"r\x02\x00\x00\x00", b"\x94", b"\x85", b"\x86", b"\x87", b"cos\nsystem\n", b"R", b"b", b"0", b"1", b"2", b"\x80\x04",
    b"\x95\x01\x00\x00\x00\x00\x00\x00\x00", b"\x97", b"\x98", b"\xff", b"K",
]  # fmt: skip
TIMES = st.sampled_from([1, 1, 2, 3, 66, 70, 140])
PIECES = st.one_of(
    st.tuples(st.sampled_from(VALUES), TIMES).map(lambda pair: pair[0] * pair[1]),
    st.tuples(st.sampled_from(VALUES), st.sampled_from([b"a", b"0"]), TIMES).map(
        lambda three: b"".join(three[:2]) * three[2]
    ),
    st.tuples(st.sampled_from(VALUES), TIMES).map(lambda pair: (b"K\x01" + pair[0] + b"s") * pair[1]),
    st.sampled_from(RARE),
)
FRAMES = st.recursive(
    PIECES,
    lambda inner: st.tuples(
        st.sampled_from([b"", b"", b"]", b"}", b"\x8f"]), st.lists(inner, max_size=8).map(b"".join),
        st.sampled_from([b"e", b"u", b"t", b"l", b"d", b"\x90", b"\x91", b"1", b"o"]), st.sampled_from([1, 1, 2, 5]),
    ).map(lambda parts: (parts[0] + b"(" + parts[1] + parts[2]) * parts[3]),
    max_leaves=15,
)  # fmt: skip
SOUP = st.one_of(
    st.lists(FRAMES, max_size=8).map(lambda parts: b"]" + b"".join(parts) + b"."),
    st.tuples(FRAMES, st.binary(max_size=4), FRAMES).map(b"".join),
)


@settings(max_examples=70, deadline=None)
@given(SOUP, st.sampled_from([1, 7, 64, 1 << 20]), st.sampled_from([1, 16, 200]))
def test_any_bytes_are_walked_alike(data, slice_bytes, least):
    found = look(data, bounds=Bounds(slice_bytes=slice_bytes, min_shortcut_bytes=least))
    assert found.end <= len(data)
    assert found == look(data, bounds=Bounds(slice_bytes=1 << 30, min_shortcut_bytes=least))
    ends = 0
    for index in range(0, len(found.shortcuts), FIELDS):
        start, end = found.shortcuts[index : index + 2]
        assert ends <= start < end <= found.end
        assert not any(start <= place < end for place in found.places)
        ends = end


@settings(max_examples=70, deadline=None)
@given(SOUP, st.integers(0, 300), st.integers(0, 300), st.lists(st.integers(0, 8), max_size=4))
def test_stretches_are_skimmed_alike(data, start, length, keys):
    keys = array("Q", [*sorted(keys), 2**64 - 1])
    tables = walk.WRITTEN, walk.EFFECTS
    view = memoryview(data)
    recalls = {walk.works(pure=pure).recalls(*tables, view, start, start + length, keys)[1] for pure in WAYS}
    every = {walk.works(pure=pure).writes(*tables, view, start, start + length, 99, 1, 0) for pure in WAYS}
    third = {walk.works(pure=pure).writes(*tables, view, start, start + length, 99, 3, 2) for pure in WAYS}
    assert len(recalls) == len(every) == len(third) == 1


# -- leaving out changes nothing


def test_environment_asks_for_python():
    code = "from keelmark.formats.models.pickle import walk; print(walk.IS_NATIVE, walk.works().__name__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KEELMARK_PURE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", walk_pure.__name__]


MEMORY = """
import mmap, sys
from keelmark.formats.models.pickle.walk import survey
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
with open(sys.argv[1], "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
before = peak()
view = memoryview(mapped)[4096 + 3:]
found = survey(view)
assert found.is_data and found.operations == len(view), found.fault
print(peak() - before)
"""


@pytest.mark.skipif(
    not HAS_NATIVE or not sys.platform.startswith("linux"), reason="asks Linux, and needs speed"
)
def test_mapped_file_is_given_back_while_it_is_walked(tmp_path):
    path = tmp_path / "large.pkl"
    path.write_bytes(b"N" * (120 * 1024**2) + b".")
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 40 * 1024


def test_walk_in_use_by_another_thread_is_refused_or_alone():
    for pure in WAYS:
        under_way = walk.works(pure=pure).Walk(walk.WRITTEN, walk.EFFECTS, 0, 0, 4096, 10)
        assert under_way.run(memoryview(b"NNNN."), 2)
        assert under_way.position == 2
        assert not under_way.run(memoryview(b"NNNN."), 2) or not under_way.run(memoryview(b"NNNN."), 2)
        assert under_way.result()[0] == State.STOPPED

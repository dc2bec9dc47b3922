"""Starts of pickles inside of other data: each that calls something is met, chance bytes are left alone."""

from __future__ import annotations

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.formats.models.pickle.starts import programs_in

CALLS = b"\x80\x02cos\nsystem\n(U\x04truetR."
LATER = b"\x80\x04\x95\x20\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R\x94."
DATA = b"\x80\x04]\x94(K\x01K\x02e."


@pytest.mark.parametrize("program", [CALLS, LATER])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda program: program,
        base64.b64encode,
        base64.urlsafe_b64encode,
        lambda program: program.hex().encode(),
        lambda program: program.hex().upper().encode(),
        lambda program: program.decode("latin-1").encode(),
    ],
    ids=["raw", "base64", "urlsafe", "hex", "HEX", "text"],
)
def test_each_start_is_met_however_it_is_written(program: bytes, wrap) -> None:
    found = dict(programs_in(memoryview(b"weights " + wrap(program))))
    assert found[8].startswith(program)


def test_a_pickle_that_names_nothing_is_none_to_follow() -> None:
    assert list(programs_in(memoryview(b"weights " + DATA))) == []


def test_the_data_itself_is_no_pickle_inside_of_it() -> None:
    assert list(programs_in(memoryview(CALLS))) == []


def test_chance_bytes_are_left_alone() -> None:
    noise = random.Random(5).randbytes(1024**2)
    assert len([place for place in range(len(noise)) if noise[place : place + 2] == b"\x80\x02"]) > 5
    assert list(programs_in(memoryview(noise))) == []


@given(st.binary(max_size=2_000), st.binary(max_size=64))
def test_any_bytes_are_looked_through(data: bytes, more: bytes) -> None:
    assert all(place > 0 for place, _ in programs_in(memoryview(data + b"\x80\x04" + more)) if place)

"""Programs and credentials packed into artefacts are named; software that holds programs is left alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.corpus import freight

from keelmark.engine.artefacts import read_artefact_source
from keelmark.engine.executables import Cargo, program_in, program_of
from keelmark.formats.source import Source

_OF_FREIGHT = {"embedded-executable", "embedded-secret", "disguised-format", "serialised-code"}


def hazards(data: bytes, path: str):
    with Source.of_bytes(data, path=path) as source:
        facts = read_artefact_source(source)
    return [hazard for reading in facts.readings for hazard in reading.hazards]


@pytest.mark.parametrize("name", sorted(freight.malicious()))
def test_freight_is_found(name: str) -> None:
    found = hazards(freight.malicious()[name], name.partition("__")[2])
    expected = name.partition("__")[0]
    assert {str(hazard.technique) for hazard in found} & {*_OF_FREIGHT, expected} == {expected}


@pytest.mark.parametrize("name", sorted(freight.benign()))
def test_what_belongs_there_is_silent(name: str) -> None:
    found = hazards(freight.benign()[name], name)
    assert [hazard for hazard in found if str(hazard.technique) in _OF_FREIGHT] == []


def test_freight_is_named_with_its_place() -> None:
    corpus = freight.malicious()
    (found,) = hazards(corpus["embedded-executable__member.pt"], "m.pt")
    assert (found.member, found.subject) == ("archive/extra/run", "ELF program")
    (found,) = hazards(corpus["embedded-executable__behind.pkl"], "m.pkl")
    assert found.offset == len(corpus["embedded-executable__behind.pkl"]) - len(freight.ELF)
    (found,) = hazards(corpus["embedded-secret__config.nemo"], "m.nemo")
    assert found.member == "./notes.txt"
    assert freight.KEY not in found.detail + found.subject + found.code


def test_only_ends_of_long_files_are_searched() -> None:
    middle = freight.array(bytes(8 * 1024**2) + freight.ELF + bytes(8 * 1024**2))
    with Source.of_bytes(middle, path="m.npy") as source:
        assert program_in(source) == ("", -1)


def test_random_numbers_are_no_program() -> None:
    numbers = random.Random(7).randbytes(4 * 1024**2)
    with Source.of_bytes(numbers, path="w") as source:
        assert program_in(source) == ("", -1)
    assert program_of(numbers) == ""


def test_code_for_graphics_cards_is_no_freight() -> None:
    kernel = bytearray(freight.ELF)
    kernel[18:20] = (190).to_bytes(2, "little")
    assert program_of(bytes(kernel)) == ""
    assert hazards(freight.torch_zip(bytes(kernel)), "m.pt") == []


def test_many_programs_beside_a_model_are_software() -> None:
    cargo = Cargo(is_artefact=False, models=1)
    for number in range(3):
        cargo.meet(f"program{number}", freight.ELF)
    assert list(cargo.close()) == []


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=600), st.sampled_from(["a", "a.pt", "a.bat", "a.pyc"]))
def test_any_bytes_are_a_program_or_none(data: bytes, name: str) -> None:
    assert isinstance(program_of(data, name=name), str)
    for start in (freight.ELF[:40], freight.EXE[:120], freight.MACH[:20], b"#!/bin/sh\n"):
        program_of(start + data)
        with Source.of_bytes(data + start, path=name) as source:
            program_in(source)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_no_damage_crashes(data) -> None:
    samples = {name: content for name, content in freight.malicious().items() if len(content) < 20_000}
    content = bytearray(samples[data.draw(st.sampled_from(sorted(samples)))])
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    hazards(bytes(content[: data.draw(st.integers(1, len(content)))]), "m")

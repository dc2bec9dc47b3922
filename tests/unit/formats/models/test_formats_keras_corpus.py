"""Keras, HDF5 and TensorFlow: each trick of the corpora is found for what it is, its clean twin is silent, damage crashes nothing."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keelmark.core.facts import Reading
from keelmark.formats.models import hdf5, keras_config
from keelmark.formats.source import Source

FOLDER = Path(__file__).parents[3] / "corpus"
READERS = (*keras_config.READERS, hdf5.READER)


def _load(name):
    spec = importlib.util.spec_from_file_location(f"corpus_of_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CORPORA = tuple(_load(name) for name in ("keras",))
BAD = {name: data for corpus in CORPORA for name, data in corpus.malicious().items()}
GOOD = {name: data for corpus in CORPORA for name, data in corpus.benign().items()}
NOTES = frozenset({"custom-class"})


def read_all(data, path):
    found = []
    with Source.of_bytes(data, path=path) as source:
        for reader in READERS:
            if reader.recognises(source):
                found.extend(reader.read(source))
        assert all(isinstance(item, Reading) for item in found)
    return found


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("path", ["", "blob"])
def test_trick_is_found_for_what_it_is(name, path):
    technique, _, own = name.partition("__")
    readings = read_all(BAD[name], path or own)
    hazards = [hazard for reading in readings for hazard in reading.hazards]
    assert technique in {str(hazard.technique) for hazard in hazards}
    for hazard in hazards:
        assert hazard.detail
        assert len(hazard.detail) <= 700
        assert hazard.subject


@pytest.mark.parametrize("name", GOOD)
def test_clean_twin_is_silent(name):
    readings = read_all(GOOD[name], name)
    assert readings
    grave = [
        hazard for reading in readings for hazard in reading.hazards if str(hazard.technique) not in NOTES
    ]
    assert grave == []
    assert [gap for reading in readings for gap in reading.gaps if gap.matters] == []


ALL = sorted({**BAD, **GOOD}.items())


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_truncation_is_a_valid_input(data):
    name, whole = data.draw(st.sampled_from(ALL))
    read_all(whole[: data.draw(st.integers(0, len(whole)))], name)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_changed_bytes_are_a_valid_input(data):
    name, whole = data.draw(st.sampled_from(ALL))
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    read_all(bytes(content), name)

"""Every way of the corpus to run code is found, and what honest libraries write stays silent."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.corpus import pickle_states, pickles

from keelmark.core.facts import Technique
from keelmark.core.outcome import Severity
from keelmark.development.supplychain.techniques import cards
from keelmark.engine.artefacts import read_artefact_source
from keelmark.formats.models.numpy_array import NumpyReader
from keelmark.formats.models.pickle.file import PickleReader
from keelmark.formats.models.pickle.torch_legacy import TorchLegacyReader
from keelmark.formats.models.torch_archive import TorchArchiveReader
from keelmark.formats.source import Source

MALICIOUS = pickles.malicious() | pickle_states.malicious()
BENIGN = pickles.benign() | pickle_states.benign()
NOTES = {Severity.LOW, Severity.INFO}


def scanned(name, content):
    return read_artefact_source(Source.of_bytes(content, path=name))


def grave(facts):
    known = cards()
    found = [hazard for reading in facts.readings for hazard in reading.hazards]
    return [hazard for hazard in found if known[hazard.technique].severity not in NOTES]


@pytest.mark.parametrize("name", sorted(MALICIOUS))
def test_each_way_to_run_code_is_found(name):
    assert grave(scanned(name, MALICIOUS[name]))


@pytest.mark.parametrize("name", sorted(BENIGN))
def test_honest_file_has_neither_hazard_nor_gap(name):
    facts = scanned(name, BENIGN[name])
    assert facts.readings
    assert grave(facts) == []
    assert [gap for gap in facts.gaps if gap.matters] == []


@pytest.mark.parametrize("name", [name for name in sorted(MALICIOUS) if name.startswith("name-by-")])
def test_name_that_is_put_together_is_told(name):
    hazards = {
        (hazard.technique, hazard.subject, hazard.code) for hazard in grave(scanned(name, MALICIOUS[name]))
    }
    assert (Technique.DANGEROUS_CALLABLE, "os.system", "os.system('true')") in hazards


def test_code_is_written_as_a_person_would():
    found = {
        hazard.subject: hazard for hazard in grave(scanned("m.pkl", MALICIOUS["ladder-import-module.pkl"]))
    }
    assert found["builtins.getattr"].code == "getattr(os, 'system')"
    assert found["os.system"].code == "os.system('true')"
    assert found["os.system"].detail == "loading it calls `os.system`, which reaches the operating system"


def test_function_that_is_carried_is_named():
    hazards = grave(scanned("m.pkl", MALICIOUS["carrier-dill.pkl"]))
    assert {hazard.technique for hazard in hazards} == {Technique.SERIALISED_CODE}
    assert all("`steal`" in hazard.detail for hazard in hazards)


def test_second_stream_is_found_at_its_own_place():
    content = MALICIOUS["form-second-stream.pkl"]
    (hazard,) = grave(scanned("m.pkl", content))
    assert hazard.offset == content.rindex(b"R.")


SAMPLES = sorted((MALICIOUS | BENIGN).items())
READERS = (PickleReader(), TorchArchiveReader(), TorchLegacyReader(), NumpyReader())


def read_by_all(content, name="m.pkl"):
    for reader in READERS:
        with Source.of_bytes(content, path=name) as source:
            if reader.recognises(source):
                reader.read(source)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_samples_never_crash_a_reader(data):
    name, content = data.draw(st.sampled_from(SAMPLES))
    place = data.draw(st.integers(0, len(content) - 1))
    changed = bytearray(content)
    changed[place] = data.draw(st.integers(0, 255))
    read_by_all(bytes(changed), name)
    read_by_all(content[:place], name)


@settings(max_examples=200, deadline=None)
@given(
    start=st.sampled_from([b"", b"\x80\x02", b"\x80\x04", b"(", b"\x93NUMPY\x01\x00"]),
    content=st.binary(max_size=300),
)
def test_any_bytes_never_crash_a_reader(start, content):
    read_by_all(start + content)

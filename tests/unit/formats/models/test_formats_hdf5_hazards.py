"""HDF5: pickled attributes and links that lead outside are found; arrays, names and links inside are left alone."""

from __future__ import annotations

import json
import pickle
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.core.facts import Technique
from keelmark.formats.models.fingerprint import READER as FINGERPRINT
from keelmark.formats.models.hdf5 import READER
from keelmark.formats.models.hdf5_hazards import hazards_of_hdf5
from keelmark.formats.source import Source

HEAD = b"\x89HDF\r\n\x1a\n" + bytes(88)
RUN = b"\x80\x02cos\nsystem\n(X\x04\x00\x00\x00truetR."


def link(file: str, target: str = "/x") -> bytes:
    value = b"\0" + file.encode() + b"\0" + target.encode() + b"\0"
    return struct.pack("<H", len(value)) + value


def techniques(body: bytes):
    return {hazard.technique for hazard in hazards_of_hdf5(memoryview(HEAD + body))}


@pytest.mark.parametrize(
    ("body", "technique"),
    [
        (b"attr\0cos\nsystem\n(S'true'\ntR.", Technique.DANGEROUS_CALLABLE),
        (b"attr\0" + RUN, Technique.DANGEROUS_CALLABLE),
        (b"attr\0" + pickle.dumps(eval, protocol=4) + RUN.replace(b"\x02", b"\x03", 1), Technique.DANGEROUS_CALLABLE),
        (link("/etc/passwd"), Technique.OUTSIDE_PATH),
        (link("../../secret.h5", "/data"), Technique.OUTSIDE_PATH),
    ],
)  # fmt: skip
def test_what_its_users_load_or_reach_is_found(body, technique) -> None:
    assert technique in techniques(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        bytes(range(256)) * 64,
        b"attr\0" + pickle.dumps({"rows": [1, 2, 3]}, protocol=0),
        b"attr\0" + pickle.dumps({"rows": [1, 2, 3]}, protocol=4),
        link("part-2.h5"),
        b"\0/etc/passwd\0/x\0",
        b"the os\nsystem\nis fine",
    ],
)
def test_data_and_links_inside_the_folder_are_left_alone(body) -> None:
    assert techniques(body) == set()


@pytest.mark.parametrize(
    ("layer", "is_harmful"),
    [
        ({"class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}}, True),
        ({"class_name": "StringLookup", "config": {"vocabulary": ["a", "b"]}}, False),
        ({"class_name": "TextVectorization", "config": {"vocabulary": "http://x/v.txt"}}, True),
        ({"class_name": "TorchModuleWrapper", "module": "keras.layers", "config": {"module": "x"}}, True),
        ({"class_name": "Dense", "module": "keras.layers", "config": {"units": 1}}, False),
    ],
)
def test_layers_that_load_are_found_in_the_configuration(layer, is_harmful) -> None:
    config = json.dumps({"class_name": "Sequential", "config": {"layers": [layer]}}).encode()
    with Source.of_bytes(HEAD + b"model_config\0model_weights\0" + config + b"\0", path="m.h5") as source:
        (reading,) = READER.read(source)
    assert bool(reading.hazards) is is_harmful


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_valid_input(data) -> None:
    hazards_of_hdf5(memoryview(data))
    with Source.of_bytes(data, path="fingerprint.pb") as source:
        FINGERPRINT.recognises(source)


def test_a_fingerprint_is_one_only_when_nothing_else_is_in_it() -> None:
    whole = b"\x08\xa1\x01\x10\x02\x18\x03\x20\x04\x28\x05\x32\x02\x08\x04\x3a\x03abc"
    for data, is_one in (
        (whole, True),
        (whole + whole, False),
        (whole + b"\x42\x00", False),
        (b"cos\n", False),
    ):
        with Source.of_bytes(data, path="saved/fingerprint.pb") as source:
            assert FINGERPRINT.recognises(source) is is_one

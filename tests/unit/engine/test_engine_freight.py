"""What artefacts carry beside their numbers, and names that promise less than the content can do."""

from __future__ import annotations

import json
import pathlib
import pickle
import struct
import sys

import pytest

from keelmark.core.facts import Technique
from keelmark.engine.artefacts import read_artefact_source
from keelmark.formats.source import Source

KEY = "sk-proj-" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7dE9fG1hJ3"
HARMLESS = pickle.dumps({"a": [1, 2]})


def hazards(data: bytes, path: str):
    with Source.of_bytes(data, path=path) as source:
        facts = read_artefact_source(source)
    return [hazard for reading in facts.readings for hazard in reading.hazards]


def safetensors(**metadata: str) -> bytes:
    header = {"__metadata__": metadata, "w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(4)


@pytest.mark.parametrize("name", ["m.safetensors", "m.gguf", "m.onnx", "config.json", "notes.txt", "cat.PNG"])
def test_a_pickle_with_the_name_of_a_plain_format_is_disguised(name) -> None:
    found = hazards(HARMLESS, name)
    assert [hazard.technique for hazard in found] == [Technique.DISGUISED_FORMAT]


@pytest.mark.parametrize("name", ["m.pkl", "m.bin", "m.pt", "m", "m.unknown", "data.p"])
def test_a_pickle_with_any_other_name_is_not(name) -> None:
    assert hazards(HARMLESS, name) == []


def test_what_its_name_promises_is_not_disguised() -> None:
    assert hazards(safetensors(format="pt"), "m.safetensors") == []


def test_a_credential_in_a_configuration_is_named_and_not_shown() -> None:
    config = {"architectures": ["X"], "model_type": "x", "hidden_size": 1, "api_key": KEY}
    (found,) = hazards(json.dumps(config, indent=1).encode(), "tests/config.json")
    assert found.technique is Technique.EMBEDDED_SECRET
    assert KEY not in found.detail + found.subject + found.code
    config["api_key"] = "YOUR_API_KEY"
    assert hazards(json.dumps(config).encode(), "config.json") == []


def test_a_credential_in_the_metadata_of_a_header_is_named() -> None:
    (found,) = hazards(safetensors(format="pt", token=KEY), "m.safetensors")
    assert found.technique is Technique.EMBEDDED_SECRET


def test_text_that_is_no_artefact_is_not_searched() -> None:
    assert hazards(f"api_key = '{KEY}'\n".encode(), "settings.py") == []


def test_a_program_among_the_assets_of_a_saved_model_is_freight() -> None:
    program = pathlib.Path(sys.executable).read_bytes()[:4096]
    (found,) = hazards(program, "model/assets.extra/ops.so")
    assert found.technique is Technique.EMBEDDED_EXECUTABLE
    assert hazards(program, "model/bin/ops.so") == []
    assert hazards(b"one line of words\n", "model/assets.extra/vocabulary.txt") == []

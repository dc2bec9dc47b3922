"""Each trick of the corpora is found for what it is, and its clean twin is silent; damage crashes no reader."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import random
import zlib
from array import array
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keelmark.core.facts import Reading
from keelmark.errors import KeelmarkError
from keelmark.formats import models
from keelmark.formats.datasets import form_of
from keelmark.formats.source import Source

FOLDER = Path(__file__).parents[3] / "corpus"
OWN = (
    "onnx", "safetensors", "gguf", "coreml", "openvino", "flax", "boosting", "pmml", "tensorrt", "paddle", "rds", "skops",
    "llamafile", "opaque", "mxnet", "caffe", "cntk", "torch7", "java_objects", "config_targets", "mlflow_model",
    "class_names", "plain_numbers", "tfjs", "jsonpickle", "hub_source", "langchain_prompt", "foreign_codecs",
    "word_vectors",
)  # fmt: skip


def _load(name):
    spec = importlib.util.spec_from_file_location(f"corpus_of_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _readers():
    names = {info.name for info in pkgutil.iter_modules(models.__path__)}
    for name in OWN:
        assert name in names
        module = importlib.import_module(f"{models.__name__}.{name}")
        yield from getattr(module, "READERS", None) or (module.READER,)


CORPORA = tuple(_load(name) for name in ("onnx", "tensors", "others", "r_files", "r_objects"))
BAD = {name: data for corpus in CORPORA for name, data in corpus.malicious().items()}
GOOD = {name: data for corpus in CORPORA for name, data in corpus.benign().items()}
READERS = tuple(_readers())


def read_all(data, path):
    found = []
    with Source.of_bytes(data, path=path) as source:
        for reader in READERS:
            try:
                if reader.recognises(source):
                    found.extend(reader.read(source))
            except KeelmarkError:
                continue
        assert all(isinstance(item, Reading) for item in found)
    return found


@pytest.mark.parametrize("name", BAD)
def test_trick_is_found_for_what_it_is(name):
    technique = name.partition("__")[0]
    hazards = [
        hazard for reading in read_all(BAD[name], name.partition("__")[2]) for hazard in reading.hazards
    ]
    assert technique in {str(hazard.technique) for hazard in hazards}
    for hazard in hazards:
        assert hazard.detail
        assert len(hazard.detail) <= 700
        assert hazard.subject


@pytest.mark.parametrize("name", GOOD)
def test_clean_twin_is_silent(name):
    readings = read_all(GOOD[name], name)
    assert [hazard for reading in readings for hazard in reading.hazards] == []
    assert [gap for reading in readings for gap in reading.gaps if gap.matters] == []


def is_known_by_content(name):
    """Text without a mark of its own, and files that only their name makes a disguise, are known by their names."""
    by_name = name.endswith((".prototxt", ".yaml", ".py", ".pth")) and "mlmodel" not in name
    return not by_name and not name.startswith(
        ("disguised-format__", "contradictory-header__length.safetensors")
    )


@pytest.mark.parametrize("name", [name for name in BAD if is_known_by_content(name)])
def test_harmful_file_is_found_by_its_content_alone(name):
    hazards = [hazard for reading in read_all(BAD[name], "blob") for hazard in reading.hazards]
    assert name.partition("__")[0] in {str(hazard.technique) for hazard in hazards}


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(256)) * 8,
        b"words and words " * 40 + b"\x00",
        b"\x7fELF" + bytes(range(64)) * 9,
        zlib.compress(bytes(random.Random(1).randbytes(3000))),
    ],
)
def test_other_bytes_are_no_plain_numbers(data):
    assert "plain-numbers" not in {reading.format for reading in read_all(data, "model.bin")}


@pytest.mark.parametrize(
    "name", ["variables/variables.data-00000-of-00001", "model.ckpt-9.data-00003-of-00016"]
)
def test_shard_of_a_checkpoint_is_a_model_that_runs_nothing(name):
    made = random.Random(1)
    numbers = array("f", [made.gauss(0, 1) for _ in range(900)]).tobytes()
    (reading,) = read_all(numbers, name)
    (model,) = reading.models
    assert (model.format, model.can_execute) == ("tensorflow-checkpoint", False)
    assert not [found for found in read_all(numbers, "table.data-of-2024") if found.models]


@pytest.mark.parametrize(
    ("name", "is_model"),
    [
        ("weights/imagenet.mat", True),
        ("imagenet-vgg-verydeep-19.mat", True),
        ("evaluate/ground_truth/easy_val.mat", False),
        ("signals.mat", False),
    ],
)
def test_matlab_file_is_data_unless_it_is_called_weights(name, is_model):
    data = b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(100)
    assert bool(read_all(data, name)) is is_model
    assert form_of(Source.of_bytes(data, path=name)) == ("" if is_model else "matlab")


def test_every_corpus_has_both_sides():
    assert len(BAD) > 100
    assert len(GOOD) > 60


ALL = sorted({**BAD, **GOOD}.items())


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_truncation_is_a_valid_input(data):
    name, whole = data.draw(st.sampled_from(ALL))
    read_all(whole[: data.draw(st.integers(0, len(whole)))], name)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_changed_bytes_are_a_valid_input(data):
    name, whole = data.draw(st.sampled_from(ALL))
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3)) if content else 0):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    read_all(bytes(content), name)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([data[:12] for _, data in ALL]),
    st.binary(max_size=300),
    st.sampled_from(["blob", "m.yaml", "m.prototxt"]),
)
def test_any_bytes_behind_a_mark_are_a_valid_input(mark, rest, name):
    read_all(mark + rest, name)

"""safetensors, GGUF, NumPy, Flax: headers are believed only as far as they fit the file."""

from __future__ import annotations

import struct

import pytest
from tests.corpus import tensors

from keelmark.core.facts import GapReason, ModelRole
from keelmark.formats.models.flax import READER as FLAX
from keelmark.formats.models.gguf import READER as GGUF
from keelmark.formats.models.numpy_array import READER as NUMPY
from keelmark.formats.models.safetensors import READER as SAFETENSORS
from keelmark.formats.source import Source


def test_safetensors_header_tells_parameters_types_and_metadata(make):
    model = make.model(SAFETENSORS, make.safetensors(metadata={"format": "pt"}))
    assert (model.parameters, model.tensors, model.dtypes) == (9, 2, ("F16", "F32"))
    assert model.metadata == (("format", "pt"),)
    assert (model.can_execute, model.dangerous) == (False, ())


@pytest.mark.parametrize(
    ("header", "size", "word"),
    [
        ('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4, "twice"),
        ('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}', 6, "overlaps"),
        ('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 2, "outside"),
        ('{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', 8, "belong to no tensor"),
        ('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 9, "belong to no tensor"),
        ('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', 4, "does not fit"),
        ('{"a":{"dtype":"XYZ","shape":[1],"data_offsets":[0,4]}}', 4, "unknown element type"),
        ('{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', 4, "no valid shape"),
        ('{"a":{"dtype":"F32","shape":[1]}}', 0, "no valid offsets"),
        ('{"a":', 0, "no JSON"),
        ("{}x", 0, "no JSON"),
    ],
)  # fmt: skip
def test_safetensors_header_that_lies_is_a_gap(make, header, size, word):
    (reading,) = make.read(SAFETENSORS, make.safetensors_raw(header.encode(), bytes(size)))
    assert [gap.reason for gap in reading.gaps] == [GapReason.MALFORMED]
    assert word in reading.gaps[0].detail


def test_truncated_safetensors_header_is_a_gap(make):
    (reading,) = make.read(SAFETENSORS, make.safetensors()[:40], "m.safetensors")
    assert [gap.reason for gap in reading.gaps] == [GapReason.TRUNCATED]


def test_safetensors_header_longer_than_the_format_allows_is_a_gap(make):
    (reading,) = make.read(SAFETENSORS, struct.pack("<Q", 2**40) + b"{}", "m.safetensors")
    assert [gap.reason for gap in reading.gaps] == [GapReason.TOO_LARGE]


def test_deeply_nested_safetensors_header_is_a_gap(make):
    (reading,) = make.read(SAFETENSORS, make.safetensors_raw(b'{"a":' + b"[" * 200_000))
    assert reading.gaps[0].reason in {GapReason.TOO_LARGE, GapReason.MALFORMED}


@pytest.mark.parametrize("version", [1, 2, 3])
def test_gguf_tells_architecture_parameters_and_template(make, version):
    pairs = {
        "general.architecture": "llama", "general.name": "Tiny", "general.license": "mit", "general.file_type": 15,
        "tokenizer.ggml.tokens": ["a", "b", "c"], "tokenizer.chat_template": "{{ messages }}",
    }  # fmt: skip
    model = make.model(GGUF, make.gguf(pairs, (("a", (4, 8), 12), ("b", (4,), 0)), version=version))
    assert (model.architecture, model.parameters, model.tensors, model.dtypes) == (
        "llama",
        36,
        2,
        ("F32", "Q4_K"),
    )
    assert dict(model.metadata) == {"name": "Tiny", "license": "mit", "quantisation": "Q4_K_M"}
    assert (model.template, model.can_execute) == ("{{ messages }}", False)


def test_gguf_whose_tensors_lie_outside_is_a_gap(make):
    (reading,) = make.read(GGUF, make.gguf(body=0))
    assert [gap.reason for gap in reading.gaps] == [GapReason.TRUNCATED]


def test_gguf_with_an_impossible_count_is_a_gap(make):
    (reading,) = make.read(GGUF, b"GGUF" + struct.pack("<IQQ", 3, 1, 2**60))
    assert [gap.reason for gap in reading.gaps] == [GapReason.TOO_LARGE]


def test_gguf_keeps_what_was_read_before_it_breaks_off(make):
    (reading,) = make.read(GGUF, make.gguf()[:70])
    assert reading.models[0].architecture == "llama"
    assert [gap.reason for gap in reading.gaps] == [GapReason.TRUNCATED]


def test_gguf_adapter_has_its_role(make):
    assert make.model(GGUF, make.gguf({"general.type": "adapter"})).role is ModelRole.ADAPTER


@pytest.mark.parametrize("shape", ["(3,)", "(3L,)"])
def test_array_of_numbers_runs_nothing(make, shape):
    model = make.model(NUMPY, make.npy(shape=shape))
    assert (model.parameters, model.dtypes, model.can_execute) == (3, ("F64",), False)


@pytest.mark.parametrize(("name", "runs"), [("object_array", False), ("object_array_calls_os_system", True)])
def test_array_of_objects_is_judged_by_the_pickle_inside(make, name, runs):
    model = make.model(NUMPY, (make.DATA / f"{name}.npy").read_bytes())
    assert (model.can_execute, bool(model.dangerous), model.unknown) == (runs, runs, ())


@pytest.mark.parametrize("method", [0, 8])
def test_archive_of_arrays_is_read_member_by_member(make, method):
    hostile = make.npy("'|O'", "(1,)", make.calls("os", "system"))
    honest = make.npy()
    model = make.model(NUMPY, make.archive({"x.npy": honest, "y.npy": honest}, method=method))
    assert (model.parameters, model.tensors, model.can_execute) == (6, 2, False)
    assert make.model(NUMPY, make.archive({"x.npy": honest, "y.npy": hostile}, method=method)).dangerous


@pytest.mark.parametrize(
    "header", ["__import__('os')", "{'shape': 3}", "((((", "{'descr': '<f8', 'shape': (-1,)}"]
)
def test_array_header_that_is_no_constant_is_a_gap(make, header):
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
    (reading,) = make.read(NUMPY, data)
    assert [gap.reason for gap in reading.gaps] == [GapReason.MALFORMED]
    assert reading.models[0].can_execute is None


def test_flax_tree_counts_its_arrays(make):
    model = make.model(FLAX, make.flax(((2, 3), (4,))))
    assert (model.parameters, model.tensors, model.dtypes, model.can_execute) == (10, 2, ("F32",), False)


def test_truncated_flax_tree_is_a_gap(make):
    (reading,) = make.read(FLAX, make.flax(((2, 3), (4,)))[:-3])
    assert [gap.reason for gap in reading.gaps] == [GapReason.TRUNCATED]


def test_message_pack_without_arrays_is_not_of_flax(make):
    (reading,) = make.read(FLAX, b"\x81\xa1a\xa1b", "x.msgpack")
    assert (reading.format, reading.hazards, reading.gaps) == ("msgpack", (), ())
    assert make.read(FLAX, b"\x81\xa1a\xa1b", "x") == ()
    assert make.read(FLAX, b"\x81\xa1a\xa1b and more", "x.msgpack") == ()


@pytest.mark.parametrize(
    ("shape", "techniques", "reasons"),
    [
        ((2,), [], []),
        ((0, 2**40), [], []),
        ((), [], []),
        ((3,), [], [GapReason.TRUNCATED]),
        ((9_999_999_999_999,), ["contradictory-header"], [GapReason.TRUNCATED]),
    ],
)
def test_array_is_held_against_the_length_of_its_file(shape, techniques, reasons):
    with Source.of_bytes(tensors.array(shape), path="a.npy") as source:
        (reading,) = NUMPY.read(source)
    assert [str(hazard.technique) for hazard in reading.hazards] == techniques
    assert [gap.reason for gap in reading.gaps] == reasons

"""Corners of model formats: bounds that hold, marks that lie, values of every kind."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from keelmark.core.facts import GapReason, Technique
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.models import boosted_trees, gguf, programs, rds, skops, torch7, xml_tree
from keelmark.formats.models.boosting import XgboostReader
from keelmark.formats.models.caffe import READERS as CAFFE
from keelmark.formats.models.class_names import READERS as CLASSES
from keelmark.formats.models.cntk import READER as CNTK
from keelmark.formats.models.coreml import CoremlReader
from keelmark.formats.models.flax import READER as FLAX
from keelmark.formats.models.gguf import READER as GGUF
from keelmark.formats.models.hazard_list import HazardList, way_out
from keelmark.formats.models.llamafile import READER as LLAMAFILE
from keelmark.formats.models.mlflow_model import READER as MLFLOW
from keelmark.formats.models.mxnet import READER as MXNET
from keelmark.formats.models.onnx import READERS as ONNX
from keelmark.formats.models.openvino import READER as OPENVINO
from keelmark.formats.models.paddle import READERS as PADDLE
from keelmark.formats.models.r_walk import Bounds as RBounds
from keelmark.formats.models.rds import READER as RDS
from keelmark.formats.models.safetensors import READER as SAFETENSORS
from keelmark.formats.models.skops import READER as SKOPS
from keelmark.formats.models.tensorrt import Bounds as EngineBounds
from keelmark.formats.models.tensorrt import TensorrtReader
from keelmark.formats.models.torch7 import READER as TORCH7


def reasons(readings):
    return [gap.reason for reading in readings for gap in reading.gaps]


def techniques(readings):
    return {hazard.technique for reading in readings for hazard in reading.hazards}


# -- what is gathered ----------------------------------------------------------------------------------------------------


def test_hazards_of_one_reading_are_bounded_and_say_so():
    found = HazardList(limit=3)
    for index in range(5):
        found.add(Technique.OUTSIDE_PATH, "detail " * 200, subject=f"path {index}")
        found.add(Technique.OUTSIDE_PATH, "again", subject="path 0")
    kept = found.close()
    assert [hazard.subject for hazard in kept] == ["path 0", "path 1", "path 2"]
    assert "2 more were left out" in kept[-1].detail


@pytest.mark.parametrize("path", ["a/b.bin", "a b.bin", "weights.bin", "a..b/c", "./a", "", "c"])
def test_names_inside_of_the_folder_lead_nowhere(path):
    assert way_out(path) == ""


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\x00\x00", "Windows"),
        (b"MZ" + bytes(62), ""),
        (b"\xcf\xfa\xed\xfe" + struct.pack("<I", 0x0100000C) + bytes(60), "Mach-O"),
        (b"\x00asm\x01\x00\x00\x00", "WebAssembly"),
        (b"\x7fELF\x09\x09\x09" + bytes(60), ""),
        (b"words", ""),
    ],
)
def test_program_is_told_by_more_than_its_letters(start, kind):
    assert programs.program_at(memoryview(start)) == kind


# -- boosted trees -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        b"Z", b"T", b"NN[]", b"i\x01", b"d\x00\x00\x00\x00", b"SU\x03abc", b"[i\x01i\x02]", b"{i\x01aT}", b"[#i\x02TF",
        b"[$i#i\x03abc", b"{#i\x01i\x01aZ", b"{$i#i\x01i\x01a\x05", b"[$S#i\x02i\x01ai\x01b", b"{i\x01a{i\x01b[]}}",
    ],
)  # fmt: skip
def test_ubjson_is_stepped_over_to_its_end(value):
    assert boosted_trees.walk_ubjson(memoryview(value + b"rest")) == len(value)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (b"?", ParseError),
        (b"[", ParseError),
        (b"Si\xff", ParseError),
        (b"ST", ParseError),
        (b"[$i]", ParseError),
        (b"[#l\x7f\xff\xff\xff", ParseError),
        (b"[" * 200, LimitExceededError),
    ],
)
def test_ubjson_that_lies_is_an_error(value, error):
    with pytest.raises(error):
        boosted_trees.walk_ubjson(memoryview(value))


def test_model_that_is_too_large_to_check_is_left_to_its_header(monkeypatch):
    monkeypatch.setattr(boosted_trees, "_MAX_CHECKED_BYTES", 4)
    found = HazardList()
    boosted_trees.check_trees(memoryview(b"{} {}"), found)
    boosted_trees.check_lightgbm(memoryview(b"\nTree="), found)
    assert not found


def test_large_json_of_xgboost_is_known_by_its_start(make, monkeypatch):
    monkeypatch.setattr("keelmark.formats.models.boosting._MAX_JSON_BYTES", 10)
    (reading,) = make.read(XgboostReader(), make.XGBOOST)
    assert [(gap.reason, gap.matters) for gap in reading.gaps] == [(GapReason.TOO_LARGE, False)]


# -- R -------------------------------------------------------------------------------------------------------------------


def r_object(*numbers, after=b""):
    return (
        b"X\n" + struct.pack(">iii", 2, 0x40202, 0x20300) + struct.pack(f">{len(numbers)}i", *numbers) + after
    )


@pytest.mark.parametrize(
    "data",
    [
        r_object(22, 254, 254),  # external pointer
        r_object(23),  # weak reference
        r_object(0x219, 0x402, 1, 9, 1, after=b"a" + struct.pack(">ii", 254, 254)),  # S4 with an attribute
        r_object(8, 3, after=b"sum"),  # built-in
        r_object(247, 0, 1, 9, 1, after=b"p"),  # persistent name
        r_object(19, -1, 0, 0),  # length in two halves
        r_object(16, 1, 9, -1),  # missing text
        r_object(238, 254, 254, 254),  # form of its own without a class
        r_object(0x209, 1, after=b"a" + struct.pack(">i", 254)),  # text with attributes
    ],
)
def test_rare_objects_of_r_are_stepped_over(make, data):
    (reading,) = make.read(RDS, data)
    assert (reading.gaps, reading.hazards) == ((), ())


@pytest.mark.parametrize(
    "data",
    [
        r_object(99),
        r_object(246),
        r_object(0x5FF),
        r_object(255, 7),
        r_object(19, -5),
        r_object(16, 1, 13),
        r_object(21, 1, 254, -3),
        r_object(13, 1_000_000),
        b"A\n3\n1\nx\n",
        b"A\n3\n",
        b"A\n2\n1\n1\n" + b"9" * 3000,
        b"A\n2\n1\n1\n13\n900\n",
    ],
)
def test_objects_of_r_that_lie_are_a_gap(make, data):
    assert reasons(make.read(RDS, data))


def test_bounds_of_r_hold(make):
    deep = r_object(*[19, 1] * 50, 254)
    for bounds in (RBounds(max_depth=10), RBounds(max_items=10)):
        assert reasons(make.read(rds.RdsReader(bounds), deep)) == [GapReason.TOO_LARGE]


# -- Torch7 ----------------------------------------------------------------------------------------------------------------


def test_text_of_torch7_is_walked(make):
    tensor = b"4\n1\n3\nV 1\n17\ntorch.FloatTensor\n1\n2\n1\n1\n"
    storage = b"4\n2\n3\nV 1\n18\ntorch.FloatStorage\n2\n0.5 1.5\n"
    (reading,) = make.read(TORCH7, tensor + storage)
    assert (reading.models[0].tensors, reading.gaps, reading.hazards) == (1, (), ())
    assert reasons(make.read(TORCH7, tensor + storage[:-4])) == [GapReason.TRUNCATED]


@pytest.mark.parametrize("rest", [b"1\n99\n", b"1\nx\n", b"2\n-4\n", b"3\n7\n-1\n", b"5\n1\n"])
def test_text_that_only_looks_like_torch7_is_not_claimed(make, rest):
    assert make.read(TORCH7, b"3\n1\n3\n1\n" + rest) == ()


def test_bounds_of_torch7_hold(make):
    class_ = struct.pack("<iii", 4, 1, 3) + b"V 1" + struct.pack("<i", 4) + b"nn.X"
    table = struct.pack("<iii", 3, 2, 100) + struct.pack("<i", 0) * 200
    reader = torch7.Torch7Reader(torch7.Bounds(max_items=101))
    assert reasons(make.read(reader, class_ + table)) == [GapReason.TOO_LARGE]
    storage = (
        struct.pack("<iii", 4, 1, 3)
        + b"V 1"
        + struct.pack("<i", 18)
        + b"torch.FloatStorage"
        + struct.pack("<q", -1)
    )
    assert reasons(make.read(TORCH7, storage)) == [GapReason.MALFORMED]


# -- containers of other kinds --------------------------------------------------------------------------------------------


def zipped(name, content):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content"), [("x/schema.json", b"{}"), ("schema.json", b'{"type": "object"}')]
)
def test_archive_with_another_schema_is_no_skops(make, name, content):
    assert make.read(SKOPS, zipped(name, content)) == ()


def test_skops_whose_schema_cannot_be_read_is_a_gap(make):
    assert reasons(make.read(SKOPS, zipped("schema.json", b'{"__loader__": '))) == [GapReason.MALFORMED]
    twice = zipped("schema.json", b'{"__loader__": "ListNode", "__loader__": "ListNode"}')
    assert Technique.CONTRADICTORY_HEADER in techniques(make.read(SKOPS, twice))
    reader = skops.SkopsReader(skops.Bounds(max_bytes=4))
    assert reasons(make.read(reader, zipped("schema.json", b'{"__loader__": "ListNode"}')))


def test_llamafile_is_called_a_program(make):
    (reading,) = make.read(LLAMAFILE, b"MZqFpD=" + bytes(100) + zipped("model.gguf", b"GGUF"))
    assert (reading.format, reading.models[0].can_execute) == ("llamafile", True)
    assert make.read(LLAMAFILE, b"MZqFpD=" + bytes(100)) == ()


# -- graphs ------------------------------------------------------------------------------------------------------------------


def test_optimised_onnx_that_names_python_is_found(make):
    data = b"\x1c\x00\x00\x00ORTM" + bytes(8) + b"\x04\x00\x00\x00PyOp\x00" + bytes(8)
    assert techniques(make.read(ONNX[1], data)) == {Technique.PYTHON_OPERATOR}


def test_function_with_attributes_is_walked(make):
    away = make.field(5, make.onnx_tensor(location="/etc/passwd"))
    extra = make.field(25, make.field(1, "f") + make.field(11, make.field(1, "a") + away))
    assert techniques(make.read(ONNX[0], make.onnx(extra=extra))) == {Technique.OUTSIDE_PATH}


def test_fields_of_another_wire_type_are_no_part_of_the_graph(make):
    node = make.onnx_node() + make.field(4, 7) + make.field(5, 7) + make.field(7, 7)
    tensor = make.onnx_tensor() + make.field(8, 7) + make.field(13, 7)
    (reading,) = make.read(ONNX[0], make.onnx([node], [tensor], extra=make.field(8, make.field(1, 7))))
    assert (reading.gaps, reading.hazards) == ((), ())


@pytest.mark.parametrize("depth", [3, 60])
def test_core_ml_models_inside_of_models_are_bounded(make, depth):
    inner = make.COREML
    for _ in range(depth):
        inner = make.field(1, 5) + make.field(2, b"\x0a\x00") + make.field(202, make.field(1, inner))
    assert reasons(make.read(CoremlReader(), inner)) == ([] if depth == 3 else [GapReason.TOO_LARGE])


def test_core_ml_blocks_inside_of_blocks_are_bounded(make):
    block = make.field(3, b"")
    for _ in range(40):
        block = make.field(3, make.field(4, block))
    program = make.field(2, make.field(2, make.field(3, make.field(2, block))))
    data = make.field(1, 5) + make.field(2, b"\x0a\x00") + make.field(502, program)
    assert reasons(make.read(CoremlReader(), data)) == [GapReason.TOO_LARGE]


def test_truncated_programs_of_paddle_are_a_gap(make):
    program = make.field(
        1, make.field(1, 0) + b"\x10" + b"\xff" * 9 + b"\x01" + make.field(4, make.field(3, "feed"))
    )
    assert reasons(make.read(PADDLE[0], program)) == []
    assert reasons(make.read(PADDLE[0], program[:-2])) == [GapReason.TRUNCATED]
    assert reasons(make.read(PADDLE[1], b'{"base_code": {"magic": "pir"}, ')) == [GapReason.MALFORMED]


def test_parameters_of_paddle_that_break_off_are_a_gap(make):
    one = struct.pack("<IQII", 0, 0, 0, 4) + b"\x08\x05\x10\x03" + bytes(12)
    assert reasons(make.read(PADDLE[2], one + one[:-4])) == [GapReason.TRUNCATED]
    assert make.read(PADDLE[2], one[:-4]) == ()
    packed = struct.pack("<IQII", 0, 0, 0, 5) + b"\x08\x05\x12\x01\x03" + bytes(12)
    assert make.model(PADDLE[2], packed).parameters == 3
    for wrong in (
        struct.pack("<I", 1),
        struct.pack("<IQ", 0, 999),
        struct.pack("<IQQ", 0, 1, 0) + struct.pack("<II", 1, 0),
    ):
        assert reasons(make.read(PADDLE[2], one + wrong + bytes(16)))


def test_search_in_engines_is_bounded_and_says_so(make):
    reader = TensorrtReader(EngineBounds(max_search_bytes=64))
    (reading,) = make.read(reader, b"ftrt" + bytes(200))
    assert [(gap.reason, gap.matters) for gap in reading.gaps] == [(GapReason.TOO_LARGE, False)]


def test_search_in_cntk_is_bounded_and_says_so(make, monkeypatch):
    monkeypatch.setattr("keelmark.formats.models.cntk._MAX_SEARCH", 64)
    old = "BCN".encode("utf-16-le") + b"\x00\x00" + "BVersion".encode("utf-16-le") + bytes(100)
    (reading,) = make.read(CNTK, old)
    assert reading.models[0].metadata == (("version", "1"),)
    assert reasons([reading]) == [GapReason.TOO_LARGE]


def test_broken_json_that_names_its_format_is_a_gap(make):
    graph = b'{"nodes": [{"op": "null", "inputs": []}], "arg_nodes": '
    assert reasons(make.read(MXNET, graph)) == [GapReason.MALFORMED]
    assert make.read(MXNET, b'{"nodes": [{"op": "null", "inputs": []}], "x": ') == ()
    assert make.read(MXNET, b'{"nodes": [{"op": "null", "inputs": []}], "x": 1}') == ()
    stage = b'{"class":"org.apache.spark.ml.X","uid":"u","sparkVersion":'
    assert reasons(make.read(CLASSES[0], stage)) == [GapReason.MALFORMED]
    assert reasons(make.read(MLFLOW, b"flavors: [\n", "MLmodel")) == [GapReason.MALFORMED]
    assert make.read(MLFLOW, b"flavors: [\n", "other") == ()
    assert make.read(MLFLOW, b"flavors: 3\n", "MLmodel") == ()


def test_inner_graphs_of_mxnet_are_walked(make):
    inner = '{"nodes": [{"op": "Custom", "name": "o", "inputs": []}]}'
    graph = f'{{"nodes": [{{"op": "_foreach", "inputs": [], "subgraphs": [{inner}]}}], "arg_nodes": [], "heads": []}}'
    assert techniques(make.read(MXNET, graph.encode())) == {Technique.PYTHON_OPERATOR}


def test_text_of_caffe_without_layers_is_not_claimed(make):
    assert make.read(CAFFE[1], b'type: "Python"\n# layer\n', "a.prototxt") == ()
    assert make.read(CAFFE[0], b"\x0a\x01n\xa2\x06\x02\x12\x00\x48\x01") == ()
    assert reasons(make.read(CAFFE[0], b"\x0a\x01n\xa2\x06\x02\x12\x09")) == [GapReason.TRUNCATED]


# -- tensors and documents ---------------------------------------------------------------------------------------------------


def test_every_template_of_gguf_is_handed_on(make):
    pairs = {
        "general.architecture": "llama",
        "tokenizer.chat_template": "a",
        "tokenizer.chat_template.tool": "b",
    }
    (reading,) = make.read(GGUF, make.gguf(pairs))
    assert [model.template for model in reading.models] == ["a", "b"]


def test_template_of_gguf_that_is_too_long_is_no_formatting(make):
    pairs = {
        "general.architecture": "llama",
        "tokenizer.chat_template": "a" * 100_000,
        "general.name": "b" * 5_000_000,
    }
    (reading,) = make.read(GGUF, make.gguf(pairs))
    assert (reading.gaps, reading.hazards) == ((), ())
    for length in (2_000_000, 5_000_000):
        (reading,) = make.read(GGUF, make.gguf({**pairs, "tokenizer.chat_template": "a" * length}))
        assert [str(hazard.technique) for hazard in reading.hazards] == ["template-outside-set"]


def test_payload_behind_much_text_of_a_template_is_found(make):
    text = "a" * 100_000 + "{{ lipsum.__globals__ }}"
    (reading,) = make.read(GGUF, make.gguf({"tokenizer.chat_template": text}))
    assert [str(hazard.technique) for hazard in reading.hazards] == ["template-reaches-objects"]


def test_bounds_of_gguf_hold(make):
    for bounds in (gguf.Bounds(max_tensors=0), gguf.Bounds(max_pairs=0)):
        assert reasons(make.read(gguf.GgufReader(bounds), make.gguf())) == [GapReason.TOO_LARGE]
    assert reasons(make.read(GGUF, make.gguf(tensors=[("a", (1,) * 70, 0)]))) == [GapReason.MALFORMED]


def test_header_of_safetensors_that_is_only_large_is_a_gap_alone(make, monkeypatch):
    reader = type(SAFETENSORS)(type(SAFETENSORS._bounds)(max_read_bytes=8))
    (reading,) = make.read(reader, make.safetensors())
    assert (reasons([reading]), reading.hazards) == ([GapReason.TOO_LARGE], ())


def test_flax_tree_of_other_extensions_is_walked(make):
    array = b"\x93\x91\x02\xa5int16" + b"\xc4\x04abcd"
    other = b"\x82\xa1a\xc7" + bytes([len(array)]) + b"\x01" + array + b"\xa1b\xd6\x05abcd"
    (reading,) = make.read(FLAX, other)
    assert (reading.gaps, reading.hazards) == ((), ())


def test_documents_of_xml_are_bounded(make):
    for bounds in (
        xml_tree.Bounds(max_depth=2),
        xml_tree.Bounds(max_elements=2),
        xml_tree.Bounds(max_bytes=9),
    ):
        assert reasons(make.read(type(OPENVINO)(bounds), make.OPENVINO)) in ([GapReason.TOO_LARGE], [])
    assert make.read(OPENVINO, b"<net x='1'><layer></net>") != ()
    assert make.read(OPENVINO, b"<net x='1'>layer</net>") == ()

"""ONNX, TensorFlow, TensorFlow Lite, Core ML, OpenVINO, Keras: operators and layers that run code are named."""

from __future__ import annotations

import struct

import pytest

from keelmark.core.facts import GapReason, Technique
from keelmark.formats.models.coreml import CoremlPackageReader, CoremlReader
from keelmark.formats.models.hdf5 import READER as HDF5
from keelmark.formats.models.keras_config import READERS as KERAS_READERS
from keelmark.formats.models.onnx import READER as ONNX
from keelmark.formats.models.openvino import READER as OPENVINO
from keelmark.formats.models.savedmodel import READERS as SAVEDMODEL_READERS
from keelmark.formats.models.tflite import READER as TFLITE

KERAS = KERAS_READERS[0]
SAVEDMODEL = SAVEDMODEL_READERS[0]
LAMBDA = {
    "class_name": "Functional",
    "config": {"layers": [{"class_name": "Lambda", "config": {"function": ["4wEAAA==", None, None]}}]},
}


def nested(class_name, module, config=None):
    layer = {"module": module, "class_name": class_name, "config": config or {}, "registered_name": None}
    return {"module": "keras", "class_name": "Sequential", "config": {"layers": [layer]}}


def test_onnx_tells_opsets_producer_and_parameters(make):
    model = make.model(ONNX, make.onnx())
    assert (model.parameters, model.tensors, model.dtypes) == (6, 1, ("F32",))
    assert dict(model.metadata) == {"ir_version": "8", "producer": "maker", "opsets": "ai.onnx 17"}
    assert (model.can_execute, model.dangerous, model.unknown) == (False, (), ())


def test_onnx_counts_weights_in_branches_and_constants(make):
    branch = make.field(5, make.onnx_tensor((4,))) + make.field(1, make.onnx_node())
    nodes = [
        make.onnx_node("If", attributes=[make.field(1, "then_branch") + make.field(6, branch)]),
        make.onnx_node(
            "Constant", attributes=[make.field(1, "value") + make.field(5, make.onnx_tensor((5,)))]
        ),
        make.onnx_node(
            "Constant", attributes=[make.field(1, "value") + make.field(5, make.onnx_tensor((7,), kind=7))]
        ),
    ]
    assert make.model(ONNX, make.onnx(nodes)).parameters == 6 + 4 + 5


def test_onnx_operator_of_a_foreign_domain_is_unknown(make):
    model = make.model(
        ONNX, make.onnx([make.onnx_node("Go", "acme.ops"), make.onnx_node("Gelu", "com.microsoft")])
    )
    assert (model.unknown, model.can_execute) == (("acme.ops.Go",), None)


def test_onnx_function_of_the_model_itself_is_known(make):
    function = make.field(25, make.field(1, "Go") + make.field(10, "acme.ops"))
    assert make.model(ONNX, make.onnx([make.onnx_node("Go", "acme.ops")], extra=function)).unknown == ()


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "C:\\x", "a/../../b"])
def test_onnx_data_outside_of_the_folder_is_dangerous(make, path):
    assert make.model(ONNX, make.onnx(tensors=[make.onnx_tensor(location=path)])).dangerous


def test_onnx_data_beside_the_model_is_harmless(make):
    model = make.model(ONNX, make.onnx(tensors=[make.onnx_tensor(location="model.onnx_data")]))
    assert model.dangerous == ()
    assert ("outside data", "model.onnx_data") in model.metadata


def test_truncated_onnx_is_a_gap(make):
    (reading,) = make.read(ONNX, make.onnx()[:30], "model.onnx")
    assert [gap.reason for gap in reading.gaps] == [GapReason.TRUNCATED]


def test_onnx_graphs_nested_too_deeply_are_a_gap(make):
    graph = make.field(1, make.onnx_node())
    for _ in range(100):
        graph = make.field(1, make.onnx_node("If", attributes=[make.field(6, graph)]))
    (reading,) = make.read(ONNX, make.field(1, 8) + make.field(7, graph))
    assert [gap.reason for gap in reading.gaps] == [GapReason.TOO_LARGE]


def test_other_protobuf_is_not_onnx(make):
    assert make.read(ONNX, make.savedmodel()) == ()
    assert make.read(ONNX, make.field(1, 8) + make.field(2, "a name") + make.field(3, "x")) == ()


def test_graph_of_plain_operators_runs_nothing(make):
    model = make.model(SAVEDMODEL, make.savedmodel())
    assert (model.format, model.can_execute, model.dangerous) == ("savedmodel", False, ())
    assert dict(model.metadata)["tensorflow"] == "2.15.0"


@pytest.mark.parametrize("operator", ["PyFunc", "EagerPyFunc", "ReadFile", "WriteFile"])
def test_operator_that_reaches_out_is_dangerous_also_in_a_function(make, operator):
    model = make.model(SAVEDMODEL, make.savedmodel(("Const", operator)))
    assert model.can_execute is True
    assert operator in model.dangerous[0]


def test_frozen_graph_is_read(make):
    graph = make.field(1, make.graph_node("Placeholder")) + make.field(1, make.graph_node("WriteFile"))
    model = make.model(SAVEDMODEL, graph)
    assert (model.format, bool(model.dangerous)) == ("tensorflow-graph", True)


def test_tflite_tells_parameters(make):
    model = make.model(TFLITE, make.tflite())
    assert (model.parameters, model.tensors, model.dtypes, model.can_execute) == (6, 1, ("F32",), False)


def test_tflite_custom_operator_is_unknown(make):
    assert make.model(TFLITE, make.tflite("AcmeOp")).unknown == ("AcmeOp",)
    assert make.model(TFLITE, make.tflite("TFLite_Detection_PostProcess")).unknown == ()


def test_tflite_offset_outside_is_a_gap(make):
    data = bytearray(make.tflite())
    struct.pack_into("<I", data, 0, 2**31)
    (reading,) = make.read(TFLITE, bytes(data))
    assert [gap.reason for gap in reading.gaps] == [GapReason.TRUNCATED]


def test_coreml_is_known_by_its_fields(make):
    assert make.model(CoremlReader(), make.COREML).architecture == "neural-network"
    custom = make.field(1, 5) + make.field(2, b"\x0a\x00") + make.field(555, b"")
    assert make.model(CoremlReader(), custom).unknown == ("custom model class",)
    assert make.read(CoremlReader(), make.onnx()) == ()


def test_coreml_package_lists_its_items(make):
    manifest = b'{"fileFormatVersion":"1.0.0","itemInfoEntries":{"A":{"path":"com.apple.CoreML/model.mlmodel"}},"rootModelIdentifier":"A"}'
    model = make.model(CoremlPackageReader(), manifest, "Manifest.json")
    assert ("item", "com.apple.CoreML/model.mlmodel") in model.metadata


def test_openvino_counts_its_constants(make):
    model = make.model(OPENVINO, make.OPENVINO)
    assert (model.parameters, model.tensors, model.dtypes, model.can_execute) == (6, 1, ("F32",), False)


def test_openvino_with_a_document_type_is_refused(make):
    bomb = b'<!DOCTYPE net [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + make.OPENVINO.split(b"\n", 1)[1]
    (reading,) = make.read(OPENVINO, bomb)
    assert [gap.reason for gap in reading.gaps] == [GapReason.MALFORMED]
    assert "document type" in reading.gaps[0].detail


def test_openvino_operator_of_a_foreign_opset_is_unknown(make):
    data = make.OPENVINO.replace(b'version="opset1"', b'version="acme"')
    assert make.model(OPENVINO, data).unknown == ("acme.Const",)


def test_keras_of_own_layers_runs_nothing(make):
    model = make.model(KERAS, make.keras(nested("Dense", "keras.layers", {"activation": "relu"})))
    assert (model.can_execute, model.dangerous, model.unknown) == (False, (), ())
    assert dict(model.metadata)["keras"] == "3.4.1"


def test_keras_function_by_short_name_is_harmless(make):
    model = make.model(KERAS, make.keras(nested("function", "builtins", "relu")))
    assert (model.can_execute, model.dangerous, model.unknown) == (False, (), ())


def test_keras_lambda_layer_is_dangerous(make):
    model = make.model(
        KERAS, make.keras(nested("Lambda", "keras.layers", {"function": {"class_name": "__lambda__"}}))
    )
    assert model.can_execute is True
    assert "Lambda layer: runs code carried in the file" in model.dangerous


def test_keras_class_of_another_package_is_unknown_and_of_os_dangerous(make):
    assert make.model(KERAS, make.keras(nested("Layer", "acme.layers"))).unknown == ("acme.layers.Layer",)
    assert make.model(KERAS, make.keras(nested("function", "os", "system"))).dangerous
    assert make.model(KERAS, make.keras(nested("function", "keras.utils", "get_file"))).dangerous


def test_keras_that_breaks_off_is_a_gap(make):
    (reading,) = make.read(KERAS, make.keras()[:-20], "model.keras")
    assert [gap.reason for gap in reading.gaps] == [GapReason.TRUNCATED]


def test_keras_hdf5_lambda_is_found(make):
    assert make.model(HDF5, make.hdf5(LAMBDA)).dangerous == ("Lambda layer: runs code carried in the file",)
    honest = make.model(HDF5, make.hdf5({"class_name": "Sequential", "config": {"layers": []}}))
    assert (honest.can_execute, honest.architecture) == (False, "Sequential")


def test_hdf5_whose_configuration_cannot_be_read_is_a_gap(make):
    broken = make.hdf5({"class_name": "Sequential"}).replace(b'"class_name": ', b'"class_name"  ')
    (reading,) = make.read(HDF5, broken)
    assert [gap.reason for gap in reading.gaps] == [GapReason.MALFORMED]
    assert reading.models[0].can_execute is None


def test_hdf5_whose_tree_cannot_be_walked_is_a_gap_and_searched_all_the_same(make):
    damaged = bytearray(make.hdf5(LAMBDA))
    damaged[96] = 9
    (reading,) = make.read(HDF5, bytes(damaged))
    assert [gap.reason for gap in reading.gaps] == [GapReason.MALFORMED]
    assert [hazard.technique for hazard in reading.hazards] == [Technique.SERIALISED_CODE]


def test_hdf5_of_data_is_no_model(make):
    (reading,) = make.read(HDF5, make.hdf5(mark="temperature"))
    assert (reading.models, reading.gaps) == ((), ())

"""ONNX models with tricks, and their clean twins: file name -> content.

The name of a malicious file starts with the technique that it is, up to `__`. Nothing needs a library.
"""

from __future__ import annotations

import struct

FLOAT, INT64 = 1, 7


def varint(number):
    out = b""
    number &= 0xFFFF_FFFF_FFFF_FFFF
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number, value):
    """One protobuf field: a number as varint, text or bytes length-delimited."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def tensor(shape=(2, 3), *, kind=FLOAT, raw=None, outside=(), name="w"):
    out = b"".join(field(1, size) for size in shape) + field(2, kind) + field(8, name)
    out += field(9, raw) if raw is not None else b""
    for key, value in outside:
        out += field(13, field(1, key) + field(2, value))
    return out + (field(14, 1) if outside else b"")


def attribute(name, *, text=None, number=None, held=None, of=0):
    out = field(1, name)
    out += field(4, text) if text is not None else b""
    out += field(3, number) if number is not None else b""
    return out + (field(of, held) if held is not None else b"")


def sizes(*numbers, name="s"):
    """A tensor of whole numbers that stands for a shape."""
    return tensor((len(numbers),), kind=7, raw=struct.pack(f"<{len(numbers)}q", *numbers), name=name)


def node(operator="Relu", domain="", attributes=(), inputs=("x",)):
    out = (
        b"".join(field(1, name) for name in inputs)
        + field(2, "y")
        + field(4, operator)
        + b"".join(field(5, item) for item in attributes)
    )
    return out + (field(7, domain) if domain else b"")


def graph(nodes=(), tensors=(), sparse=()):
    return (
        b"".join(field(1, item) for item in nodes or (node(),))
        + field(2, "g")
        + b"".join(field(5, item) for item in tensors)
        + b"".join(field(15, item) for item in sparse)
    )


def model(nodes=(), tensors=(), *, sparse=(), extra=b"", opsets=(("", 17),)):
    out = field(1, 8) + field(2, "maker") + field(7, graph(nodes, tensors, sparse))
    for domain, version in opsets:
        out += field(8, (field(1, domain) if domain else b"") + field(2, version))
    return out + extra


def function(name, domain, nodes=()):
    return field(25, field(1, name) + b"".join(field(7, item) for item in nodes) + field(10, domain))


def outside(location, **more):
    return (("location", location), *more.items())


def malicious():
    """Models that reach further than their numbers."""
    away = tensor(outside=outside("../../etc/passwd"))
    body = graph(tensors=[away])
    found = {
        f"outside-path__{name}.onnx": model(tensors=[tensor(outside=outside(path))])
        for name, path in {
            "climbs": "../../etc/passwd", "nested": "a/../../b", "absolute": "/etc/passwd", "windows": "C:\\x\\y",
            "share": "\\\\host\\share\\x", "address": "https://example.org/w.bin", "file_address": "file:///etc/passwd",
            "home": "~/w.bin", "memory": "*/_ORT_MEM_ADDR_/*", "zero": "w.bin\x00.onnx",
        }.items()
    }  # fmt: skip
    found |= {
        "outside-path__in_sparse.onnx": model(sparse=[field(1, away)]),
        "outside-path__in_sparse_indices.onnx": model(sparse=[field(2, away)]),
        "outside-path__in_attribute.onnx": model([node("Constant", attributes=[attribute("value", held=away, of=5)])]),
        "outside-path__in_attribute_list.onnx": model([node("X", attributes=[attribute("v", held=away, of=10)])]),
        "outside-path__in_sparse_attribute.onnx": model(
            [node("Constant", attributes=[attribute("value", held=field(1, away), of=22)])]
        ),
        "outside-path__in_branch.onnx": model([node("If", attributes=[attribute("then_branch", held=body, of=6)])]),
        "outside-path__in_branch_of_branch.onnx": model(
            [node("If", attributes=[attribute("b", held=graph([node("Loop", attributes=[attribute("g", held=body, of=11)])]), of=6)])]
        ),
        "outside-path__in_function.onnx": model(
            extra=function("f", "own", [node("Constant", attributes=[attribute("value", held=away, of=5)])])
        ),
        "outside-path__in_training.onnx": model(extra=field(20, field(2, body))),
        "outside-path__compiled_part.onnx": model(
            [node("EPContext", "com.microsoft", [attribute("embed_mode", number=0), attribute("ep_cache_context", text="/tmp/engine")])]
        ),
        "python-operator__pyop.onnx": model(
            [node("PyOp", "pyop", [attribute("module", text="os"), attribute("class_name", text="Popen")])]
        ),
        "python-operator__pyop_of_extensions.onnx": model([node("PyOp", "ai.onnx.contrib")]),
        "python-operator__training.onnx": model([node("PythonOp", "com.microsoft", [attribute("func_name", text="f.apply")])]),
        "custom-operator__domain.onnx": model([node("Go", "acme.ops")]),
        "custom-operator__in_official_domain.onnx": model([node("SpawnShell")]),
        "custom-operator__in_extensions.onnx": model([node("SpawnShell", "ai.onnx.contrib")], opsets=(("ai.onnx.contrib", 1),)),
        "custom-operator__in_branch.onnx": model(
            [node("If", attributes=[attribute("then_branch", held=graph([node("Go", "acme.ops")]), of=6)])]
        ),
        "outside-address__remote.onnx": model(
            [node("OpenAIAudioToText", "com.microsoft.extensions", [attribute("model_uri", text="https://example.org/v1")])]
        ),
        "class-changed__key.onnx": model(tensors=[tensor(outside=(*outside("w.bin"), ("__class__", "x")))]),
        "contradictory-header__offset.onnx": model(tensors=[tensor(outside=outside("w.bin", offset="-8"))]),
        "contradictory-header__length.onnx": model(tensors=[tensor(outside=outside("w.bin", length="8"))]),
        "contradictory-header__huge_length.onnx": model(tensors=[tensor(outside=outside("w.bin", length="9" * 30))]),
        "contradictory-header__raw.onnx": model(tensors=[tensor((1000,), raw=bytes(8))]),
        "contradictory-header__huge.onnx": model(tensors=[tensor((2**40, 2**40), raw=bytes(8))]),
        "custom-operator__aten.onnx": model([node("ATen", "org.pytorch.aten", [attribute("operator", text="from_file")])]),
        "bomb__filled.onnx": model([node("ConstantOfShape", inputs=["s"])], tensors=[sizes(2**40)]),
        "bomb__expanded.onnx": model([node("Expand", inputs=["x", "s"])], tensors=[sizes(2**20, 2**20)]),
        "contradictory-header__negative.onnx": model(tensors=[tensor((-1,), raw=bytes(8))]),
    }  # fmt: skip
    return found


def benign():
    """Models as exporters write them."""
    return {
        "plain.onnx": model(tensors=[tensor(raw=bytes(24))]),
        "scalar.onnx": model(tensors=[tensor((), raw=bytes(4))]),
        "empty_tensor.onnx": model(tensors=[tensor((0, 3), raw=b"")]),
        "four_bits.onnx": model(tensors=[tensor((3,), kind=22, raw=bytes(2))]),
        "data_beside.onnx": model(tensors=[tensor(outside=outside("model.onnx_data", offset="4096", length="24"))]),
        "data_in_folder.onnx": model(tensors=[tensor(outside=outside("data/w.bin"))]),
        "checksum.onnx": model(tensors=[tensor(outside=(*outside("w.bin"), ("checksum", "ab" * 20)))]),
        "runtime_operators.onnx": model([node("Gelu", "com.microsoft"), node("NhwcMaxPool", "com.microsoft"), node("Conv", "com.microsoft.nchwc")]),
        "trees.onnx": model([node("TreeEnsembleClassifier", "ai.onnx.ml"), node("ZipMap", "ai.onnx.ml")], opsets=(("", 17), ("ai.onnx.ml", 3))),
        "tokenizer.onnx": model([node("BertTokenizer", "ai.onnx.contrib")], opsets=(("", 17), ("ai.onnx.contrib", 1))),
        "spelled_out.onnx": model([node("Relu", "ai.onnx")]),
        "own_function.onnx": model([node("Go", "acme.ops")], extra=function("Go", "acme.ops", [node("Relu")])),
        "newer_set.onnx": model([node("NotYetKnown")], opsets=(("", 99),)),
        "for_tensorrt.onnx": model([node("EfficientNMS_TRT", "TRT")]),
        "old_operators.onnx": model([node("ImageScaler")]),
        "filled.onnx": model([node("ConstantOfShape", inputs=["s"])], tensors=[sizes(512, 1024)]),
        "expanded.onnx": model([node("Expand", inputs=["x", "s"])], tensors=[sizes(2**40, -1)]),
        "long_sizes.onnx": model([node("Reshape", inputs=["x", "s"])], tensors=[sizes(2**40)]),
        "branch.onnx": model([node("If", attributes=[attribute("then_branch", held=graph(tensors=[tensor(raw=bytes(24))]), of=6)])]),
        "embedded_part.onnx": model([node("EPContext", "com.microsoft", [attribute("embed_mode", number=1), attribute("ep_cache_context", text="/binary")])]),
        "optimised.ort": b"\x1c\x00\x00\x00ORTM" + bytes(64),
    }  # fmt: skip

"""Hand-made model files: each builder returns the bytes of one small, valid file."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from keelmark.formats.source import Source

DATA = Path(__file__).parents[3] / "data" / "models"


def safetensors(tensors=None, *, metadata=None, body=None):
    header, offset = {}, 0
    if metadata:
        header["__metadata__"] = metadata
    for name, (dtype, shape, size) in (tensors or {"w": ("F32", [2, 3], 24), "b": ("F16", [3], 6)}).items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    return safetensors_raw(json.dumps(header).encode(), bytes(offset) if body is None else body)


def safetensors_raw(header, body=b""):
    return struct.pack("<Q", len(header)) + header + body


def gguf_text(text, width="Q"):
    raw = text.encode()
    return struct.pack(f"<{width}", len(raw)) + raw


def gguf(pairs=None, tensors=(("a", (4, 8), 0),), *, version=3, body=128):
    width = "I" if version == 1 else "Q"
    pairs = {"general.architecture": "llama", "general.alignment": 32} if pairs is None else pairs
    out = b"GGUF" + struct.pack(f"<I{width}{width}", version, len(tensors), len(pairs))
    for key, value in pairs.items():
        out += gguf_text(key, width)
        if isinstance(value, str):
            out += struct.pack("<I", 8) + gguf_text(value, width)
        elif isinstance(value, list):
            out += struct.pack(f"<II{width}", 9, 8, len(value)) + b"".join(
                gguf_text(item, width) for item in value
            )
        else:
            out += struct.pack("<II", 4, value)
    for name, shape, kind in tensors:
        out += gguf_text(name, width) + struct.pack("<I", len(shape))
        out += b"".join(struct.pack(f"<{width}", size) for size in shape) + struct.pack("<IQ", kind, 0)
    return out + bytes(-len(out) % 32) + bytes(body)


def varint(number):
    out = b""
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


def onnx_tensor(shape=(2, 3), kind=1, location=None):
    out = b"".join(field(1, size) for size in shape) + field(2, kind) + field(8, "w")
    if location:
        out += field(13, field(1, "location") + field(2, location)) + field(14, 1)
    return out


def onnx_node(operator="Relu", domain="", attributes=()):
    out = field(1, "x") + field(2, "y") + field(4, operator) + b"".join(field(5, item) for item in attributes)
    return out + (field(7, domain) if domain else b"")


def onnx(nodes=None, tensors=None, extra=b""):
    nodes = [onnx_node()] if nodes is None else nodes
    tensors = [onnx_tensor()] if tensors is None else tensors
    graph = (
        b"".join(field(1, node) for node in nodes)
        + field(2, "g")
        + b"".join(field(5, item) for item in tensors)
    )
    return field(1, 8) + field(2, "maker") + field(7, graph) + field(8, field(2, 17)) + extra


def text(value):
    """A short text of protocol 4."""
    raw = value.encode()
    return b"\x8c" + bytes([len(raw)]) + raw


def calls(module, name, argument="true", *, protocol=4):
    """A pickle that calls `module.name(argument)`."""
    if protocol == 0:
        return f"c{module}\n{name}\n(S'{argument}'\ntR.".encode()
    if protocol < 4:
        raw = argument.encode()
        return (
            b"\x80"
            + bytes([protocol])
            + f"c{module}\n{name}\n".encode()
            + b"X"
            + struct.pack("<I", len(raw))
            + raw
            + b"\x85R."
        )
    return b"\x80\x04" + text(module) + text(name) + b"\x93" + text(argument) + b"\x85R."


def archive(members, *, method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return out.getvalue()


def torch_state(shape=(2, 3), storage="FloatStorage"):
    """A state dict with one tensor, as `torch.save` writes it."""
    sizes = b"".join(b"K" + bytes([size]) for size in shape)
    return (
        b"\x80\x02ccollections\nOrderedDict\n)R(X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n"
        b"((X\x07\x00\x00\x00storagectorch\n" + storage.encode() + b"\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x06tQK\x00("
        + sizes + b"t(K\x03K\x01t\x89ccollections\nOrderedDict\n)RtRu."
    )  # fmt: skip


def torch_zip(pickle=None, extra=None):
    return archive(
        {"m/data.pkl": pickle or torch_state(), "m/version": "3\n", "m/data/0": bytes(24), **(extra or {})}
    )


def torch_legacy(pickle=None):
    magic = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
    version, system, keys = b"\x80\x02M\xe9\x03.", b"\x80\x02}.", b"\x80\x02]."
    return magic + version + system + (pickle or torch_state()) + keys + b"\x80\x02" + bytes(30)


def npy(description="'<f8'", shape="(3,)", body=bytes(24)):
    header = f"{{'descr': {description}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


def keras(config=None):
    config = config or {"module": "keras", "class_name": "Sequential", "config": {"layers": []}}
    return archive(
        {"config.json": json.dumps(config), "metadata.json": '{"keras_version": "3.4.1"}'}, method=8
    )


def hdf5_attribute(name, value):
    """A message of version 1: a text of fixed length."""
    parts = (name.encode() + b"\0", struct.pack("<B3xI", 0x13, len(value)), struct.pack("<BBB5x", 1, 0, 0))
    body = struct.pack("<BxHHH", 1, *map(len, parts)) + b"".join(
        part + bytes(-len(part) % 8) for part in parts
    )
    body += value + bytes(-(len(body) + len(value)) % 8)
    return struct.pack("<HHB3x", 12, len(body), 0) + body


def hdf5(config=None, mark="keras_version"):
    """A file of superblock 0 whose root has attributes."""
    messages = [hdf5_attribute(mark, b"2.12.0")]
    if config is not None:
        messages.append(hdf5_attribute("model_config", json.dumps(config).encode()))
    body = b"".join(messages)
    none = 2**64 - 1
    start = b"\x89HDF\r\n\x1a\n" + bytes([0, 0, 0, 0, 0, 8, 8, 0]) + struct.pack("<HHI", 4, 16, 0)
    start += struct.pack("<QQQQ", 0, none, 112 + len(body), none) + struct.pack("<QQII16x", 0, 96, 0, 0)
    return start + struct.pack("<BxHIIxxxx", 1, len(messages), 1, len(body)) + body


def graph_node(operator, name="n"):
    return field(1, name) + field(2, operator)


def savedmodel(operators=("Const", "MatMul")):
    graph = b"".join(field(1, graph_node(operator)) for operator in operators)
    function = field(1, field(1, b"")) + b"".join(
        field(3, graph_node(operator)) for operator in operators[1:]
    )
    about = field(4, "serve") + field(5, "2.15.0")
    return field(1, 1) + field(2, field(1, about) + field(2, graph + field(2, field(1, function))))


def tflite(custom=None):  # noqa: C901 - small functions that lay out one file
    """One operator code, one subgraph with one filled tensor of 2 x 3, two buffers; parents lie before children."""
    out = bytearray(b"\0\0\0\0TFL3")

    def put(raw):
        out.extend(bytes(-len(out) % 4))
        out.extend(raw)
        return len(out) - len(raw)

    def link(place, child):
        target = child()
        struct.pack_into("<I", out, place, target - place)

    def table(*slots):
        def build():
            entries = [4 + 4 * index if slot is not None else 0 for index, slot in enumerate(slots)]
            offsets = put(
                struct.pack(f"<{2 + len(slots)}H", 4 + 2 * len(slots), 4 + 4 * len(slots), *entries)
            )
            at = put(bytes(4 + 4 * len(slots)))
            struct.pack_into("<i", out, at, at - offsets)
            for index, slot in enumerate(slots):
                place = at + 4 + 4 * index
                if callable(slot):
                    link(place, slot)
                elif slot is not None:
                    struct.pack_into("<I", out, place, slot)
            return at

        return build

    def tables(*children):
        def build():
            at = put(struct.pack("<I", len(children)) + bytes(4 * len(children)))
            for index, child in enumerate(children):
                link(at + 4 + 4 * index, child)
            return at

        return build

    def raw(count, content):
        return lambda: put(struct.pack("<I", count) + content)

    code = table(32, raw(len(custom), custom.encode())) if custom else table(9)
    tensor = table(raw(2, struct.pack("<II", 2, 3)), None, 1)
    buffers = tables(table(None), table(raw(24, bytes(24))))
    link(0, table(3, tables(code), tables(table(tables(tensor))), None, buffers))
    return bytes(out)


def flax(arrays=((2, 3),)):
    def ext(shape):
        body = b"\x93" + bytes([0x90 | len(shape)]) + bytes(shape) + b"\xa7float32" + b"\xc4\x02ab"
        return b"\xc7" + bytes([len(body)]) + b"\x01" + body

    return bytes([0x80 | len(arrays)]) + b"".join(
        b"\xa1" + bytes([97 + n]) + ext(s) for n, s in enumerate(arrays)
    )


OPENVINO = (
    b'<?xml version="1.0"?>\n<net name="tiny" version="11"><layers><layer id="0" name="w" type="Const" '
    b'version="opset1"><data element_type="f32" shape="2, 3" offset="0" size="24"/></layer></layers></net>'
)
XGBOOST = (
    b'{"learner":{"attributes":{},"gradient_booster":{"model":{"trees":[]},"name":"gbtree"},"learner_model_param":'
    b'{"num_feature":"4","num_class":"3"},"objective":{"name":"multi:softprob"}},"version":[3,2,0]}'
)
LIGHTGBM = b"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=3\nobjective=binary\n\nTree=0\n"
COREML = field(1, 5) + field(2, b"\x0a\x00") + field(500, b"")
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 12345\n"


def read(reader, data, path="model.bin"):
    """The readings of one reader over bytes; a file that it does not recognise has none."""
    with Source.of_bytes(data, path=path) as source:
        return reader.read(source) if reader.recognises(source) else ()


def model(reader, data, path="model.bin"):
    """The one model that a reader sees."""
    (reading,) = read(reader, data, path)
    (found,) = reading.models
    return found


@pytest.fixture(scope="session")
def make():
    return SimpleNamespace(**{key: value for key, value in globals().items() if not key.startswith("_")})


@pytest.fixture(scope="session")
def samples():
    """One valid file of each format."""
    return {
        "model.safetensors": safetensors(),
        "model.gguf": gguf(),
        "model.onnx": onnx(),
        "model.pt": torch_zip(),
        "old.pt": torch_legacy(),
        "new.pkl": calls("os", "system"),
        "old.pkl": calls("os", "system", protocol=0),
        "a.npy": npy(),
        "a.npz": archive({"x.npy": npy()}),
        "model.keras": keras(),
        "model.h5": hdf5({"class_name": "Sequential", "config": {}}),
        "saved_model.pb": savedmodel(),
        "model.tflite": tflite(),
        "model.msgpack": flax(),
        "model.xml": OPENVINO,
        "xgb.json": XGBOOST,
        "lgb.txt": LIGHTGBM,
        "model.cbm": b"CBM1\x04\x00\x00\x00abcd",
        "model.mlmodel": COREML,
        "lfs.bin": LFS,
        "x.dvc": b"outs:\n- md5: " + b"a" * 32 + b"\n  size: 5\n  path: x\n",
        "config.json": b'{"architectures": ["BertModel"], "model_type": "bert"}',
        **{file.name: file.read_bytes() for file in sorted(DATA.iterdir())},
    }

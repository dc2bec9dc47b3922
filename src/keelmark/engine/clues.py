"""What each reader and container has to see in a file before it can recognise it: the table that routes files.

A clue may be wider than what it stands for, never narrower. Places in texts are given by words because white space and
marks of encodings may stand before everything.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CONTAINERS", "READERS", "Clue", "Route"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clue:
    """All of what is stated has to be so: of the first byte, of the suffix, and one thing more.

    Attributes:
        first: The file starts with one of these bytes.
        suffixes: It has one of these suffixes ("" is none).
        ending: Its path ends like this.
        at: One of these marks stands at its place.
        number: Between these places stand digits, with blanks or zero bytes around them.
        holds: One of these words stands in the head, or the file is longer than its head.
        is_text: Whether what holds them is text, in which no zero byte stands.
    """

    first: bytes = b""
    suffixes: tuple[str, ...] = ()
    ending: str = ""
    at: tuple[tuple[int, bytes], ...] = ()
    number: tuple[int, int] | None = None
    holds: tuple[bytes, ...] = ()
    is_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One reader or container: its module below `formats`, and clues of which one is enough."""

    name: str
    module: str
    clues: tuple[Clue, ...]


_SPACE = b" \t\n\r\x0b\x0c"
_OBJECT = b"{" + _SPACE
_JSON = b"{[\xef\xbb\xbf" + _SPACE
_XML = b"<\xef\xbb\xbf\xff\xfe\x00" + _SPACE
_ZIP = (Clue(first=b"P"),)
# gzip, bzip2, xz, lz4 in both forms, zstandard and its skippable frames, zlib, lzma, snappy.
_PACKED = b"\xff\x1fB\xfd\x04\x02\x28\x78\x5d" + bytes(range(0x50, 0x60))
# zlib with a window of less than 32 KiB.
_WINDOWS = bytes(range(0x08, 0x78, 0x10))
_PICKLES = b"()]}BCFGIJKLMNPSTUVXci\x80\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x95\x96"
_OLD_JOBLIB = b"Z"
_HDF5 = b"\x89HDF\r\n\x1a\n"
# Wires of the fields of a model: number and type in one byte.
_ONNX = b"\x08\x12\x1a\x22\x28\x32\x3a\x42\x72\xa2\xca\xd2"
_TORCH = b"\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"
# Shards of a checkpoint of TensorFlow, which is cut into a few files at most.
_SHARDS = tuple(f".data-{part:05}-of-{count:05}" for count in range(1, 17) for part in range(count))
_OLD_XGBOOST = ((137, bytes(7)),)


def _route(name: str, module: str, *clues: Clue) -> Route:
    return Route(name=name, module=module, clues=clues)


READERS = (
    _route(
        "arrow-type",
        "models.foreign_codecs",
        Clue(first=b"AFP"),
        Clue(at=((0, b"\xff\xff\xff\xff"),)),
    ),
    _route("caffe", "models.caffe", Clue(first=b"\x0a\xa2")),
    _route(
        "caffe-text",
        "models.caffe",
        Clue(suffixes=(".prototxt", ".pbtxt")),
        Clue(holds=(b"python_param",), is_text=True),
    ),
    _route("catboost", "models.boosting", Clue(first=b"C")),
    _route("cntk", "models.cntk", Clue(first=b"B\x08\x12\x0a")),
    _route(
        "config-targets",
        "models.config_targets",
        Clue(suffixes=(".yaml", ".yml", ".json")),
        Clue(ending="MLmodel"),
    ),
    _route("coreml", "models.coreml", Clue(first=b"\x08")),
    _route("coreml-package", "models.coreml", Clue(first=_JSON, holds=(b'"rootModelIdentifier"',))),
    _route("dvc", "pointers", Clue(holds=(b"outs:",), is_text=True)),
    _route("executorch", "models.torch_bundles", Clue(at=((4, b"ET"),))),
    _route("flax", "models.flax", Clue(first=bytes(range(0x80, 0x90)) + b"\xde\xdf")),
    _route("gguf", "models.gguf", Clue(first=b"G"), Clue(suffixes=(".gguf",))),
    _route("git-annex", "pointers", Clue(holds=(b"annex/objects/",), is_text=True)),
    _route("git-lfs", "pointers", Clue(first=b"v")),
    _route("hdf5", "models.hdf5", Clue(at=tuple((place, _HDF5) for place in (0, 512, 1024, 2048, 4096)))),
    _route("hub-source", "models.hub_source", Clue(suffixes=(".py",))),
    _route(
        "huggingface",
        "models.huggingface",
        Clue(first=_JSON),
        Clue(suffixes=(".jinja", ".jinja2", ".j2")),
        Clue(suffixes=("", ".txt", ".template", ".tmpl", ".tpl", ".prompt"), holds=(b"{%",)),
    ),
    _route("jackson", "models.class_names", Clue(first=_JSON, holds=(b'"@class"',))),
    _route("java-objects", "models.java_objects", Clue(first=b"\xac")),
    _route(
        "jsonpickle",
        "models.jsonpickle",
        Clue(first=_JSON, holds=(b"py/", b"py\\/", b"\\u00")),
    ),
    _route("keras", "models.keras_config", *_ZIP),
    _route("keras-json", "models.keras_config", Clue(first=_JSON, holds=(b'"class_name"', b"\\u00"))),
    _route("keras-metadata", "models.savedmodel", Clue(first=b"\x0a")),
    _route("langchain-prompt", "models.langchain_prompt", Clue(first=_JSON, holds=(b'"template_format"',))),
    _route("lightgbm", "models.boosting", Clue(first=b"t\r")),
    _route("llamafile", "models.llamafile", Clue(first=b"M")),
    _route("mlflow", "models.mlflow_model", Clue(ending="MLmodel"), Clue(holds=(b"flavors:",), is_text=True)),
    _route("mxnet", "models.mxnet", Clue(first=_OBJECT, holds=(b'"nodes"',))),
    _route("notebook", "notebook", Clue(suffixes=(".ipynb",))),
    _route("numpy", "models.numpy_array", Clue(first=b"\x93P")),
    _route("onnx", "models.onnx", Clue(first=_ONNX), Clue(suffixes=(".onnx",))),
    _route(
        "opaque",
        "models.opaque",
        Clue(first=b"lftansmRIM7\x01\xdd\xba\x16\x12"),
        Clue(at=((4, b"ET"), (1, bytes(3)))),
        Clue(suffixes=(".weights", ".mnn")),
    ),
    _route("openvino", "models.openvino", Clue(first=_XML)),
    _route("ort", "models.onnx", Clue(at=((4, b"ORTM"),))),
    _route("paddle", "models.paddle", Clue(first=b"\x0a")),
    _route("paddle-json", "models.paddle", Clue(first=_OBJECT, holds=(b'"base_code"',))),
    _route("paddle-parameters", "models.paddle", Clue(first=b"\x00")),
    _route("pickle", "models.pickle.file", Clue(first=_PICKLES + _PACKED + _OLD_JOBLIB)),
    _route(
        "plain-numbers",
        "models.plain_numbers",
        Clue(suffixes=(".bin", ".data", ".onnx_data", ".weight", ".weights", ".raw", ".pb_data", *_SHARDS)),
    ),
    _route("pmml", "models.pmml", Clue(first=_XML)),
    _route("rds", "models.rds", Clue(first=b"XABR")),
    _route("safetensors", "models.safetensors", Clue(at=((8, b"{"),)), Clue(suffixes=(".safetensors",))),
    _route(
        "savedmodel", "models.savedmodel", Clue(first=b"\x08\x0a\x12\x22"), Clue(suffixes=(".pb", ".meta"))
    ),
    _route("savedmodel-fingerprint", "models.fingerprint", Clue(ending="fingerprint.pb")),
    _route("skops", "models.skops", Clue(first=b"P"), Clue(suffixes=(".skops",))),
    _route("spark-ml", "models.class_names", Clue(first=_JSON, holds=(b'"class"',))),
    _route("startup-lines", "models.hub_source", Clue(suffixes=(".pth",), holds=(b"import",), is_text=True)),
    _route(
        "tensorflow-text",
        "models.tensorflow_text",
        Clue(
            suffixes=(".pbtxt", ".textproto", ".pb_txt", ".prototxt", ".txt"),
            holds=(b"node", b"graph", b"library", b"meta_"),
        ),
    ),
    _route("tensorrt", "models.tensorrt", Clue(first=b"fpt"), Clue(at=((4, b"{"),))),
    _route("tfjs", "models.tfjs", Clue(first=_OBJECT, holds=(b'"modelTopology"', b'"weightsManifest"'))),
    _route("tflite", "models.tflite", Clue(at=((4, b"TFL3"),))),
    _route(
        "token-list",
        "token_lists",
        Clue(first=b"\n", suffixes=(".model", ".spm", ".vocab", "")),
        Clue(suffixes=(".tiktoken",)),
    ),
    _route("torch-archive", "models.torch_archive", *_ZIP),
    _route("torch-exported", "models.torch_bundles", *_ZIP),
    _route(
        "torch-legacy",
        "models.pickle.torch_legacy",
        Clue(first=_PICKLES, holds=(_TORCH, b"L119547037146038801333356")),
    ),
    _route("torch7", "models.torch7", Clue(first=b"\x03\x0434")),
    _route("torchserve", "models.torch_bundles", *_ZIP),
    _route(
        "word-vectors",
        "models.word_vectors",
        Clue(first=b"123456789\xba"),
    ),
    _route("xgboost", "models.boosting", Clue(first=b"b" + _OBJECT), Clue(at=_OLD_XGBOOST)),
    _route("zarr", "models.foreign_codecs", Clue(first=_JSON, holds=(b'"zarr_format"',))),
)
"""Readers of models, of notebooks, and of pointers to files that are not here; by name."""

CONTAINERS = (
    _route("7z", "archives.seven_zip", Clue(first=b"7")),
    _route("ar", "archives.others", Clue(first=b"!")),
    _route("closed", "archives.others", Clue(first=b"RMhx")),
    _route("cpio", "archives.others", Clue(first=b"0")),
    _route("stream", "archives.streams", Clue(first=_PACKED + _WINDOWS)),
    # The checksum of the first header; whatever it is of may start with anything.
    _route("tar", "archives.tar_archive", Clue(number=(148, 154))),
    # Whatever stands before it, an archive is one by the record at its end.
    _route("zip", "archives.zip_archive", Clue(first=b"P"), Clue(holds=(b"PK\x05\x06",))),
)
"""Containers; by name."""

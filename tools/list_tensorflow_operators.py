"""Writes `formats/models/tensorflow_operators.json`: operators of TensorFlow and of its libraries, and functions of its API.

    python -m venv /tmp/tf && /tmp/tf/bin/pip install tensorflow-cpu tensorflow-text
    /tmp/tf/bin/python tools/list_tensorflow_operators.py src/keelmark/formats/models/tensorflow_operators.json

It is run with an installed TensorFlow, never by the scanner. Two lists are written:

- `operators`: per library, the names that its registry knows;
- `functions`: public names (without `tf.`) of functions that compute, as layers of Keras name them.
"""

from __future__ import annotations

import importlib
import json
import sys
import types
from pathlib import Path

# Parts of the API that compute and nothing else.
_PARTS = frozenset({
    "__operators__", "audio", "bitwise", "dtypes", "image", "linalg", "math", "nn", "quantization", "ragged", "random",
    "sets", "signal", "sparse", "strings", "debugging", "losses", "metrics", "layers", "initializers",
})  # fmt: skip
_NOT = frozenset({
    "py_function", "numpy_function", "py_func", "load_library", "load_op_library", "load_file_system_library", "function",
    "import_graph_def", "print", "Print", "get_logger", "executing_eagerly", "enable_eager_execution", "Session", "tables_initializer",
    "read_file", "write_file", "matching_files", "device", "init_scope", "call_once", "autograph", "register_tensor_conversion_function",
})  # fmt: skip
_WORDS = (
    "load",
    "read_file",
    "write",
    "save",
    "dump",
    "enable_",
    "disable_",
    "set_log",
    "py_func",
    "numpy_function",
    "session",
)
_LIBRARIES = (
    "tensorflow_text",
    "tensorflow_decision_forests",
    "tensorflow_addons",
    "struct2tensor",
    "tensorflow_recommenders_addons",
)
# Operators of contributed parts of the first TensorFlow, and of libraries that do not install beside today's.
_FORMER = (
    "SimpleMLCreateModelResource", "SimpleMLLoadModelFromPath", "SimpleMLLoadModelFromPathWithHandle", "SimpleMLInferenceOp",
    "SimpleMLInferenceOpWithHandle", "SimpleMLInferenceLeafIndexOpWithHandle", "SimpleMLShowModel", "SimpleMLUnloadModel",
    "Addons>CorrelationCost", "Addons>CorrelationCostGrad", "Addons>Resampler", "Addons>ResamplerGrad",
    "Addons>BeamSearchParents", "Addons>AdjustHsvInYiq", "Addons>EuclideanDistanceTransform", "Addons>SkipGramGenerateCandidates",
    "Addons>EmbeddingBag", "Addons>EmbeddingBagGrad", "Addons>ImageProjectiveTransformV2", "Addons>ParseTime",
    "BlockLSTM", "LSTMBlockCell", "GRUBlockCell", "ImageConnectedComponents", "ImageProjectiveTransform", "BipartiteMatch",
    "AdjustHsvInYiq", "SingleImageRandomDotStereograms", "PeriodicResample", "SkipGramGenerateCandidates", "Resampler",
    "ResamplerGrad", "BeamSearchStep", "GatherTree", "NcclAllReduce", "NcclBroadcast", "NcclReduce", "MaskedMatmul",
    "KMC2ChainInitialization", "KmeansPlusPlusInitialization", "NearestNeighbors", "WALSComputePartialLhsAndRhs",
    "SparseFeatureCross", "SparseFeatureCrossV2", "SetSize", "DenseToDenseSetOperation", "UnpackPath", "HardRoutingFunction",
    "RoutingFunction", "StochasticHardRoutingFunction", "KFeatureGradient", "KFeatureRoutingFunction", "TreePredictionsV4",
    "TreeSerialize", "DecisionTreeResourceHandleOp", "FeatureUsageCounts", "TreeSize", "IsTreeInitialized",
)  # fmt: skip


def main(target: Path) -> None:
    """Import the libraries that are there and write what they register."""
    import tensorflow as tf  # noqa: PLC0415 - the only library that has to be there
    from tensorflow.python.util import tf_export  # noqa: PLC0415

    tables = {"tensorflow": sorted({*_registered(), *_FORMER})}
    known = set(tables["tensorflow"])
    for library in _LIBRARIES:
        try:
            importlib.import_module(library)
        except Exception as error:  # noqa: BLE001 - libraries fail in many ways beside a newer TensorFlow
            print(f"{library}: {error!r:.100}", file=sys.stderr)
            continue
        found = _registered() - known
        known |= found
        tables[library] = sorted(found)
    names = tf_export._NAME_TO_SYMBOL_MAPPING  # noqa: SLF001 - it has no public way to list them
    public = {*dir(tf), *dir(tf.compat.v1)}
    functions = sorted(name for name, symbol in names.items() if _computes(name, symbol, public))
    content = {"operators": tables, "functions": functions}
    target.write_text(json.dumps(content, indent=0).replace(",\n", ", ") + "\n", "utf-8")
    print({name: len(items) for name, items in tables.items()}, len(functions), file=sys.stderr)


def _registered() -> set[str]:
    from tensorflow.core.framework import op_def_pb2  # noqa: PLC0415 - as above
    from tensorflow.python.client import pywrap_tf_session  # noqa: PLC0415

    buffer = pywrap_tf_session.TF_GetAllOpList()
    operators = op_def_pb2.OpList()
    operators.ParseFromString(pywrap_tf_session.TF_GetBuffer(buffer))
    return {operator.name for operator in operators.op}


def _computes(name: str, symbol: object, public: set[str]) -> bool:
    plain = name.removeprefix("compat.v1.")
    parts = plain.split(".")
    if (
        not isinstance(symbol, types.FunctionType)
        or parts[-1] in _NOT
        or any(word in parts[-1] for word in _WORDS)
    ):
        return False
    if len(parts) == 1:
        return name in public or plain in public
    if parts[0] in _PARTS:
        return True
    return parts[0] == "io" and parts[-1].startswith(
        ("decode_", "encode_", "parse_", "serialize_", "deserialize_", "is_")
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""What configurations of Keras may name: exact pairs of module and name from real libraries, and what is known to do harm."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from importlib import resources

from keelmark.formats.models.pickle import callables
from keelmark.formats.models.pickle.callables import Danger
from keelmark.formats.models.pickle.values import Global

__all__ = ["Known", "Opinion", "judge_class", "judge_function", "judge_plain", "judge_registered"]

_OWN = frozenset({
    "keras", "keras_core", "keras_cv", "keras_hub", "keras_nlp", "keras_tuner", "kt", "tensorflow", "tensorflow_addons",
    "tf_keras",
})  # fmt: skip
# Packages under which the libraries register classes of their own.
_PACKAGES = frozenset({
    "Addons", "TFAddons", "Keras", "keras", "keras.metrics", "keras.losses", "keras_core", "keras_cv", "keras_hub", "keras_nlp",
    "keras.src", "Vision",
})  # fmt: skip
# Parts of Keras and TensorFlow that do more than compute, by their last name.
_GADGETS = {
    "TFSMLayer": "loads a SavedModel from a path and runs its graph",
    "ReloadedLayer": "loads a SavedModel from a path and runs its graph",
    "TorchModuleWrapper": "unpickles a module of PyTorch with `torch.load`",
    "clear_session": "changes the state of the process",
    "deserialize_keras_object": "builds any object that a second configuration names",
    "disable_interactive_logging": "changes the state of the process",
    "enable_unsafe_deserialization": "switches the safe mode off for everything that is loaded later",
    "set_custom_objects": "changes what names mean for everything that is loaded later",
    "extract_archive": "unpacks archives to paths of their choice",
    "func_load": "builds a function from marshalled code",
    "get_file": "downloads files, and unpacks archives to paths of their choice",
    "load_data": "downloads files",
    "load_img": "reads files",
    "load_library": "loads a native library",
    "load_op_library": "loads a native library",
    "load_file_system_library": "loads a native library",
    "load_model": "loads another model",
    "load_weights": "reads files",
    "matching_files": "reads folders",
    "model_from_config": "builds a model from a second configuration",
    "model_from_json": "builds a model from a second configuration",
    "model_from_yaml": "builds a model from a second configuration",
    "numpy_function": "calls a Python function",
    "pip_install": "installs packages",
    "py_func": "calls a Python function",
    "py_function": "calls a Python function",
    "read_file": "reads files",
    "register_keras_serializable": "changes what names mean for everything that is loaded later",
    "save_img": "writes files",
    "save_model": "writes files",
    "save_weights": "writes files",
    "write_file": "writes files",
    "audio_dataset_from_directory": "reads folders",
    "image_dataset_from_directory": "reads folders",
    "text_dataset_from_directory": "reads folders",
    "timeseries_dataset_from_array": "reads data",
}
# Old names that no wheel of today holds, and those that only stand in configurations.
_FORMER = frozenset({
    "AtrousConvolution1D", "AtrousConvolution2D", "Convolution1D", "Convolution2D", "Convolution3D", "Container",
    "CuDNNGRU", "CuDNNLSTM", "Deconvolution2D", "Deconvolution3D", "Graph", "Highway", "LocallyConnected1D",
    "LocallyConnected2D", "MaxoutDense", "Merge", "Module", "ParametricSoftplus", "Recurrent", "SReLU",
    "SeparableConvolution2D", "TimeDistributedDense", "ThresholdedReLU", "WeightRegularizer", "ActivityRegularizer",
    "BatchNormalizationV1", "BatchNormalizationV2", "CosineSimilarity", "ModuleWrapper", "AddLoss", "AddMetric", "PolicyV1",
    "Policy", "TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty", "ClipByValue",
})  # fmt: skip
# Kinds of tensors and layouts that loaders look up in TensorFlow.
_SPECS = frozenset({
    "DatasetSpec", "IndexedSlicesSpec", "IteratorSpec", "NoneTensorSpec", "OptionalSpec", "RaggedTensorSpec",
    "SparseTensorSpec", "TensorArraySpec", "TensorSpec", "VariableSpec", "BoundedTensorSpec", "StructuredTensorSpec",
})  # fmt: skip
_PLAIN_TYPES = frozenset({"NoneType", "bool", "bytes", "complex", "dict", "float", "int", "list", "set", "slice", "str", "tuple", "ellipsis"})  # fmt: skip
_NOWHERE = frozenset({"", "__main__", "builtins"})


class Known(Enum):
    """How far a name is known."""

    OWN = auto()
    HARMLESS = auto()
    DANGEROUS = auto()
    # A module outside of the libraries would be imported.
    FOREIGN = auto()
    # Nothing is imported: whoever loads the file has to bring the code.
    BROUGHT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What is known of one name, and for dangerous ones what they do."""

    known: Known
    reason: str = ""


_IS_OWN, _IS_HARMLESS = Opinion(known=Known.OWN), Opinion(known=Known.HARMLESS)
_IS_FOREIGN, _IS_BROUGHT = Opinion(known=Known.FOREIGN), Opinion(known=Known.BROUGHT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lists:
    classes: dict[str, frozenset[str]]
    functions: dict[str, frozenset[str]]
    plain_classes: frozenset[str]
    plain_functions: frozenset[str]


@cache
def _lists() -> _Lists:
    raw = json.loads(resources.files("keelmark.formats.models").joinpath("keras_classes.json").read_bytes())
    tables = {kind: {module: frozenset(names) for module, names in raw[kind].items()} for kind in raw}
    return _Lists(
        classes=tables["classes"],
        functions=tables["functions"],
        plain_classes=frozenset().union(*tables["classes"].values()) | _FORMER,
        plain_functions=frozenset().union(*tables["functions"].values()),
    )


def judge_class(module: str, name: str) -> Opinion:
    """What is known of a class of a module; "" where none is stated."""
    lists = _lists()
    if name in _GADGETS:
        return _gadget(name)
    if module in _NOWHERE:
        if module == "builtins" and name not in _PLAIN_TYPES:
            return _outside(module, name)
        return _IS_OWN if name in lists.plain_classes or name in _PLAIN_TYPES else _brought(name)
    if name in lists.classes.get(module, ()) or _is_spec(module, name):
        return _IS_OWN
    # Classes keep their public module in one version, and state where they stand in another.
    if module.startswith("tf_keras.") and name in lists.classes.get(module[3:], ()):
        return _IS_OWN
    return _outside(module, name)


def judge_function(module: str, name: str) -> Opinion:
    """What is known of a function of a module."""
    lists = _lists()
    if name in _GADGETS:
        return _gadget(name)
    if module in _NOWHERE:
        if name in lists.plain_functions:
            return _IS_OWN
        return _brought(name)
    public = module[3:] if module.startswith("tf_keras.") else module
    if name in lists.functions.get(public, ()):
        return _IS_OWN
    # What is a class for one version is a function for another, and a function may be stored as it is implemented.
    if name in lists.classes.get(public, ()) or (_is_within(module) and name in lists.plain_functions):
        return _IS_OWN
    return _outside(module, name)


def judge_plain(name: str) -> Opinion:
    """What is known of a class by its name alone, as old configurations state it."""
    return judge_class("", name)


def judge_registered(registered: str) -> Opinion:
    """What is known of a class by the name under which it is registered."""
    package, mark, name = registered.rpartition(">")
    if not mark or package in _PACKAGES:
        return judge_plain(name)
    # Keras registered some of its own optimizers without stating a package, for which this is the default.
    return _IS_OWN if package == "Custom" and name in _lists().plain_classes else _IS_BROUGHT


def _is_within(module: str) -> bool:
    """Whether a module is one in which Keras implements its functions."""
    parts = module.split(".")
    return parts[0] in {"keras", "tf_keras"} and parts[1:3] in (
        ["src", "activations"], ["src", "losses"], ["src", "metrics"], ["src", "ops"], ["activations"], ["losses"], ["metrics"],
    )  # fmt: skip


def _is_spec(module: str, name: str) -> bool:
    return name in _SPECS and module.split(".", 1)[0] in {"tensorflow", "tf"}


def _gadget(name: str) -> Opinion:
    return Opinion(known=Known.DANGEROUS, reason=_GADGETS[name])


def _brought(name: str) -> Opinion:
    """A name without a module, which is known to do harm all the same when it is that of a builtin or holds a module."""
    module, _, last = name.rpartition(".")
    opinion = _outside(module or "builtins", last)
    return opinion if opinion.known is Known.DANGEROUS else _IS_BROUGHT


def _outside(module: str, name: str) -> Opinion:
    verdict = callables.judge(Global(module, name))
    if verdict.danger is Danger.DANGEROUS:
        return Opinion(known=Known.DANGEROUS, reason=verdict.reason)
    is_harmless = verdict.danger is Danger.HARMLESS and not verdict.is_only_created
    return _IS_HARMLESS if is_harmless and module.split(".", 1)[0] not in _OWN else _IS_FOREIGN

"""Names of callables that are followed: what they do with their arguments is known, so it is worked out."""

from __future__ import annotations

__all__ = [
    "ATTRIBUTE_GETTERS",
    "BUILDERS_OF_CODE",
    "BY_ARGUMENT",
    "CALLED_BY_LOADERS",
    "ENDLESS",
    "FROM_BYTES",
    "HOOKS",
    "IMPORTERS",
    "ITEM_GETTERS",
    "LAZY",
    "LOADERS",
    "LOADERS_OF_PARTS",
    "METHOD_CALLERS",
    "PARTIALS",
    "PLAIN_ENCODINGS",
    "REACHING",
    "REBUILDERS_FROM_TYPE",
    "REBUILDS",
    "TYPES_OF_CODE",
    "UFUNCS",
]

REBUILDS = frozenset({
    "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_device_tensor_from_numpy",
    "_rebuild_qtensor",
})  # fmt: skip
# Attributes through which one object reaches every other.
REACHING = frozenset({
    "__base__", "__bases__", "__builtins__", "__class__", "__closure__", "__code__", "__defaults__", "__delattr__",
    "__dict__", "__func__", "__getattr__", "__getattribute__", "__globals__", "__import__", "__init_subclass__",
    "__kwdefaults__", "__loader__", "__mro__", "__reduce__", "__reduce_ex__", "__self__", "__setattr__",
    "__setstate__", "__spec__", "__subclasses__", "__wrapped__", "ag_frame", "cr_frame", "f_back", "f_builtins",
    "f_code", "f_globals", "f_locals", "func_code", "func_globals", "gi_code", "gi_frame", "im_func", "im_self",
    "mro", "tb_frame", "__init__", "__new__",
})  # fmt: skip
PLAIN_ENCODINGS = frozenset({
    "latin1", "latin_1", "iso_8859_1", "iso8859_1", "l1", "ascii", "us_ascii", "utf8", "utf_8",
})  # fmt: skip
ATTRIBUTE_GETTERS = frozenset({"operator.attrgetter", "_operator.attrgetter"})
ITEM_GETTERS = frozenset({"operator.itemgetter", "_operator.itemgetter"})
METHOD_CALLERS = frozenset({"operator.methodcaller", "_operator.methodcaller"})
# Iterators without an end, or with more steps than anybody waits for; and what only wraps an iterator.
ENDLESS = frozenset({
    f"itertools.{name}"
    for name in ("combinations", "combinations_with_replacement", "count", "cycle", "permutations", "product", "repeat")
})  # fmt: skip
LAZY = frozenset({
    *(f"builtins.{name}" for name in ("enumerate", "filter", "iter", "map", "reversed", "zip")),
    *(f"itertools.{name}" for name in ("chain", "chain.from_iterable", "cycle", "islice", "starmap", "tee", "zip_longest")),
    "functools.partial", "_functools.partial",
})  # fmt: skip
PARTIALS = frozenset({"functools.partial", "_functools.partial"})
FROM_BYTES = "torch.storage._load_from_bytes"
# Those that load one of their arguments: which.
LOADERS_OF_PARTS = {"spacy.tokens.doc.unpickle_doc": 1, "spacy.vocab.unpickle_vocab": 4}
LOADERS = frozenset({
    FROM_BYTES, "pickle.loads", "pickle._loads", "_pickle.loads", "cPickle.loads", "pickle.load", "pickle._load",
    "_pickle.load", "cPickle.load", "dill.loads", "dill._dill.loads", "dill.load", "dill._dill.load",
    "cloudpickle.loads", "cloudpickle.load", "cloudpickle.cloudpickle.loads", "cloudpickle.cloudpickle.load",
    "joblib.load", "joblib.numpy_pickle.load", "torch.load", "torch.serialization.load", "numpy.load",
    "numpy.lib.npyio.load", "numpy.lib._npyio_impl.load", "pandas.read_pickle", "pandas.io.pickle.read_pickle",
    "torch.jit.load", "sklearn.externals.joblib.load", "jsonpickle.decode", "srsly.pickle_loads",
    "pickle5.loads", "compress_pickle.loads", "torch._utils._load_from_bytes",
})  # fmt: skip
IMPORTERS = frozenset({
    "builtins.__import__", "importlib.import_module", "importlib.__import__", "importlib._bootstrap._gcd_import",
    "importlib._bootstrap.__import__", "numpy.testing._private.utils.import_nose", "pydoc.safeimport",
})  # fmt: skip
UFUNCS = frozenset({
    "numpy._core._ufunc_reconstruct", "numpy._core.__ufunc_reconstruct", "numpy.core._ufunc_reconstruct",
})  # fmt: skip
REBUILDERS_FROM_TYPE = frozenset({
    "torch._tensor._rebuild_from_type", "torch._tensor._rebuild_from_type_v2", "torch.tensor._rebuild_from_type",
    "torch.tensor._rebuild_from_type_v2",
})  # fmt: skip
BUILDERS_OF_CODE = frozenset({
    "types.CodeType", "types.FunctionType", "types.LambdaType", "marshal.loads", "dill._dill._create_function",
    "dill._dill._create_code", "dill.dill._create_function", "dill.dill._create_code", "dill._dill._create_lock",
    "cloudpickle.cloudpickle._make_function", "cloudpickle.cloudpickle._make_skel_func",
    "cloudpickle.cloudpickle._builtin_type", "cloudpickle.cloudpickle._fill_function",
    "cloudpickle.cloudpickle._make_skeleton_class", "cloudpickle.cloudpickle._rehydrate_skeleton_class",
    "cloudpickle.cloudpickle_fast._make_function", "cloudpickle.cloudpickle._function_setstate",
    "joblib.externals.cloudpickle.cloudpickle._make_function",
    "joblib.externals.cloudpickle.cloudpickle._builtin_type",
    "joblib.externals.cloudpickle.cloudpickle._make_skeleton_class",
})  # fmt: skip

BY_ARGUMENT = (
    ATTRIBUTE_GETTERS
    | ITEM_GETTERS
    | UFUNCS
    | REBUILDERS_FROM_TYPE
    | LOADERS_OF_PARTS.keys()
    | {
        "builtins.getattr",
        "builtins.type",
        "builtins.iter",
        "operator.getitem",
        "_operator.getitem",
        FROM_BYTES,
    }
    | {
        "jax._src.array._reconstruct_array",
        "functools.reduce",
        "_functools.reduce",
        "builtins.map",
        "builtins.filter",
    }
)
"""Callables that honest files use and that are harmful with some arguments: each use has to be seen as a call."""
TYPES_OF_CODE = frozenset({
    "cloudpickle.cloudpickle._builtin_type", "joblib.externals.cloudpickle.cloudpickle._builtin_type",
})  # fmt: skip
HONEST_METHODS = frozenset({
    "predict", "predict_proba", "predict_log_proba", "decision_function", "transform", "inverse_transform", "score",
    "score_samples", "forward", "tokenize", "encode",
})  # fmt: skip
"""Methods of models that people keep by themselves; they compute with what the object holds."""

# What loaders call of an object they build.
HOOKS = frozenset({
    "__setstate__", "__reduce__", "__reduce_ex__", "__getattribute__", "__getattr__", "__class__", "__bases__",
    "__del__", "__code__",
})  # fmt: skip
CALLED_BY_LOADERS = frozenset({"append", "extend", "add"})
"""Attributes that loaders call of an object which they fill; callable values of them are no data."""

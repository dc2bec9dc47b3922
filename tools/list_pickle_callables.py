"""Writes `formats/models/pickle/harmless.json`: callables that honest models ask for and that run nothing of the file's choice.

Run it in an environment of its own that has scikit-learn, numpy, scipy, pandas, xgboost and lightgbm:

    python tools/list_pickle_callables.py src/keelmark/formats/models/pickle/harmless.json

Names are exact. Left out on purpose, although honest files may ask for them: classes that open files or processes when
called (`numpy.memmap`, `joblib.Memory`), that import by name (`numpy.core._ufunc_reconstruct`), or that run text from
their state (the distributions of `scipy.stats`).
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas.core.arrays
import pandas.tseries.offsets
import scipy.interpolate
import scipy.sparse
import scipy.spatial
import sklearn
from sklearn.base import BaseEstimator

# Classes of the standard library and of NumPy that only hold values.
WRITTEN = {
    "builtins": "object set frozenset list dict tuple int float complex str bytes bytearray bool slice range Ellipsis "
    "NotImplemented xrange unicode long reversed enumerate ValueError TypeError KeyError RuntimeError Exception",
    "collections": "OrderedDict defaultdict deque Counter ChainMap UserDict UserList",
    "copyreg": "_reconstructor __newobj__ __newobj_ex__",
    "functools": "partial",
    "operator": "itemgetter",
    "_codecs": "encode",
    "datetime": "date datetime time timedelta timezone tzinfo",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "uuid": "UUID SafeUUID",
    "array": "array _array_reconstructor",
    "types": "SimpleNamespace",
    "pathlib": "PurePosixPath PosixPath PureWindowsPath WindowsPath Path PurePath",
    "pathlib._local": "PosixPath WindowsPath",
    "re": "_compile",
    "random": "Random",
    "zoneinfo": "ZoneInfo._unpickle",
    "joblib.numpy_pickle": "NumpyArrayWrapper",
    "sklearn.externals.joblib.numpy_pickle": "NumpyArrayWrapper",
    "numpy": "dtype ndarray matrix recarray record void bool_ bool str_ bytes_ object_ generic number integer floating "
    "datetime64 timedelta64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 intc intp uintc uintp longlong "
    "ulonglong float16 float32 float64 longdouble complex64 complex128 clongdouble float_ int_ float128 mean median max min amax amin sum prod std var argmax argmin "
    "average clip ravel reshape squeeze where concatenate nan_to_num asarray array zeros ones nanmean nanmedian",
    "scipy._lib.array_api_compat.numpy._aliases": "asarray",
    "numpy.core.multiarray": "_reconstruct scalar",
    "numpy._core.multiarray": "_reconstruct scalar",
    "numpy.core._internal": "_reconstruct",
    "numpy.core.numeric": "_frombuffer",
    "numpy._core.numeric": "_frombuffer",
    "numpy.core.records": "recarray record",
    "numpy._core.records": "recarray record",
    "numpy.rec": "recarray record",
    "numpy.ma.core": "_mareconstruct MaskedArray MaskedConstant mvoid",
    "numpy.ma": "MaskedArray",
    "numpy.matrixlib.defmatrix": "matrix",
    "numpy.random": "__RandomState_ctor RandomState Generator PCG64 PCG64DXSM MT19937 Philox SFC64 SeedSequence",
    "numpy.random._pickle": "__randomstate_ctor __generator_ctor __bit_generator_ctor",
    "numpy.random.mtrand": "RandomState __RandomState_ctor",
    "numpy.random._mt19937": "MT19937",
    "numpy.random._pcg64": "PCG64 PCG64DXSM",
    "numpy.random._philox": "Philox",
    "numpy.random._sfc64": "SFC64",
    "numpy.random._generator": "Generator",
    "numpy.random.bit_generator": "SeedSequence __pyx_unpickle_SeedSequence",
    "numpy.random._bit_generator": "SeedSequence",
    "numpy.polynomial.polynomial": "Polynomial",
    "numpy.lib.polynomial": "poly1d",
    "pandas": "DataFrame Series Index RangeIndex MultiIndex Categorical CategoricalIndex DatetimeIndex Timestamp "
    "Timedelta Interval Period NaT StringDtype CategoricalDtype DatetimeTZDtype PeriodDtype IntervalDtype BooleanDtype "
    "Int8Dtype Int16Dtype Int32Dtype Int64Dtype UInt8Dtype UInt16Dtype UInt32Dtype UInt64Dtype Float32Dtype "
    "Float64Dtype",
    "pandas.core.frame": "DataFrame",
    "pandas.core.series": "Series",
    "pandas.core.internals.managers": "BlockManager SingleBlockManager",
    "pandas.core.internals.blocks": "new_block",
    "pandas._libs.internals": "_unpickle_block BlockManager BlockPlacement",
    "pandas._libs.missing": "NAType _nat_unpickle",
    "pandas._libs.tslibs.timestamps": "_unpickle_timestamp Timestamp",
    "pandas._libs.tslibs.timedeltas": "_timedelta_unpickle Timedelta",
    "pandas._libs.tslibs.nattype": "_nat_unpickle __nat_unpickle",
    "pandas._libs.tslibs.period": "_unpickle_period Period",
    "pandas.core.indexes.base": "_new_Index Index",
    "pandas.core.indexes.datetimes": "_new_DatetimeIndex DatetimeIndex",
    "pandas.core.indexes.period": "_new_PeriodIndex PeriodIndex",
    "pandas.core.indexes.range": "RangeIndex",
    "pandas.core.indexes.multi": "MultiIndex",
    "pandas.core.indexes.category": "CategoricalIndex",
    "pandas.core.indexes.interval": "IntervalIndex _new_IntervalIndex",
    "pandas.core.indexes.timedeltas": "TimedeltaIndex",
    "pandas.core.indexes.numeric": "Int64Index Float64Index UInt64Index",
    "pandas.core.indexes.frozen": "FrozenList",
    "pandas.indexes.base": "_new_Index Index",
    "pandas.indexes.range": "RangeIndex",
    "pandas.core.dtypes.dtypes": "CategoricalDtype DatetimeTZDtype PeriodDtype IntervalDtype",
    "pandas.core.flags": "Flags",
    "catboost.core": "CatBoost CatBoostClassifier CatBoostRegressor CatBoostRanker",
    "imblearn.pipeline": "Pipeline",
    "xgboost.core": "Booster",
    "xgboost.compat": "XGBoostLabelEncoder",
    "lightgbm.basic": "Booster",
    "lightgbm.compat": "_LGBMLabelEncoder LGBMLabelEncoder",
    "torch": "Size device dtype FloatStorage DoubleStorage HalfStorage BFloat16Storage LongStorage IntStorage "
    "ShortStorage CharStorage ByteStorage BoolStorage ComplexFloatStorage ComplexDoubleStorage QInt8Storage "
    "QUInt8Storage QInt32Storage Tensor float16 float32 float64 bfloat16 int8 int16 int32 int64 uint8 bool complex64 "
    "complex128 float8_e4m3fn float8_e5m2 strided sparse_coo per_tensor_affine per_channel_affine qint8 quint8 "
    "Generator",
    "torch.cuda": "FloatStorage DoubleStorage HalfStorage LongStorage IntStorage ByteStorage BoolStorage "
    "BFloat16Storage FloatTensor LongTensor",
    "torch._utils": "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter "
    "_rebuild_parameter_with_state _rebuild_qtensor _rebuild_sparse_tensor _rebuild_sparse_csr_tensor "
    "_rebuild_device_tensor_from_numpy _rebuild_meta_tensor_no_storage _rebuild_nested_tensor",
    "torch._tensor": "_rebuild_from_type_v2",
    "torch.tensor": "_rebuild_from_type",
    "torch.storage": "_load_from_bytes UntypedStorage TypedStorage",
    "torch.serialization": "_get_layout",
    "torch.nn.parameter": "Parameter Buffer UninitializedParameter",
    "torch.nn.backends.thnn": "_get_thnn_function_backend",
    "torch.jit._pickle": "build_intlist build_doublelist build_boollist build_tensorlist build_tensor_from_id "
    "restore_type_tag",
    "torch.nn.modules.module": "Module",
    "torch.nn.modules.linear": "Linear Bilinear Identity LazyLinear NonDynamicallyQuantizableLinear",
    "torch.nn.modules.conv": "Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d",
    "torch.nn.modules.activation": "Threshold ReLU Hardtanh ReLU6 Sigmoid Tanh Softmax Softmax2d LogSoftmax ELU SELU "
    "CELU GELU Hardshrink LeakyReLU LogSigmoid Softplus Softshrink PReLU Softsign Softmin Tanhshrink RReLU GLU SiLU "
    "Mish Hardsigmoid Hardswish MultiheadAttention",
    "torch.nn.modules.loss": "L1Loss NLLLoss KLDivLoss MSELoss BCELoss BCEWithLogitsLoss CosineEmbeddingLoss "
    "HingeEmbeddingLoss MarginRankingLoss MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss SmoothL1Loss "
    "SoftMarginLoss CrossEntropyLoss TripletMarginLoss PoissonNLLLoss CTCLoss HuberLoss GaussianNLLLoss",
    "torch.nn.modules.container": "Sequential ModuleList ModuleDict ParameterList ParameterDict",
    "torch.nn.modules.pooling": "AvgPool1d AvgPool2d AvgPool3d MaxPool1d MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d "
    "MaxUnpool3d FractionalMaxPool2d FractionalMaxPool3d LPPool1d LPPool2d AdaptiveMaxPool1d AdaptiveMaxPool2d "
    "AdaptiveMaxPool3d AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d",
    "torch.nn.modules.batchnorm": "BatchNorm1d BatchNorm2d BatchNorm3d SyncBatchNorm",
    "torch.nn.modules.instancenorm": "InstanceNorm1d InstanceNorm2d InstanceNorm3d",
    "torch.nn.modules.normalization": "LayerNorm GroupNorm LocalResponseNorm CrossMapLRN2d RMSNorm",
    "torch.nn.modules.dropout": "Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout",
    "torch.nn.modules.padding": "ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d "
    "ReplicationPad3d ZeroPad1d ZeroPad2d ZeroPad3d ConstantPad1d ConstantPad2d ConstantPad3d",
    "torch.nn.modules.sparse": "Embedding EmbeddingBag",
    "torch.nn.modules.rnn": "RNNBase RNN LSTM GRU RNNCell LSTMCell GRUCell",
    "torch.nn.modules.pixelshuffle": "PixelShuffle PixelUnshuffle",
    "torch.nn.modules.upsampling": "UpsamplingNearest2d UpsamplingBilinear2d Upsample",
    "torch.nn.modules.distance": "PairwiseDistance CosineSimilarity",
    "torch.nn.modules.flatten": "Flatten Unflatten",
    "torch.nn.modules.fold": "Fold Unfold",
    "torch.nn.modules.transformer": "Transformer TransformerEncoder TransformerDecoder TransformerEncoderLayer "
    "TransformerDecoderLayer",
    "torch.nn.functional": "relu gelu silu tanh sigmoid softmax elu leaky_relu mish",
    "torch._C._nn": "gelu silu",
    "torchvision.models.resnet": "ResNet BasicBlock Bottleneck",
    "transformers.training_args": "TrainingArguments OptimizerNames",
    "transformers.trainer_utils": "IntervalStrategy SchedulerType HubStrategy SaveStrategy EvaluationStrategy",
    "transformers.trainer_pt_utils": "AcceleratorConfig",
    "accelerate.state": "PartialState AcceleratorState",
    "accelerate.utils.dataclasses": "DistributedType DeepSpeedPlugin",
}

# Where the same things lived before: private module today -> module of older releases.
FORMERLY = {
    "sklearn": {
        "linear_model": "base bayes coordinate_descent huber least_angle logistic omp passive_aggressive perceptron "
        "ransac ridge sag stochastic_gradient theil_sen",
        "ensemble": "bagging base forest gradient_boosting iforest voting voting_classifier weight_boosting",
        "cluster": "affinity_propagation_ birch dbscan_ hierarchical k_means_ mean_shift_ optics_ spectral bicluster",
        "decomposition": "base dict_learning factor_analysis fastica_ incremental_pca kernel_pca nmf online_lda pca "
        "sparse_pca truncated_svd",
        "neighbors": "base classification graph kde lof nca nearest_centroid regression unsupervised",
        "preprocessing": "_discretizer _encoders data imputation label",
        "svm": "base classes",
        "neural_network": "multilayer_perceptron rbm _stochastic_optimizers",
        "tree": "tree",
        "feature_extraction": "dict_vectorizer hashing",
        "feature_selection": "base from_model rfe univariate_selection variance_threshold",
        "covariance": "elliptic_envelope empirical_covariance_ graph_lasso_ robust_covariance shrunk_covariance_",
        "gaussian_process": "gpc gpr",
        "mixture": "base bayesian_mixture gaussian_mixture",
        "manifold": "isomap locally_linear mds spectral_embedding_ t_sne",
        "cross_decomposition": "cca_ pls_",
        "semi_supervised": "label_propagation",
        "compose": "_column_transformer _target",
        "impute": "_base _iterative _knn",
    },
}
# Compiled or plain helper types of scikit-learn that estimators keep in their state.
SKLEARN_MODULES = (
    "sklearn.tree._tree", "sklearn.tree._criterion", "sklearn.tree._splitter", "sklearn._loss._loss",
    "sklearn._loss.loss", "sklearn._loss.link", "sklearn.ensemble._hist_gradient_boosting.binning",
    "sklearn.ensemble._hist_gradient_boosting.predictor", "sklearn.ensemble._gb_losses",
    "sklearn.gaussian_process.kernels", "sklearn.metrics._dist_metrics", "sklearn.neighbors._kd_tree",
    "sklearn.neighbors._ball_tree", "sklearn.linear_model._sgd_fast", "sklearn.linear_model._loss",
    "sklearn.linear_model._glm.glm", "sklearn.neural_network._stochastic_optimizers", "sklearn.model_selection._split",
    "sklearn.utils._bunch", "sklearn.neighbors._quad_tree", "sklearn.cluster._bisect_k_means",
    "sklearn.cluster._birch", "sklearn.metrics._scorer", "sklearn.utils._random", "sklearn.dummy",
    "sklearn.utils._encode", "sklearn.utils._metadata_requests",
)  # fmt: skip
SKLEARN_OLD = {
    "sklearn.tree._tree": "Tree", "sklearn.utils": "Bunch", "sklearn.neighbors.kd_tree": "newObj KDTree",
    "sklearn.neighbors.ball_tree": "newObj BallTree", "sklearn.neighbors.dist_metrics": "newObj EuclideanDistance "
    "ManhattanDistance MinkowskiDistance", "sklearn.neighbors._dist_metrics": "newObj EuclideanDistance "
    "ManhattanDistance MinkowskiDistance", "sklearn.neighbors._kd_tree": "newObj KDTree",
    "sklearn.neighbors._ball_tree": "newObj BallTree", "sklearn.metrics._dist_metrics": "newObj EuclideanDistance "
    "MinkowskiDistance ManhattanDistance", "sklearn.linear_model.sgd_fast": "Hinge Log SquaredLoss ModifiedHuber "
    "SquaredHinge Huber EpsilonInsensitive", "sklearn.linear_model._sgd_fast": "Log SquaredLoss",
    "sklearn.ensemble._gb_losses": "BinomialDeviance MultinomialDeviance LeastSquaresError LeastAbsoluteError "
    "HuberLossFunction QuantileLossFunction ExponentialLoss", "sklearn.ensemble.gradient_boosting":
    "BinomialDeviance MultinomialDeviance LeastSquaresError QuantileEstimator LogOddsEstimator "
    "PriorProbabilityEstimator MeanEstimator ScaledLogOddsEstimator VerboseReporter",
    "sklearn.ensemble._hist_gradient_boosting.loss": "BinaryCrossEntropy CategoricalCrossEntropy LeastSquares",
    "sklearn.compose._column_transformer": "_RemainderColsList",
    "sklearn.feature_selection._univariate_selection": "f_classif f_regression chi2",
    "sklearn.feature_selection.univariate_selection": "f_classif f_regression chi2",
    "sklearn.preprocessing.imputation": "Imputer", "sklearn.calibration": "_CalibratedClassifier",
    "sklearn.cluster._kmeans": "_kmeans_single_lloyd _kmeans_single_elkan",
}  # fmt: skip


def add(table: dict[str, set[str]], module: str, names: str) -> None:
    """Note exact names of one module."""
    table[module].update(names.split())


def types_of(module: object) -> list[str]:
    """Names of the classes, and of the functions that restore them, that a module itself defines."""
    name = module.__name__
    own = [item for item in vars(module).values() if isinstance(item, type) and item.__module__ == name]
    restorers = [key for key in vars(module) if key.startswith("__pyx_unpickle_") or key == "newObj"]
    return [item.__name__ for item in own if not issubclass(item, BaseException)] + restorers


def estimators(table: dict[str, set[str]]) -> None:
    """Every estimator of scikit-learn, today's modules and the older ones."""
    for entry in pkgutil.walk_packages(sklearn.__path__, "sklearn."):
        if any(
            part in entry.name for part in (".tests", ".externals", "conftest", ".datasets", "_build_utils")
        ):
            continue
        try:
            module = importlib.import_module(entry.name)
        except Exception as error:  # noqa: BLE001 - optional parts of a library may fail to import
            print("skipped", entry.name, error, file=sys.stderr)
            continue
        for item in vars(module).values():
            if isinstance(item, type) and issubclass(item, BaseEstimator) and item.__module__ == entry.name:
                table[entry.name].add(item.__name__)
        table[entry.name].update(key for key in vars(module) if key.startswith("__pyx_unpickle_"))
    for name in SKLEARN_MODULES:
        try:
            table[name].update(types_of(importlib.import_module(name)))
        except ImportError:
            print("gone:", name, file=sys.stderr)
    for package, modules in FORMERLY["sklearn"].items():
        current = {
            n for module, names in table.items() if module.startswith(f"sklearn.{package}.") for n in names
        }
        for old in modules.split():
            table[f"sklearn.{package}.{old}"].update(n for n in current if not n.startswith("__"))


def boosters(table: dict[str, set[str]]) -> None:
    """Estimators of XGBoost and LightGBM."""
    for name in ("xgboost.sklearn", "lightgbm.sklearn"):
        module = importlib.import_module(name)
        table[name].update(
            item.__name__
            for item in vars(module).values()
            if isinstance(item, type) and item.__module__ == name
        )


def arrays(table: dict[str, set[str]]) -> None:
    """Universal functions and element types of NumPy, matrices and interpolators of SciPy, restorers of pandas."""
    functions = {name for name in dir(np) if isinstance(getattr(np, name), np.ufunc)}
    for module in ("numpy", "numpy.core._multiarray_umath", "numpy._core._multiarray_umath"):
        table[module].update(functions)
    table["scipy.special._ufuncs"].update(
        ["expit", "logit", "gammaln", "digamma", "erf", "boxcox", "inv_boxcox"]
    )
    table["numpy.dtypes"].update(name for name in dir(np.dtypes) if name.endswith("DType"))
    for library in (scipy.sparse, scipy.interpolate, scipy.spatial):
        for name in dir(library):
            item = getattr(library, name)
            if isinstance(item, type) and not issubclass(item, (BaseException, Warning)):
                table[item.__module__].add(item.__name__)
                old = item.__module__.replace("._", ".")
                table[old].add(item.__name__)
                table[library.__name__].add(item.__name__)
    for name in dir(pandas.core.arrays):
        item = getattr(pandas.core.arrays, name)
        if isinstance(item, type):
            table[item.__module__].add(item.__name__)
    for module_name in ("pandas._libs.arrays", "pandas._libs.internals", "pandas._libs.tslibs.offsets"):
        module = importlib.import_module(module_name)
        table[module_name].update(key for key in vars(module) if key.startswith("__pyx_unpickle_"))
    table["pandas._libs.tslibs.offsets"].update(
        name
        for name in dir(pandas.tseries.offsets)
        if isinstance(getattr(pandas.tseries.offsets, name), type)
    )


def main(target: str) -> None:
    """Collect and write."""
    warnings.simplefilter("ignore")
    table: dict[str, set[str]] = defaultdict(set)
    estimators(table)
    boosters(table)
    arrays(table)
    for module, names in (*WRITTEN.items(), *SKLEARN_OLD.items()):
        add(table, module, names)
    lines = [
        f"{json.dumps(module)}: {json.dumps(sorted(names))}"
        for module, names in sorted(table.items())
        if names
    ]
    Path(target).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(sum(map(len, table.values())), "callables of", len(lines), "modules")


if __name__ == "__main__":
    main(sys.argv[1])

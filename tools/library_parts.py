"""Which parts of wheels hold what models are made of; used by `list_library_classes.py`."""

from __future__ import annotations

import re2

__all__ = ["ONLY", "OTHER_PARTS"]

OTHER_PARTS = re2.compile(
    r"(^|/)(tests?|testing|_testing|test_utils|conftest|benchmarks?|examples?|scripts?|cli|commands?|__main__|setup|docs?|"
    r"tools?|compat_tests|tutorials?|vendor|_vendor|externals?|dashboard|server|serve|web|app|console|computation|f2py|distutils)"
    r"(/|\.py$)"
)
# Of large packages only what models are made of.
ONLY = {
    "torch": ("torch/nn/", "torch/optim/", "torch/distributions/", "torch/ao/nn/", "torch/ao/quantization/observer",
              "torch/ao/quantization/fake_quantize", "torch/ao/quantization/qconfig", "torch/ao/quantization/stubs",
              "torch/amp/grad_scaler", "torch/cuda/amp/grad_scaler", "torch/nn/quantized", "torch/quantization/",
              "torch/utils/data/dataset", "torch/utils/data/sampler", "torch/torch_version"),
    "transformers": ("transformers/models/", "transformers/training_args", "transformers/trainer_utils",
                     "transformers/trainer_pt_utils", "transformers/generation/configuration_utils",
                     "transformers/configuration_", "transformers/activations", "transformers/modeling_",
                     "transformers/integrations/", "transformers/pytorch_utils", "transformers/tokenization",
                     "transformers/debug_utils", "transformers/utils/quantization_config", "transformers/cache_utils",
                     "transformers/adapters", "transformers/generation_", "transformers/core_model_loading"),
    "nltk": ("nltk/tokenize/", "nltk/probability", "nltk/tag/", "nltk/classify/", "nltk/stem/", "nltk/tree", "nltk/lm/"),
    "joblib": ("joblib/numpy_pickle",),
    "matplotlib": ("mpl_toolkits/mplot3d/", *(f"matplotlib/{name}" for name in (
        "_enums", "artist", "axes/", "axis", "backend_bases", "category", "cbook", "cm", "collections", "colorbar", "colorizer",
        "colors", "container", "contour", "dates", "figure", "font_manager", "gridspec", "image", "layout_engine", "legend",
        "lines", "markers", "offsetbox", "patches", "path", "projections/", "quiver", "scale", "spines", "table", "text",
        "ticker", "transforms", "tri/", "units"))),
    "pillow": ("PIL/Image.py",),
    "numpy": ("numpy/core/", "numpy/_core/", "numpy/ma/", "numpy/lib/", "numpy/polynomial/", "numpy/matrixlib/",
              "numpy/dtypes", "numpy/rec/"),
    "scipy": ("scipy/sparse/", "scipy/stats/", "scipy/interpolate/", "scipy/spatial/", "scipy/optimize/", "scipy/signal/",
              "scipy/cluster/", "scipy/integrate/", "scipy/_lib/", "scipy/special/", "scipy/linalg/"),
    "pandas": ("pandas/core/", "pandas/tseries/", "pandas/errors/", "pandas/indexes/", "pandas/types/", "pandas/sparse/"),
    "lightning": ("lightning/pytorch/", "lightning/fabric/"),
    "pytorch_lightning": ("pytorch_lightning/",),
    "optuna": ("optuna/distributions", "optuna/trial/", "optuna/samplers/", "optuna/pruners/", "optuna/study/"),
    "stable_baselines3": ("stable_baselines3/common/", "stable_baselines3/ppo", "stable_baselines3/dqn",
                          "stable_baselines3/sac", "stable_baselines3/td3", "stable_baselines3/a2c"),
}  # fmt: skip

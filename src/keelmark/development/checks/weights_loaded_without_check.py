"""A model file is loaded and nobody looked whether it is the right one.

## What it finds

Product code that loads weights of the project (`joblib.load`, `torch.load`, `onnxruntime.InferenceSession`,
`load_model`, ...) in a module where nothing compares a digest or verifies a signature. One finding for each module. Where
the project carries no weights, so that its users choose the file, it is low. Models that a library fetches
from a hub by a fixed commit are left to the library.

The check is looked for by name (`hashlib`, `hmac.compare_digest`, `verify_...`), in the module of the load; a check that
another program makes before the start is not seen. A waiver or the declaration can say so.

## Why it matters

Whoever can write to the disk or the bucket can exchange the model. Formats that run code make that a way in; data-only
formats still change every answer.

## How to fix

```python
# bad
model = joblib.load(MODEL_PATH)

# good
data = MODEL_PATH.read_bytes()
if not hmac.compare_digest(hashlib.sha256(data).hexdigest(), MODEL_SHA256):
    raise RuntimeError("model is not the released one")
model = skops.io.loads(data, trusted=TRUSTED)
```
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import GapReason
from keelmark.core.finding import Card
from keelmark.core.outcome import Confidence, Severity
from keelmark.development.checks._answers import MAX_PLACES, listed, plural
from keelmark.development.checks._files import MODEL_SUFFIXES
from keelmark.development.checks._models import own_weights

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Call, Module
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="weights-loaded-without-check",
    title="A model file is loaded and nobody looked whether it is the right one",
    severity=Severity.MEDIUM,
    confidence=Confidence.MEDIUM,
    recommendations=("DEV-2.g", "DEP-2.j"),
    tags=(
        "cwe:353",
        "cwe:494",
        "owasp-llm:LLM03",
        "atlas:AML.M0013",
        "atlas:AML.M0014",
        "en-304-223:5.2.4-1.2",
    ),
)

_LOADERS = (
    "catboost.CatBoost.load_model", "catboost.CatBoostClassifier.load_model", "catboost.CatBoostRegressor.load_model",
    "cloudpickle.load", "dill.load", "joblib.load", "keras.models.load_model", "keras.saving.load_model",
    "lightgbm.Booster", "llama_cpp.Llama", "numpy.load", "onnx.load", "onnxruntime.InferenceSession", "pickle.load",
    "pickle.loads", "safetensors.numpy.load_file", "safetensors.safe_open", "safetensors.torch.load_file",
    "skops.io.load", "tensorflow.keras.models.load_model", "tensorflow.lite.Interpreter",
    "tensorflow.saved_model.load", "torch.jit.load", "torch.load", "xgboost.Booster.load_model",
    "xgboost.XGBClassifier.load_model", "xgboost.XGBRegressor.load_model",
)  # fmt: skip
# These load many other things as well: they count only where the call names a model file or stands near the word.
_GENERAL = frozenset({"cloudpickle.load", "dill.load", "numpy.load", "pickle.load", "pickle.loads"})
_CHECKS = re2.compile(
    r"(?i)^hashlib\.|^hmac\.compare_digest$|^model_signing\.|^sigstore\.|(^|[._])(verify|check|validate|assert)\w*(digest|hash|sha256|checksum|signature|integrity)"
)
_MODEL_WORD = re2.compile(r"(?i)(model|weights|checkpoint|ckpt|classifier|regressor|estimator|pipeline)")
_SOURCE = (".ipynb", ".js", ".py", ".ts")


def check(project: Project) -> Iterator[Finding]:
    """Answer for each module of the product that loads weights."""
    weights = own_weights(project)
    loads = [seen for seen in project.calls(*_LOADERS) if seen.is_product and _loads_weights(seen.fact)]
    bare: dict[str, list[Seen[Call]]] = defaultdict(list)
    for seen in loads:
        if not _is_checked(seen.reading.module):
            bare[seen.file.path].append(seen)
    for path, members in sorted(bare.items()):
        names = sorted({seen.fact.name for seen in members})
        yield CARD.failed(
            f"{path} loads weights with {listed(names, most=3)} and checks neither digest nor signature",
            at=tuple(seen.at() for seen in members[:MAX_PLACES]),
            fix="Compare the SHA-256 of the file with the released one, or verify its signature, before loading.",
            subject=path,
            # Without weights of its own the project has no released digest to compare with: its users choose the file.
            severity=None if weights else Severity.LOW,
        )
    if bare:
        return
    hidden = [
        gap.path
        for gap in project.gaps
        if gap.matters and gap.reason is not GapReason.EXCLUDED and gap.path.lower().endswith(_SOURCE)
    ]
    if hidden and weights:
        yield CARD.unknown(f"no unchecked load in what was read, but {listed(hidden)} could not be read")
    elif loads:
        yield CARD.passed(
            f"{plural(len(loads), 'load')} of weights in modules that compare a digest or verify a signature",
            at=tuple(seen.at() for seen in loads[:10]),
        )
    else:
        yield CARD.not_applicable("no code of the product loads weights from a file")


def _loads_weights(call: Call) -> bool:
    if call.name not in _GENERAL:
        return True
    words = " ".join(
        (call.target, call.scope, *(f"{item.text} {item.literal or ''}" for item in call.arguments))
    )
    return bool(_MODEL_WORD.search(words)) or any(
        suffix in words for suffix in MODEL_SUFFIXES if len(suffix) > 4
    )


def _is_checked(module: Module | None) -> bool:
    if module is None:
        return False
    return any(_CHECKS.search(call.name) for call in module.calls)

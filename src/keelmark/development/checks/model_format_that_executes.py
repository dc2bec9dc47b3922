"""Weights are kept in a format whose loader runs code.

## What it finds

Weights of the product in a format that is a program for its loader (pickle, joblib, dill, the torch formats), or in a
file whose loader would run something it contains (a Keras Lambda layer). The file may be harmless today; whether it
is, says `dangerous-model-file`.

safetensors, ONNX, GGUF, TensorFlow Lite, XGBoost, LightGBM and the like hold data only.

## Why it matters

Whoever can replace the file runs code wherever it is loaded. A data-only format takes that away whatever happens to
the file.

## How to fix

Save torch weights with safetensors, estimators with skops or ONNX, and load with that. Until then, load only in a
sandbox without network, after the digest was checked.

```python
# bad
torch.save(model.state_dict(), "model.pt")

# good
safetensors.torch.save_file(model.state_dict(), "model.safetensors")
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import ModelRole
from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.development.checks._answers import Defect, fail_each, listed, plural
from keelmark.development.checks._files import absent_model_paths, model_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import ModelFile
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="model-format-that-executes",
    title="Weights are kept in a format whose loader runs code",
    severity=Severity.MEDIUM,
    recommendations=("SD-3.i", "SD-3.n"),
    tags=("cwe:502", "owasp-llm:LLM03", "atlas:AML.T0011.000", "en-304-223:5.2.3-2"),
    reads_single_files=True,
)

_PROGRAMS = frozenset(
    {"cloudpickle", "dill", "joblib", "pickle", "torch-legacy", "torch-package", "torch-zip", "torch"}
)
_SAFE = {
    "joblib": "skops or ONNX",
    "pickle": "skops, ONNX or safetensors",
    "dill": "ONNX or safetensors",
    "cloudpickle": "ONNX or safetensors",
    "keras": "a model without Lambda layers",
    "hdf5": "a model without Lambda layers",
}
_PARTS = frozenset({ModelRole.WEIGHTS, ModelRole.ADAPTER, ModelRole.PREPROCESSOR})


def check(project: Project) -> Iterator[Finding]:
    """Answer for each file of weights."""
    found = {
        (seen.file.path, seen.fact.format): seen
        for seen in model_files(project)
        if seen.is_product and seen.fact.role in _PARTS
    }
    weights = tuple(found.values())
    running = [seen for seen in weights if _runs(seen.fact)]
    yield from fail_each(
        CARD,
        (
            Defect(
                message=f"{seen.file.path} is {seen.fact.format}: loading it runs what the file says",
                many=f"files of weights are {seen.fact.format}: loading them runs what the files say",
                at=seen.at(0, anchor=seen.fact.format),
                fix=f"Keep it as {_SAFE.get(seen.fact.format, 'safetensors')}; until then load it in a sandbox after "
                "its digest was checked.",
                subject=seen.file.path,
            )
            for seen in running
        ),
    )
    if running:
        return
    open_ones = [seen.file.path for seen in weights if seen.fact.can_execute is None]
    absent = absent_model_paths(project)
    if open_ones or absent:
        names = (*open_ones, *absent)
        yield CARD.unknown(
            f"whether loading runs code could not be settled: {listed(names)}",
            fix="Fetch or mend the files and assess again.",
        )
    elif weights:
        formats = sorted({seen.fact.format for seen in weights})
        yield CARD.passed(
            f"{plural(len(weights), 'file')} of weights whose loading runs no foreign Python code: {', '.join(formats)}",
            at=tuple(seen.at(0) for seen in weights[:10]),
        )
    else:
        yield CARD.not_applicable("no weights were found in the folder")


def _runs(model: ModelFile) -> bool:
    return model.format in _PROGRAMS or model.can_execute is True

"""A Keras model is loaded with its protection off.

## What it finds

`load_model(..., safe_mode=False)`, `enable_unsafe_deserialization()`, and `load_model` of a legacy `.h5` or `.hdf5` file,
for which the safe mode does not hold (CVE-2025-9905). Loading weights alone is not reported.

## Why it matters

A model file can hold functions as byte code. Outside the safe mode they run when the model is loaded.

## How to fix

Keep the model in the `.keras` format, leave the safe mode on, and register your own layers with
`keras.saving.register_keras_serializable`.

```python
# bad
model = keras.models.load_model("model.keras", safe_mode=False)

# good
model = keras.models.load_model("model.keras")
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.design.checks._calls import Judged, all_calls, answer_calls, fails, is_false, passes
from keelmark.design.checks._loads import verified_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Call
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="keras-unsafe-mode",
    title="A Keras model is loaded with its protection off",
    severity=Severity.HIGH,
    recommendations=("SD-3.g", "SD-3.i", "SD-3.n"),
    tags=("cwe:502", "owasp-llm:LLM03", "atlas:AML.T0011.000", "en-304-223:5.1.2-2"),
    reads_single_files=True,
    references=("Keras documentation, keras.saving.load_model", "CVE-2025-9905"),
)

_PREFIXES = ("keras.", "tensorflow.keras.", "tensorflow.python.keras.", "tf_keras.")
_LEGACY = (".h5", ".hdf5")


def check(project: Project) -> Iterator[Finding]:
    """Answer for every load of a Keras model."""
    yield from answer_calls(CARD, project, all_calls(project), _judge, what="loads of Keras models")


def _judge(seen: Seen[Call]) -> Judged | None:
    call = seen.fact
    if not call.name.startswith(_PREFIXES):
        return None
    if call.name.endswith(".enable_unsafe_deserialization"):
        return fails("the safe mode of Keras is switched off for the whole process", fix="Remove the call.")
    if not call.name.endswith(
        (".load_model", ".model_from_json", ".model_from_config", ".deserialize_keras_object")
    ):
        return None
    if is_false(call.argument("safe_mode", 3)):
        return fails(
            f"`{call.name}` loads with `safe_mode=False`",
            fix="Leave the safe mode on and register own layers.",
        )
    path = call.argument("filepath", 0)
    name = (
        str(path.literal) if path is not None and path.is_literal else (path.text if path is not None else "")
    )
    if name.strip("'\")").lower().endswith(_LEGACY):
        checked = verified_by(seen)
        if checked:
            return passes(f"the legacy file is loaded after `{checked}`")
        return fails(
            f"`{call.name}` loads a legacy HDF5 model, for which the safe mode does not hold",
            fix="Save the model in the `.keras` format once and load that.",
            severity=Severity.MEDIUM,
        )
    return passes("Keras models are loaded in the safe mode")

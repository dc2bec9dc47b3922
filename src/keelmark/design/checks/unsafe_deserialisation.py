"""Data is loaded in a way that runs code.

## What it finds

Calls of loaders that run whatever the data asks for: `pickle`, `dill`, `cloudpickle`, `joblib`, `shelve`, `marshal`,
`jsonpickle`, `pandas.read_pickle`, and stores that are opened with `allow_dangerous_deserialization=True`.

The severity follows from where the bytes come from. It is high when they may come from anywhere, and medium when they can
be looked at: a file of the assessed folder, or what a stage of the project's own pipeline made and its lock records. A load
that is preceded by a comparison of digest or signature in the same function is not reported. Writing such a file is not
reported.

## Why it matters

A pickle is a program. Whoever can put another file in its place runs code in the process that loads it.

## How to fix

Keep weights and data in formats that hold only data (safetensors, ONNX, JSON, Parquet, skops). Where that is not possible
yet, compare the digest of the file with a recorded one before loading.

```python
# bad
model = joblib.load(download(url))

# good
model = onnxruntime.InferenceSession("model.onnx")

# good, while the format cannot be changed
data = path.read_bytes()
if not hmac.compare_digest(hashlib.sha256(data).hexdigest(), EXPECTED):
    raise ValueError("the model was changed")
model = pickle.loads(data)
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.design.checks._calls import Judged, all_calls, answer_calls, fails, is_true, passes
from keelmark.design.checks._loads import verified_by, what_is_loaded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Call
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="unsafe-deserialisation",
    title="Data is loaded in a way that runs code",
    severity=Severity.HIGH,
    recommendations=("SD-3.g", "SD-3.i", "SD-3.n"),
    tags=("cwe:502", "owasp-llm:LLM03", "owasp-agentic:ASI05", "atlas:AML.T0011.000", "en-304-223:5.1.2-2"),
    reads_single_files=True,
    references=(
        "CWE-502: Deserialization of Untrusted Data",
        "Python documentation, pickle: the warning at its top",
    ),
)

LOADERS = frozenset(
    {
        "_pickle.load", "_pickle.loads", "cPickle.load", "cPickle.loads", "cloudpickle.load", "cloudpickle.loads",
        "compress_pickle.load", "compress_pickle.loads", "dill.Unpickler", "dill.load", "dill.load_module",
        "dill.load_session", "dill.loads", "joblib.load", "jsonpickle.decode", "jsonpickle.loads", "marshal.load",
        "marshal.loads", "pandas.read_pickle", "pickle.Unpickler", "pickle.load", "pickle.loads", "pickle5.load",
        "pickle5.loads", "shelve.open", "sklearn.externals.joblib.load",
    }
)  # fmt: skip
FIX = (
    "Use a format that holds only data (safetensors, ONNX, skops, JSON, Parquet), or compare the file's digest with a "
    "recorded one before loading."
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for every load."""
    yield from answer_calls(
        CARD,
        project,
        all_calls(project),
        lambda seen: _judge(project, seen),
        what="calls of loaders that run code",
    )


def _judge(project: Project, seen: Seen[Call]) -> Judged | None:
    call = seen.fact
    if is_true(call.argument("allow_dangerous_deserialization")):
        return fails(
            f"`{call.name}` opens a store with `allow_dangerous_deserialization=True`, which loads a pickle",
            fix="Keep the index in a store that needs no pickle, or check its digest before it is opened.",
            severity=Severity.MEDIUM,
        )
    if call.name not in LOADERS:
        return None
    checked = verified_by(seen)
    if checked:
        return passes(f"`{call.name}` loads after `{checked}`")
    whose, severity = what_is_loaded(project, seen)
    return fails(
        f"`{call.name}` runs what the data asks for; it loads {whose}",
        fix=FIX,
        severity=severity,
    )

"""Bytes from outside are loaded in a way that runs code.

## What it finds

A value from a request, an upload, a tool argument, the output of a model or a retrieved document that travels to a loader
which runs what the data asks for (`pickle`, `joblib`, `torch.load`, `yaml.load`).

## Why it matters

The sender runs code in the process. An upload of a model file is enough.

## How to fix

Accept formats that hold only data.

```python
# bad
frame = pickle.loads(request.get_data())

# good
frame = pandas.DataFrame(request.get_json())
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import Sink
from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.design.checks._flows import answer_flows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="deserialisation-of-untrusted-bytes",
    title="Bytes from outside are loaded in a way that runs code",
    severity=Severity.CRITICAL,
    recommendations=("SD-3.k", "SD-3.n", "SD-3.i"),
    tags=("cwe:502", "owasp-llm:LLM05", "owasp-agentic:ASI05", "atlas:AML.T0011.000", "en-304-223:5.1.2-2"),
    reads_single_files=True,
    references=("CWE-502: Deserialization of Untrusted Data",),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for every flow to a loader that runs code."""
    yield from answer_flows(
        CARD,
        project,
        Sink.DESERIALISE,
        danger="is loaded in a way that runs code",
        fix="Accept a format that holds only data (JSON, Parquet, safetensors) and check it against a schema.",
    )

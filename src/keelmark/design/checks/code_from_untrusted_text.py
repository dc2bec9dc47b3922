"""Untrusted text is run as code.

## What it finds

A value that comes from a request, from the argument of a tool that a model calls, from the output of a model or from a
retrieved document, and that travels inside one module to `eval`, `exec`, `compile` or another interpreter of the same
process. A constant that is evaluated is not reported, and neither is `ast.literal_eval`, which builds data only.

## Why it matters

The writer of the text has every right of the process. A model writes what the documents it has read ask it to write.

## How to fix

Parse the text as data. Where a model must write code, run it in a sandbox: another process without network, without
secrets, with limits of time and memory.

```python
# bad
answer = eval(completion.choices[0].message.content)

# good
answer = json.loads(completion.choices[0].message.content)
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
    id="code-from-untrusted-text",
    title="Untrusted text is run as code",
    severity=Severity.CRITICAL,
    recommendations=("SD-3.k", "SD-3.n", "SD-3.o"),
    tags=("cwe:95", "owasp-llm:LLM05", "owasp-agentic:ASI05", "atlas:AML.T0050", "en-304-223:5.1.2-2"),
    reads_single_files=True,
    references=("CWE-95: Eval Injection", "OWASP Top 10 for LLM Applications 2025, LLM05"),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for every flow to an interpreter."""
    yield from answer_flows(
        CARD,
        project,
        Sink.CODE,
        danger="is run as code",
        fix="Parse the text as data (json.loads, ast.literal_eval) or run it in a sandbox without network and without the process's rights.",
    )

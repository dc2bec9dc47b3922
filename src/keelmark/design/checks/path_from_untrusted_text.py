"""Untrusted text chooses a file.

## What it finds

A value from a request, a tool argument, the output of a model or a retrieved document that becomes the path of a file that
is read, written or removed. A path that is checked to lie below a fixed folder, or a name taken from a fixed set, is not
reported.

## Why it matters

`../../etc/passwd` is a valid path. A tool that reads any file gives a model, and whoever speaks to it, every file of the
process.

## How to fix

Resolve the path, then check that it lies below the folder meant for it.

```python
# bad
return open(f"notes/{name}").read()

# good
path = (NOTES / name).resolve()
if not path.is_relative_to(NOTES):
    raise ValueError("outside the notes")
return path.read_text()
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
    id="path-from-untrusted-text",
    title="Untrusted text chooses a file",
    severity=Severity.HIGH,
    recommendations=("SD-3.k", "SD-3.n", "SD-3.o"),
    tags=("cwe:22", "owasp-llm:LLM06", "owasp-agentic:ASI02", "atlas:AML.T0037", "en-304-223:5.1.2-2"),
    reads_single_files=True,
    references=("CWE-22: Path Traversal",),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for every flow to the file system."""
    yield from answer_flows(
        CARD,
        project,
        Sink.PATH,
        danger="chooses which file is touched",
        fix="Resolve the path and check that it lies below the folder meant for it (`path.resolve().is_relative_to(base)`).",
    )

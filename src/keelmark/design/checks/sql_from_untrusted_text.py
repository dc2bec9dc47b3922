"""Untrusted text is part of an SQL statement.

## What it finds

A value from a request, a tool argument, the output of a model or a retrieved document that is formatted into the text of
an SQL statement. A value that is handed over as a parameter is not reported: the driver keeps it apart.

## Why it matters

The writer of the text decides what the statement does. A model that writes SQL on behalf of a user can be made to write
another statement.

## How to fix

Hand over parameters. Where a model must write the whole statement, run it on a connection that can only read the tables
meant for it.

```python
# bad
cursor.execute(f"SELECT * FROM orders WHERE customer = '{customer}'")

# good
cursor.execute("SELECT * FROM orders WHERE customer = ?", (customer,))
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
    id="sql-from-untrusted-text",
    title="Untrusted text is part of an SQL statement",
    severity=Severity.HIGH,
    recommendations=("SD-3.k", "SD-3.n", "SD-3.o"),
    tags=("cwe:89", "owasp-llm:LLM05", "owasp-agentic:ASI02", "atlas:AML.T0049", "en-304-223:5.1.2-2"),
    reads_single_files=True,
    references=("CWE-89: SQL Injection",),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for every flow to a database."""
    yield from answer_flows(
        CARD,
        project,
        Sink.SQL,
        danger="becomes part of an SQL statement",
        fix="Hand the value over as a parameter of the statement; give the connection only the rights it needs.",
    )

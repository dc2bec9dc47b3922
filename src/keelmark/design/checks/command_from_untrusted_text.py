"""Untrusted text is run as a command.

## What it finds

A value that comes from a request, from the argument of a tool that a model calls, from the output of a model or from a
retrieved document, and that travels inside one module to a shell or to the name of a program: `os.system`, `os.popen`,
`subprocess.*` with `shell=True` or a single string. The value is followed through assignments, formatting, containers and
functions of the same module; the call's name alone is never enough.

A list of arguments without a shell is not reported: there the value cannot become a command. A value that was quoted with
`shlex.quote`, turned into a number, or checked against a fixed set is not reported either.

## Why it matters

Whoever writes the text commands the machine. With agents the writer need not be the user: a document that the model has
read can put the command into the tool's argument.

## How to fix

Hand over a list of arguments without a shell, and check the value against what is allowed.

```python
# bad
@tool
def ping(host: str) -> str:
    return subprocess.run(f"ping -c1 {host}", shell=True, capture_output=True, text=True).stdout


# good
@tool
def ping(host: str) -> str:
    if host not in KNOWN_HOSTS:
        raise ValueError("unknown host")
    return subprocess.run(["ping", "-c1", "--", host], capture_output=True, text=True, timeout=5).stdout
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
    id="command-from-untrusted-text",
    title="Untrusted text is run as a command",
    severity=Severity.CRITICAL,
    recommendations=("SD-3.k", "SD-3.n", "SD-3.o"),
    tags=("cwe:78", "owasp-llm:LLM05", "owasp-agentic:ASI05", "atlas:AML.T0050"),
    reads_single_files=True,
    references=("CWE-78: OS Command Injection", "OWASP Top 10 for LLM Applications 2025, LLM05"),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for every flow to a shell."""
    yield from answer_flows(
        CARD,
        project,
        Sink.COMMAND,
        danger="is run as a command",
        fix="Pass a list of arguments without a shell, and check the value against a fixed set before.",
    )

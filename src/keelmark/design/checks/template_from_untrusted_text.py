"""Untrusted text is run as a template.

## What it finds

A value from a request, a tool argument, the output of a model or a retrieved document that becomes the source of a
template (`jinja2.Template`, `render_template_string`, `Environment.from_string`). A value that only fills a placeholder of
a constant template is not reported.

## Why it matters

A template reaches the attributes of every object it is given, and through them the interpreter.

## How to fix

Keep the template constant. For templates that users may write, use `jinja2.sandbox.SandboxedEnvironment`.

```python
# bad
return jinja2.Template(request.json["greeting"]).render(user=user)

# good
return jinja2.Template("Hello {{ name }}").render(name=request.json["name"])
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
    id="template-from-untrusted-text",
    title="Untrusted text is run as a template",
    severity=Severity.HIGH,
    recommendations=("SD-3.k", "SD-3.n"),
    tags=("cwe:1336", "owasp-llm:LLM05", "en-304-223:5.1.2-2"),
    reads_single_files=True,
    references=("CWE-1336: Improper Neutralization of Special Elements Used in a Template Engine",),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for every flow to a template engine."""
    yield from answer_flows(
        CARD,
        project,
        Sink.TEMPLATE,
        danger="is run as a template",
        fix="Keep the template constant and hand the text over as a value; use a sandboxed environment for templates that users write.",
    )

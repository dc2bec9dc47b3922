"""Untrusted text is shown as HTML.

## What it finds

A value from a request, the output of a model or a retrieved document that is marked as safe HTML: `Markup`,
`mark_safe`, `st.markdown(..., unsafe_allow_html=True)`, an HTML response built by formatting. Text that is escaped or
cleaned before is not reported.

## Why it matters

The text runs in the browser of whoever sees it. A model repeats markup from a document it has read; an image address in
it is enough to carry the conversation out.

## How to fix

Let the template escape. Where rich text is wanted, clean it with a list of allowed elements.

```python
# bad
st.markdown(answer, unsafe_allow_html=True)

# good
st.markdown(answer)
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
    id="html-from-untrusted-text",
    title="Untrusted text is shown as HTML",
    severity=Severity.HIGH,
    recommendations=("SD-3.k", "SD-3.n", "SD-3.q"),
    tags=("cwe:79", "owasp-llm:LLM05", "atlas:AML.T0077", "en-304-223:5.1.2-2"),
    reads_single_files=True,
    references=("CWE-79: Cross-site Scripting", "OWASP Top 10 for LLM Applications 2025, LLM05"),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for every flow to a page."""
    yield from answer_flows(
        CARD,
        project,
        Sink.HTML,
        danger="is shown as HTML without being escaped",
        fix="Escape the text (`html.escape`, a template that escapes), or clean it with an allow-list such as nh3.",
    )

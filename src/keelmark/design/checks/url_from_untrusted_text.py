"""Untrusted text chooses an address that is called.

## What it finds

A value from a request, a tool argument or the output of a model that becomes the address of a call
over the network. An address whose host is checked against a list, or a value that only fills a query parameter, is not
reported.

## Why it matters

The process stands inside the network: it reaches the metadata service and internal interfaces that the writer cannot
reach. An agent that calls any address also carries data out.

## How to fix

Check scheme and host against a list, refuse private and link-local addresses after resolution, and do not follow
redirects out of the list.

```python
# bad
return requests.get(url, timeout=10).text

# good
if urlsplit(url).hostname not in ALLOWED_HOSTS:
    raise ValueError("host is not on the list")
return requests.get(url, timeout=10, allow_redirects=False).text
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import Sink, Trust
from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.design.checks._flows import answer_flows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="url-from-untrusted-text",
    title="Untrusted text chooses an address that is called",
    severity=Severity.HIGH,
    recommendations=("SD-3.k", "SD-3.n", "SD-3.o"),
    tags=("cwe:918", "owasp-llm:LLM06", "owasp-agentic:ASI02", "atlas:AML.T0086", "en-304-223:5.1.2-2"),
    reads_single_files=True,
    references=("CWE-918: Server-Side Request Forgery",),
)

# Following a link in a page that was fetched is what a crawler is for.
_SOURCES = frozenset({Trust.REQUEST, Trust.TOOL_ARGUMENT, Trust.MODEL_OUTPUT})


def check(project: Project) -> Iterator[Finding]:
    """Answer for every flow to a client of the network."""
    yield from answer_flows(
        CARD,
        project,
        Sink.URL,
        danger="chooses which address is called",
        fix="Check the host against a fixed list before the call, and refuse private addresses and redirects to them.",
        sources=_SOURCES,
    )

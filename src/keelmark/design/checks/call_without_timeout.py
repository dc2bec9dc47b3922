"""A call over the network can wait for ever.

## What it finds

Calls of `requests` without a `timeout`, and clients of models and of HTTP that are built with `timeout=None`. Clients that
have a limit by default (httpx, openai, anthropic, aiohttp) are not reported while that default stands.

## Why it matters

A model server or tool that does not answer holds a worker for each request. A few such requests stop the service, and
nothing outside the agent ends its step.

## How to fix

State a timeout in each call.

```python
# bad
requests.post(MODEL_URL, json=payload)

# good
requests.post(MODEL_URL, json=payload, timeout=(3, 60))
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.design.checks._calls import Judged, all_calls, answer_calls, fails, is_none, passes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Call
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="call-without-timeout",
    title="A call over the network can wait for ever",
    severity=Severity.LOW,
    recommendations=("SD-3.n", "SD-3.p"),
    tags=("cwe:400", "cwe:1088", "owasp-llm:LLM10", "atlas:AML.T0029"),
    reads_single_files=True,
    references=("Requests documentation, Timeouts",),
)

_METHODS = ("delete", "get", "head", "options", "patch", "post", "put", "request")
_ENDLESS = frozenset(
    name
    for method in _METHODS
    for name in (f"requests.{method}", f"requests.api.{method}", f"requests.Session.{method}")
)
_LIMITED = ("aiohttp.", "anthropic.", "cohere.", "groq.", "httpx.", "mistralai.", "openai.")
FIX = "State a timeout in the call, for example `timeout=(3, 60)`."


def check(project: Project) -> Iterator[Finding]:
    """Answer for every call that can be told to stop waiting."""
    yield from answer_calls(
        CARD, project, all_calls(project), _judge, what="calls over the network without a limit"
    )


def _judge(seen: Seen[Call]) -> Judged | None:
    call = seen.fact
    given = call.argument("timeout")
    if call.name in _ENDLESS:
        if given is None and not call.has_unpacked:
            return fails(f"`{call.name}` has no timeout and waits for ever", fix=FIX)
        if is_none(given):
            return fails(f"`{call.name}` is told to wait for ever", fix=FIX)
        return passes(f"`{call.name}` has a timeout") if given is not None else None
    if call.name.startswith(_LIMITED):
        if is_none(given):
            return fails(f"`{call.name}` is told to wait for ever", fix=FIX)
        return passes(f"`{call.name}` has a timeout") if given is not None else None
    return None

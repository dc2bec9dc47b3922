"""Answers to callers carry internal detail.

## What it finds

Handlers of routes that put a stack trace or the text of an unexpected exception into the answer: `traceback.format_exc()`,
or `str(error)` in a response of status 500. The same text in a log is not reported, and neither is the text of an error that the caller made (status 4xx).

## Why it matters

Paths, versions, queries and parts of prompts tell an attacker where to look next.

## How to fix

Log the detail with an id and answer with that id.

```python
# bad
except Exception as error:
    raise HTTPException(status_code=500, detail=str(error))

# good
except Exception:
    reference = uuid4().hex
    logger.exception("answer %s failed", reference)
    raise HTTPException(status_code=500, detail=f"internal error {reference}")
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.design.checks._calls import Judged, all_calls, answer_calls, fails, passes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Call
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="internal-detail-in-response",
    title="Answers to callers carry internal detail",
    severity=Severity.MEDIUM,
    recommendations=("SD-3.q",),
    tags=("cwe:209", "owasp-llm:LLM02", "atlas:AML.T0069"),
    reads_single_files=True,
    references=("CWE-209: Generation of Error Message Containing Sensitive Information",),
)

_ERROR_TEXT = re2.compile(
    r"(?:str|repr)\(\s*(?:e|ex|exc|err|error|exception)\s*\)|\{(?:e|ex|exc|err|error|exception)(?:![rsa])?\}"
)
_TRACE = re2.compile(r"\bformat_exc\(|\bformat_exception\(|\bformat_tb\(")
_TRACES = ("traceback.format_exc", "traceback.format_exception", "traceback.format_tb")
_RAISED = (
    "fastapi.HTTPException",
    "fastapi.exceptions.HTTPException",
    "starlette.exceptions.HTTPException",
    "flask.abort",
)
_RESPONSES = (
    "flask.jsonify", "flask.make_response", "flask.Response", "fastapi.Response", "fastapi.responses.JSONResponse",
    "fastapi.responses.PlainTextResponse", "fastapi.responses.HTMLResponse", "starlette.responses.JSONResponse",
    "starlette.responses.PlainTextResponse", "django.http.JsonResponse", "django.http.HttpResponse",
    "django.http.HttpResponseServerError", "aiohttp.web.json_response", "aiohttp.web.Response",
)  # fmt: skip
FIX = "Log the detail with an id and answer with that id."


def check(project: Project) -> Iterator[Finding]:
    """Answer for every answer of a route that is built from an error."""
    if not project.routes:
        yield CARD.not_applicable("nothing that answers over a network was found")
        return
    languages = {seen.reading.module.language for seen in project.routes if seen.reading.module is not None}
    if languages and "python" not in languages:
        yield CARD.unknown(
            f"answers to errors are read in Python only; the routes are in {', '.join(sorted(languages))}",
            fix=FIX,
        )
        return
    yield from answer_calls(
        CARD, project, all_calls(project), _judge, what="answers that carry internal detail"
    )


def _returned(seen: Seen[Call]) -> Judged | None:
    """A trace that a handler gives back as it stands: `return {"error": traceback.format_exc()}`."""
    module = seen.reading.module
    handlers = {route.handler for route in module.routes} if module is not None else set()
    if seen.fact.scope not in handlers or not seen.fact.anchor.startswith("return"):
        return None
    return fails("a stack trace is given back to the caller", fix=FIX)


def _judge(seen: Seen[Call]) -> Judged | None:
    call = seen.fact
    if call.name in _TRACES:
        return _returned(seen)
    if call.name not in _RAISED and call.name not in _RESPONSES:
        return None
    text = " ".join(f"{argument.name}={argument.text}" for argument in call.arguments)
    if _TRACE.search(text):
        return fails(f"`{call.name}` puts a stack trace into the answer", fix=FIX)
    status = _status(call)
    if _ERROR_TEXT.search(text) and status >= 500:
        return fails(
            f"`{call.name}` puts the text of an unexpected error into the answer",
            fix=FIX,
            severity=Severity.LOW,
        )
    return passes("answers to errors carry fixed texts") if status >= 500 else None


_STATUS_NUMBER = re2.compile(r"\b([1-5]\d\d)\b")


def _status(call: Call) -> int:
    """The status of an answer; 0 when the source does not say."""
    for name, position in (("status_code", 0), ("status", 99), ("code", 99)):
        given = call.argument(name, position if call.name in _RAISED else 99)
        found = (
            _STATUS_NUMBER.search(f"{given.literal or ''} {given.text}".replace("_", " ")) if given else None
        )
        if found:
            return int(found.group(1))
    return 0

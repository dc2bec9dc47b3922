"""A route answers without knowing who asks.

## What it finds

A network route of the product (FastAPI, Starlette, Flask, Django, Gradio, Streamlit, aiohttp, Express, MCP over HTTP)
that nothing authenticates: no dependency, decorator, middleware or setting that checks the caller was seen on the
route, its router or its app. Routes for health, metrics, documentation, static files and login itself are left alone.

## Why it matters

A model API without identity has no limits per caller, no policy, no record of who asked, and is free for everybody
who finds it.

## How to fix


Check a key or token in a dependency of the app or router, so that a new route is protected by default.

```python
# bad
app = FastAPI()

# good
app = FastAPI(dependencies=[Depends(require_key)])
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.finding import Card
from keelmark.core.outcome import Confidence, Severity
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Route
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="route-without-authentication",
    title="A route answers without knowing who asks",
    severity=Severity.HIGH,
    recommendations=("DEP-1.b", "SD-3.s", "SD-3.u"),
    settles=("DEP-1.b",),
    tags=("cwe:306", "owasp-llm:LLM10", "atlas:AML.T0040", "en-304-223:5.2.2-2"),
    reads_single_files=False,
)

MAX_FINDINGS = 50

# Routes that are meant to be open: they say nothing of anybody's data and ask nothing of a model.
_PUBLIC = re2.compile(
    r"/(api/)?(v[0-9]+/)?(_?health[a-z_-]*|livez?|readyz?|liveness|readiness|ping|heartbeat|status|version|metrics|docs|redoc"
    r"|openapi\.json|favicon\.ico|robots\.txt|(static|assets|public|media|images|fonts|avatars?)(/.*)?|favicon|logo|manifest\.json|llms(-full)?\.(txt|md)|\{[a-z_]+:path\}|login|logout|signin|signup|register|token"
    r"|auth(/.*)?|oauth(2)?(/.*)?|\.well-known/.*)?/?"
)

# A key in the address tells who asks; whether it is compared with anything is often decided elsewhere.
_KEY_IN_PATH = re2.compile(r"[:{<](str:)?(api_?key|access_?key|token|secret)[}>]?(/|$)")
# Senders of these sign what they send; the signature is often checked by a library.
_WEBHOOK = re2.compile(r"(webhook|/hooks?/|/events?$|callback)")

_GUARDING_MIDDLEWARE = ("auth", "jwt", "apikey", "api_key", "oauth", "keycloak", "clerk")


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    routes = [seen for seen in project.routes if seen.is_product and not is_public(seen.fact)]
    if not routes:
        yield CARD.not_applicable("no route that needs a caller's identity was found")
        return
    covers_all = protects_everything(project)
    bare = [seen for seen in routes if not seen.fact.guards and not covers_all]
    for seen in bare[:MAX_FINDINGS]:
        yield CARD.failed(
            f"{words(seen.fact)} answers without knowing who asks",
            at=seen.at(),
            fix="Check a key or token in a dependency of the app or router; protect new routes by default.",
            subject=f"{seen.fact.framework}:{seen.fact.path or seen.fact.handler}",
            severity=weight(seen.fact),
            confidence=sureness(seen.fact),
        )
    if not bare:
        guards = sorted({guard for seen in routes for guard in seen.fact.guards}) or [covers_all]
        places = tuple(seen.at() for seen in routes[:10])
        yield CARD.passed(f"{counted(len(routes), 'route')} guarded by {', '.join(guards)[:200]}", at=places)


def is_public(route: Route) -> bool:
    """Whether a route is meant to be open."""
    if route.path and _PUBLIC.fullmatch(route.path.lower()):
        return True
    return route.framework not in {"gradio", "streamlit", "mcp"} and not route.path and not route.handler


def protects_everything(project: Project) -> str:
    """What authenticates every caller of the project, "" when nothing does."""
    for seen in project.calls("*.add_middleware", "fastapi.FastAPI.add_middleware", "starlette.*"):
        for argument in seen.fact.arguments:
            name = (argument.reference or argument.text).lower()
            if seen.is_product and any(word in name for word in _GUARDING_MIDDLEWARE):
                return argument.text
    return ""


def words(route: Route) -> str:
    """The route in words."""
    methods = ", ".join(route.methods)
    name = f"{methods} {route.path}".strip() if route.path else route.handler or f"the {route.framework} app"
    return f"`{name}`"


def weight(route: Route) -> Severity:
    """High where a request can change or spend something; a page that is only read, or a demo's page, weighs less."""
    changes = bool(set(route.methods) - {"GET", "HEAD", "OPTIONS"})
    return Severity.HIGH if changes and not _KEY_IN_PATH.search(route.path.lower()) else Severity.MEDIUM


def sureness(route: Route) -> Confidence:
    """Low where the sender may be checked in a way that is not seen: webhooks, and routes whose path was not read."""
    if not route.path and route.framework not in {"gradio", "streamlit", "mcp"}:
        return Confidence.LOW
    path = route.path.lower()
    return Confidence.LOW if _WEBHOOK.search(path) or _KEY_IN_PATH.search(path) else Confidence.HIGH

"""Nothing limits how often and how much a caller may ask.

## What it finds

Product routes that reach a model or a tool, and nothing that limits rate, concurrency or size: no limiter on the
route, no limiting middleware, no limit in a proxy or gateway configuration of the folder.

## Why it matters

Each request to a model costs money and time, and every answer teaches an attacker about the model. Without limits
extraction, denial of service and a ruinous bill are a loop away.

## How to fix

Limit requests for each key (for example with slowapi or flask-limiter), cap the body and the tokens, and set a
timeout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import FileRole
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Confidence, Severity
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Route
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="requests-without-limit",
    title="Nothing limits how often and how much a caller may ask",
    severity=Severity.MEDIUM,
    recommendations=("SD-3.s", "DEP-2.c"),
    confidence=Confidence.MEDIUM,
    tags=("cwe:770", "owasp-llm:LLM10", "atlas:AML.M0004", "atlas:AML.T0029"),
)

# What a path of a question to a model is called, whatever the method.
_ASKING = re2.compile(
    r"/(predict(ions?)?|infer(ence)?|completions?|generate|classify|summari[sz]e|transcribe|translate|embed(dings?)?)(/|$)"
)
# Pages bear these names as well, so that they tell something only where the method is open.
_TALKING = re2.compile(r"/(chat|ask|query|message|stream)s?(/|$)")

LIMITERS = (
    "slowapi",
    "flask_limiter",
    "fastapi_limiter",
    "limits",
    "ratelimit",
    "aiolimiter",
    "django_ratelimit",
    "pyrate_limiter",
    "@arcjet/next",
    "@fastify/rate-limit",
    "@nestjs/throttler",
    "@upstash/ratelimit",
    "express-rate-limit",
    "hono-rate-limiter",
    "rate-limiter-flexible",
)


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    routes = [seen for seen in project.routes if seen.is_product and _asks_a_model(project, seen.fact)]
    if not routes:
        yield CARD.not_applicable("no route that reaches a model was found")
        return
    limited = [seen for seen in routes if seen.fact.limits]
    limiters = [
        (file, line, name) for file, line, name in project.imports(*LIMITERS) if file.role is FileRole.PRODUCT
    ]
    if limited or limiters:
        places = tuple(seen.at() for seen in limited[:5]) or (
            Location(path=limiters[0][0].path, line=limiters[0][1]),
        )
        name = limited[0].fact.limits[0] if limited else limiters[0][2]
        yield CARD.passed(f"{name} limits callers", at=places)
    else:
        yield CARD.failed(
            f"nothing limits the callers of {counted(len(routes), 'route')} to a model",
            at=tuple(seen.at() for seen in routes[:10]),
            fix="Limit requests for each key, cap body and tokens, set a timeout.",
            subject="limits",
        )


def _asks_a_model(project: Project, route: Route) -> bool:
    if route.framework in {"gradio", "streamlit", "mcp"}:
        return route.framework != "mcp" or bool(project.tools)
    is_model_api = {"llm-application", "model-file", "hosted-model", "hub-model"}.intersection(
        project.inventory.traits
    )
    if not is_model_api:
        return False
    path = route.path.lower()
    if not route.methods and _TALKING.search(path):
        return True
    return bool(_ASKING.search(path)) or bool(set(route.methods) - {"GET", "HEAD", "OPTIONS"})

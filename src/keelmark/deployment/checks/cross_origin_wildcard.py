"""Every web page may call the API.

## What it finds

Cross-origin settings that allow every origin: `allow_origins=["*"]`, a pattern that matches everything, `CORS(app)`
without origins in Flask. With credentials allowed as well it weighs high.

## Why it matters

A page that a user happens to open can then talk to the API from the user's browser, in the user's network and, with
credentials, in the user's name.

## How to fix

Name the origins that need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Call
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="cross-origin-wildcard",
    title="Every web page may call the API",
    severity=Severity.MEDIUM,
    recommendations=("DEP-5.c", "DEP-1.a", "P-4"),
    tags=("cwe:942", "en-304-223:5.2.2-2"),
    reads_single_files=True,
)

CALLS = (
    "*.add_middleware", "fastapi.FastAPI.add_middleware", "starlette.applications.Starlette.add_middleware",
    "starlette.middleware.Middleware", "flask_cors.CORS", "flask_cors.cross_origin",
)  # fmt: skip


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    settings = [seen for seen in project.calls(*CALLS) if seen.is_product and _is_cors(seen.fact)]
    open_to_all = [seen for seen in settings if _allows_all(seen.fact)]
    for seen in open_to_all:
        credentials = seen.fact.argument("allow_credentials") or seen.fact.argument("supports_credentials")
        with_credentials = credentials is not None and credentials.literal is True
        yield CARD.failed(
            f"every origin is allowed{' with credentials' if with_credentials else ''}",
            at=seen.at(),
            fix="Name the origins that need it.",
            subject="cors",
            severity=Severity.HIGH if with_credentials else CARD.severity,
        )
    if not settings:
        yield CARD.not_applicable("no cross-origin access is configured; browsers refuse it by default")
    elif not open_to_all:
        yield CARD.passed(
            "cross-origin access is limited to named origins", at=tuple(s.at() for s in settings[:5])
        )


def _is_cors(call: Call) -> bool:
    if call.name.startswith("flask_cors."):
        return True
    return any("CORSMiddleware" in (argument.reference or argument.text) for argument in call.arguments)


def _allows_all(call: Call) -> bool:
    if call.name.startswith("flask_cors."):
        origins = call.argument("origins") or call.argument("resources")
        return origins is None or origins.literal == "*" or origins.items == ("*",)
    origins = call.argument("allow_origins")
    pattern = call.argument("allow_origin_regex")
    if pattern is not None and pattern.literal in {".*", "^.*$", "https?://.*"}:
        return True
    return origins is not None and ("*" in origins.items or origins.literal == "*")

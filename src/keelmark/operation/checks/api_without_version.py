"""The interface to the model has no version.

## What it finds

Python web applications whose routes that change or ask something carry no version: not in a path, not in the prefix of a
router, not in a header. Pages for people (forms with templates) and interfaces made by Gradio or Streamlit are left alone.

```python
@app.post("/predict")          # bad
@app.post("/v1/predict")       # good
```

## Why it matters

A new model behind the same address changes answers for everybody at once. With versions the old one keeps answering until
an announced day.

## How to fix

Put the version into the path (`/v1`) or require it in a header, and say how long an old one is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Confidence, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Call, Route
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="api-without-version",
    title="The interface to the model has no version",
    severity=Severity.LOW,
    confidence=Confidence.LOW,
    recommendations=("OM-3.f",),
    tags=("en-304-223:5.4.1-3",),
    audience=Audience.ML_ENGINEER,
)

_FRAMEWORKS = {
    "aiohttp",
    "bottle",
    "django",
    "falcon",
    "fastapi",
    "flask",
    "litestar",
    "quart",
    "sanic",
    "starlette",
}
_SAFE = {"GET", "HEAD", "OPTIONS"}
_MODEL = {"hosted-model", "hub-model", "llm-application", "model-file"}
_VERSION = re2.compile(r"(?i)(?:^|[/_.\W])v[0-9]+(?:[/_.\W]|$)|api_?version")
_HEADER = re2.compile(r"(?i)version")
_LIBRARIES = ("cadwyn", "fastapi_versioning", "fastapi_versionizer", "flask_rebar")
_PREFIX = ("prefix", "url_prefix", "root_path")
_PAGES = ("flask.render_template", "fastapi.templating.Jinja2Templates.*", "starlette.templating.Jinja2Templates.*",
          "django.shortcuts.render")  # fmt: skip


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the interface."""
    routes = _routes(project)
    if not routes:
        yield CARD.not_applicable("no route of an interface to a model was found")
        return
    places = tuple(seen.at() for seen in routes[:10])
    stated = next((seen for seen in routes if _VERSION.search(seen.fact.path)), None)
    named = next((call for call in _mounts(project) if _VERSION.search(_prefix(call.fact))), None)
    header = next(
        (call for call in project.calls("fastapi.Header") if _HEADER.search(_words(call.fact))), None
    )
    library = next(project.imports(*_LIBRARIES), None)
    hidden = [call for call in _mounts(project) if _is_hidden(call.fact)]
    if stated is not None:
        yield CARD.passed(f"the path {stated.fact.path} carries a version", at=stated.at())
    elif named is not None:
        yield CARD.passed("the prefix of a router carries a version", at=named.at())
    elif header is not None:
        yield CARD.passed("a header carries a version", at=header.at())
    elif library is not None:
        yield CARD.passed(f"{library[2]} gives the interface versions", at=places)
    elif hidden:
        yield CARD.unknown(
            "the prefix of a router is an expression, which may hold a version",
            fix="Write the prefix with its version as a literal.",
            at=hidden[0].at(),
        )
    else:
        paths = ", ".join(dict.fromkeys(seen.fact.path or seen.fact.handler for seen in routes[:3]))
        yield CARD.failed(
            f"no path, prefix or header of the interface carries a version: {paths}",
            at=places,
            fix="Put the version into the path (`/v1`) or a header, and say how long an old one is kept.",
            subject="version",
        )


def _routes(project: Project) -> list[Seen[Route]]:
    if not _MODEL.intersection(project.inventory.traits):
        return []
    pages = {seen.file.path for seen in project.calls(*_PAGES)}
    return [
        seen
        for seen in project.routes
        if seen.is_product
        and seen.fact.framework in _FRAMEWORKS
        and set(seen.fact.methods) - _SAFE
        and seen.file.path not in pages
    ]


def _mounts(project: Project) -> list[Seen[Call]]:
    names = (
        "fastapi.APIRouter", "fastapi.FastAPI", "fastapi.FastAPI.include_router", "fastapi.FastAPI.mount", "fastapi.APIRouter.include_router",
        "*.include_router", "flask.Blueprint", "flask.Flask.register_blueprint", "quart.Blueprint",
    )  # fmt: skip
    return [seen for seen in project.calls(*names) if seen.is_product]


def _prefix(call: Call) -> str:
    found = [argument for name in _PREFIX if (argument := call.argument(name)) is not None]
    if call.name.endswith(".mount") and call.arguments:
        found.append(call.arguments[0])
    return " ".join(str(argument.literal) if argument.is_literal else argument.text for argument in found)


def _is_hidden(call: Call) -> bool:
    found = [argument for name in _PREFIX if (argument := call.argument(name)) is not None]
    return call.has_unpacked or any(not argument.is_literal for argument in found)


def _words(call: Call) -> str:
    alias = call.argument("alias")
    return f"{call.target} {call.anchor} {alias.literal if alias is not None else ''}"

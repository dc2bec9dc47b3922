"""Debug mode is on in what is shipped.

## What it finds

`debug=True` for Flask, FastAPI, Starlette, Django (`DEBUG = True`), or `reload=True` for uvicorn, as a literal in
product code.

## Why it matters

Debug pages show source, settings and stack, and Flask's debugger runs code for whoever reaches it.

## How to fix

Leave debug off in code and turn it on for yourself by an environment variable whose default is off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Argument, Call
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="debug-mode-on",
    title="Debug mode is on in what is shipped",
    severity=Severity.HIGH,
    recommendations=("DEP-5.c", "SD-3.q", "P-4"),
    tags=("cwe:489", "cwe:215", "en-304-223:5.2.2-1"),
    reads_single_files=True,
)

APPS = (
    "fastapi.FastAPI", "flask.Flask.run", "starlette.applications.Starlette", "uvicorn.run", "gradio.Blocks.launch",
    "gradio.Interface.launch", "gradio.ChatInterface.launch", "aiohttp.web.run_app", "bottle.run", "quart.Quart.run",
    "sanic.Sanic.run",
)  # fmt: skip


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    apps = [seen for seen in project.calls(*APPS) if seen.is_product]
    wrong = [(seen, argument) for seen in apps if (argument := _debug(seen.fact)) is not None]
    for seen, argument in wrong:
        harmless = argument.name == "reload"
        yield CARD.failed(
            f"`{seen.fact.name}` is started with {argument.name}=True",
            at=seen.at(),
            fix=f"Take {argument.name} from an environment variable whose default is off.",
            subject=f"{seen.fact.name}:{argument.name}",
            severity=Severity.LOW if harmless else CARD.severity,
        )
    if not apps:
        yield CARD.not_applicable("no web app is made or started in code")
    elif not wrong:
        yield CARD.passed(
            f"no debug mode in {counted(len(apps), 'app or server', 'apps and servers')}",
            at=tuple(s.at() for s in apps[:5]),
        )


def _debug(call: Call) -> Argument | None:
    for name in ("debug", "reload", "use_debugger"):
        argument = call.argument(name)
        if argument is not None and argument.is_literal and argument.literal is True:
            return argument
    return None

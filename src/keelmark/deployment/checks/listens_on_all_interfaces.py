"""The server listens on every network it can reach.

## What it finds

A server started in code with the host `0.0.0.0` or `::` (uvicorn, Flask, Gradio, aiohttp, MCP, ...), or with an option
such as `--host` that is so when nobody sets it. The same in a
container file or compose command is expected there, because the container's own network is the boundary, and is left
alone.

## Why it matters

On a laptop or a shared host this offers the model to everybody in the network, often before authentication exists.

## How to fix

Bind to `127.0.0.1` by default and let the deployment widen it on purpose, by an environment variable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Argument, Call
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="listens-on-all-interfaces",
    title="The server listens on every network it can reach",
    severity=Severity.MEDIUM,
    recommendations=("DEP-1.a", "P-4", "DEP-5.c"),
    tags=("cwe:1327", "cwe:668", "en-304-223:5.2.2-1"),
    reads_single_files=True,
)

SERVERS = (
    "uvicorn.run", "flask.Flask.run", "gradio.Blocks.launch", "gradio.Interface.launch", "gradio.ChatInterface.launch",
    "*.launch", "aiohttp.web.run_app", "hypercorn.run", "waitress.serve", "fastmcp.FastMCP.run", "bottle.run",
    "mcp.server.fastmcp.FastMCP", "mcp.server.fastmcp.FastMCP.run", "ray.serve.start", "vllm.entrypoints.run",
)  # fmt: skip

# How a program asks where to listen, when no start of a server says it.
OPTIONS = ("argparse.ArgumentParser.add_argument", "*.add_argument", "click.option")
_HOST_OPTION = re2.compile(
    r"--(host|bind|listen|ip|server[-_](name|host|address)|(listen|bind)[-_](host|address|ip))"
)
_SERVING = re2.compile(r"(?i)\b(server|serve|listen|bind)")

EVERYWHERE = {"0.0.0.0", "::", "[::]", ""}  # noqa: S104 - what the rule looks for


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    starts = [seen for seen in project.calls(*SERVERS) if seen.is_product]
    wide = [
        (seen, host)
        for seen in starts
        if (host := _host(seen.fact)) is not None and host.literal in EVERYWHERE
    ]
    for seen, host in wide:
        yield CARD.failed(
            f"`{seen.fact.name}` listens on {host.literal}",
            at=seen.at(),
            fix="Bind to 127.0.0.1 by default; let the deployment widen it by an environment variable.",
            subject=seen.fact.name,
        )
    open_starts = {seen.file.path for seen in starts if _host(seen.fact) is None}
    options = [
        seen
        for seen in project.calls(*OPTIONS)
        if open_starts
        and seen.is_product
        and _is_wide_option(seen.fact)
        # A client has an option of the same name; this one stands beside a server, or says that it is of one.
        and (seen.file.path in open_starts or _SERVING.search(_text(seen.fact, "help")))
    ]
    for seen in options:
        yield CARD.failed(
            f"the option `{_first(seen.fact)}` is {_text(seen.fact, 'default')} when nobody sets it",
            at=seen.at(),
            fix="Make 127.0.0.1 the default; let the deployment widen it by the option.",
            subject=_first(seen.fact),
        )
    if not starts:
        yield CARD.not_applicable("no server is started in code")
    elif not wide and not options:
        yield CARD.passed(
            f"no wildcard in {counted(len(starts), 'start of a server', 'starts of servers')}",
            at=tuple(s.at() for s in starts[:5]),
        )


def _host(call: Call) -> Argument | None:
    found = call.argument("host") or call.argument("server_name")
    return found if found is not None and found.is_literal and isinstance(found.literal, str) else None


def _is_wide_option(call: Call) -> bool:
    return bool(_HOST_OPTION.fullmatch(_first(call))) and _text(call, "default") in EVERYWHERE - {""}


def _first(call: Call) -> str:
    literal = call.arguments[0].literal if call.arguments else None
    return literal if isinstance(literal, str) else ""


def _text(call: Call, name: str) -> str:
    found = call.argument(name)
    return found.literal if found is not None and isinstance(found.literal, str) else ""

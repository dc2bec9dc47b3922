"""The server listens on every network it can reach.

## What it finds

A server started in code with the host `0.0.0.0` or `::` (uvicorn, Flask, Gradio, aiohttp, MCP, ...). The same in a
container file or compose command is expected there, because the container's own network is the boundary, and is left
alone.

## Why it matters

On a laptop or a shared host this offers the model to everybody in the network, often before authentication exists.

## How to fix

Bind to `127.0.0.1` by default and let the deployment widen it on purpose, by an environment variable.
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
    if not starts:
        yield CARD.not_applicable("no server is started in code")
    elif not wide:
        yield CARD.passed(
            f"no wildcard in {counted(len(starts), 'start of a server', 'starts of servers')}",
            at=tuple(s.at() for s in starts[:5]),
        )


def _host(call: Call) -> Argument | None:
    found = call.argument("host") or call.argument("server_name")
    return found if found is not None and found.is_literal and isinstance(found.literal, str) else None

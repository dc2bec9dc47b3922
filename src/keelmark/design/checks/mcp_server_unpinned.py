"""A tool server is fetched anew at each start.

## What it finds

MCP servers whose command fetches a package or image without a version, commit or digest (`npx -y some-server`,
`uvx some-server`, `docker run some/server:latest`). A server that starts a program of this machine or this folder fetches
nothing and is not reported. What a remote server offers can change at any time and cannot be fixed in this file: the answer
about it is unknown.

## Why it matters

The next start may bring another program with the same name and every right of the user. Tool servers were taken over this
way.

## How to fix

Name the exact version, or start the server from the project's own lock.

```json
{"mcpServers": {"search": {"command": "npx", "args": ["-y", "search-server@1.4.2"]}}}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._servers import place, servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="mcp-server-unpinned",
    title="A tool server is fetched anew at each start",
    severity=Severity.HIGH,
    recommendations=("X3.c", "DEV-1.e"),
    tags=(
        "cwe:494",
        "cwe:829",
        "owasp-llm:LLM03",
        "owasp-agentic:ASI04",
        "atlas:AML.T0010.005",
        "atlas:AML.T0109",
    ),
    audience=Audience.SECURITY_ENGINEER,
    reads_single_files=True,
    references=("Model Context Protocol, Security best practices",),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for every server of every MCP configuration."""
    found = servers(project)
    if not found:
        yield CARD.not_applicable("no MCP configuration was found")
        return
    for seen in found:
        server = seen.fact
        if server.url and not server.command:
            yield CARD.unknown(
                f"MCP server `{server.name}` is remote; what it offers cannot be fixed in this file",
                fix="Keep the digests of its tool definitions and approve each change, or run it from a fixed version.",
                at=place(seen),
                subject=server.name,
            )
        elif server.is_pinned:
            yield CARD.passed(f"MCP server `{server.name}` fetches nothing that is not fixed", at=place(seen))
        else:
            yield CARD.failed(
                f"MCP server `{server.name}` is fetched without a version: `{server.command[:80]}`",
                at=place(seen),
                fix="Name the exact version, commit or image digest in the command.",
                subject=server.name,
                severity=CARD.severity if seen.is_product else Severity.LOW,
            )

"""Tools of a server run without being asked for.

## What it finds

MCP servers whose configuration approves tools in advance (`autoApprove`, `alwaysAllow`, `trust: true`). Names that only
read (`get_...`, `list_...`, `search_...`) weigh little and are not reported; `*` and names that change something are.

## Why it matters

The question before a tool runs is the one place where a person sees what the model is about to do. Instructions hidden in
a document or in a tool's description go past it.

## How to fix

Leave the list empty, or keep it to tools that only read data of the project.

```json
{"mcpServers": {"files": {"command": "files-server", "autoApprove": ["list_files"]}}}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._servers import place, servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="mcp-tools-auto-approved",
    title="Tools of a server run without being asked for",
    severity=Severity.MEDIUM,
    recommendations=("X1.a", "X3.c"),
    tags=("cwe:862", "owasp-llm:LLM06", "owasp-agentic:ASI02", "atlas:AML.T0053"),
    audience=Audience.SECURITY_ENGINEER,
    reads_single_files=True,
    references=("Model Context Protocol, Security best practices",),
)

_READS = re2.compile(
    r"(?i)^(\w+__)?(count|describe|find|get|glob|grep|info|inspect|list|look_?up|read|resolve|search|show|stat|view)([_-]?[A-Za-z0-9_-]*)$"
)
_EVERYTHING = {"*", "all", "true"}


def check(project: Project) -> Iterator[Finding]:
    """Answer for every server of every MCP configuration."""
    found = servers(project)
    if not found:
        yield CARD.not_applicable("no MCP configuration was found")
        return
    for seen in found:
        server = seen.fact
        acting = [name for name in server.auto_approved if not _READS.match(name)]
        if not acting:
            said = (
                f"approves only reading tools ({len(server.auto_approved)})"
                if server.auto_approved
                else "approves no tool"
            )
            yield CARD.passed(f"MCP server `{server.name}` {said} in advance", at=place(seen))
            continue
        is_all = bool(_EVERYTHING.intersection(name.lower() for name in acting))
        what = "every tool" if is_all else ", ".join(f"`{name}`" for name in acting[:5])
        yield CARD.failed(
            f"MCP server `{server.name}` may run {what} without asking",
            at=place(seen),
            fix="Take the names out of the list of approved tools, except those that only read.",
            subject=server.name,
            severity=(Severity.HIGH if is_all else CARD.severity) if seen.is_product else Severity.LOW,
        )

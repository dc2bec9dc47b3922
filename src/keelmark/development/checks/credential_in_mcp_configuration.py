"""A credential stands in the configuration of an MCP server.

## What it finds

An entry of an MCP configuration (`.mcp.json` and its kind) whose header, variable or option holds a literal
credential. References to the environment (`${TOKEN}`) and samples (`<your key>`) are left alone.

## Why it matters

The configuration is committed and shared, and every assistant that opens the folder sends the credential. Whoever reads
the file can do what the server lets its owner do, and nobody can tell them apart.

## How to fix

Revoke the credential, and name a variable instead.

```json
{ "headers": { "Authorization": "Bearer 3nVb8Qx..." } }

{ "headers": { "Authorization": "Bearer ${TICKETS_MCP_TOKEN}" } }
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.development.checks._answers import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="credential-in-mcp-configuration",
    title="A credential stands in the configuration of an MCP server",
    severity=Severity.HIGH,
    recommendations=("DEV-2.i", "DEP-2.g", "X3.c"),
    tags=("cwe:798", "owasp-llm:LLM02", "owasp-agentic:ASI04", "atlas:AML.T0055", "en-304-223:5.2.2-1"),
    audience=Audience.SECURITY_ENGINEER,
    reads_single_files=True,
    references=("Model Context Protocol, Security best practices",),
)

_FIX = "Revoke it where it was issued, and write `${NAME}` of a variable instead."


def check(project: Project) -> Iterator[Finding]:
    """Answer for every server of every MCP configuration."""
    found = [(file, server) for file, reading in project.readings for server in reading.mcp_servers]
    if not found:
        yield CARD.not_applicable("no MCP configuration was found")
        return
    clean = True
    for file, server in found:
        if not server.literals:
            continue
        clean = False
        names = ", ".join(f"`{name}`" for name in server.literals[:5])
        yield CARD.failed(
            f"MCP server `{server.name}` is given a literal credential in {names}",
            at=Location(path=file.path, line=server.line, anchor=server.name),
            fix=_FIX,
            subject=f"{file.path}:{server.name}",
            severity=None if file.role.value == "product" else Severity.LOW,
        )
    if clean:
        places = tuple(Location(path=file.path, line=server.line) for file, server in found[:10])
        yield CARD.passed(f"no literal credential in {plural(len(found), 'MCP server')}", at=places)

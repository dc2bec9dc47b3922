"""The MCP servers of the project and where they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.location import Location
from keelmark.core.project import Seen

if TYPE_CHECKING:
    from keelmark.core.facts import McpServer
    from keelmark.core.project import Project

__all__ = ["place", "servers"]


def servers(project: Project) -> tuple[Seen[McpServer], ...]:
    """Every entry of every MCP client configuration."""
    return tuple(
        Seen(file, reading, server) for file, reading in project.readings for server in reading.mcp_servers
    )


def place(seen: Seen[McpServer]) -> Location:
    """Where the entry stands."""
    return Location(path=seen.file.path, line=seen.fact.line, anchor=seen.fact.name)

"""A tool server."""

from mcp.server.fastmcp import FastMCP

mcp = FastMCP("calculator")


@mcp.tool()
def add(first: int, second: int) -> int:
    """Add two numbers."""
    return first + second

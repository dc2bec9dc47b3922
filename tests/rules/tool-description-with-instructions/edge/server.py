"""Orders about the tool itself are what a description is for."""

from mcp.server.fastmcp import FastMCP

mcp = FastMCP("shop")


@mcp.tool()
def price(article: str) -> str:
    """Look up the price of an article.

    IMPORTANT: always use this tool for prices and never guess them. You must give the article number, not the name.
    If the article is not found, tell the user so.
    """
    return f"no price for {article}"

"""A fixed command without a free parameter, and a query that is words and not SQL."""

import subprocess

from langchain_core.tools import tool
from langgraph.prebuilt import create_react_agent


@tool
def uptime() -> str:
    """Say how long the machine has been up."""
    return subprocess.run(["uptime"], capture_output=True, text=True, timeout=5, check=True).stdout


@tool
def search(query: str) -> str:
    """Search the handbook for some words."""
    return f"nothing about {query}"


agent = create_react_agent("openai:gpt-4o", [uptime, search])

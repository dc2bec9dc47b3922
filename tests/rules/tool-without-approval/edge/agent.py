"""Tools that only look things up need nobody's word, though they use the network."""

import requests
from langchain_core.tools import tool
from langgraph.prebuilt import create_react_agent


@tool
def opening_hours(shop: str) -> str:
    """Look up the opening hours of a shop."""
    return requests.get("https://shops.example.com/hours", params={"shop": shop}, timeout=5).text


@tool
def add(first: int, second: int) -> int:
    """Add two numbers."""
    return first + second


agent = create_react_agent("openai:gpt-4o", [opening_hours, add])

"""Three tools of an agent."""

from langchain_core.tools import tool
from langgraph.prebuilt import create_react_agent


@tool
def add(first: int, second: int) -> int:
    """Add two numbers."""
    return first + second


@tool
def double(number: int) -> int:
    """Double a number."""
    return number * 2


@tool
def half(number: int) -> float:
    """Halve a number."""
    return number / 2


agent = create_react_agent("openai:gpt-4o", [add, double, half])

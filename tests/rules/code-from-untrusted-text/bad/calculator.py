"""A tool that calculates."""

from langchain_core.tools import tool


@tool
def calculate(expression: str) -> str:
    """Work out an arithmetic expression."""
    return str(eval(expression))

"""A tool that reads a list of numbers."""

import ast

from langchain_core.tools import tool


@tool
def total(numbers: str) -> str:
    """Add up a list of numbers."""
    values = ast.literal_eval(numbers)
    return str(sum(values))

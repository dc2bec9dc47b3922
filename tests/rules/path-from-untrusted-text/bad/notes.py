"""A tool that reads notes."""

from langchain_core.tools import tool


@tool
def read_note(name: str) -> str:
    """Read a note."""
    with open(f"notes/{name}", encoding="utf-8") as file:
        return file.read()

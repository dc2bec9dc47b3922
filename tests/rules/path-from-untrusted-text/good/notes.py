"""A tool that reads notes."""

from pathlib import Path

from langchain_core.tools import tool

NOTES = Path("notes").resolve()


@tool
def read_note(name: str) -> str:
    """Read a note."""
    path = (NOTES / name).resolve()
    if not path.is_relative_to(NOTES):
        raise ValueError("outside the notes")
    return path.read_text("utf-8")

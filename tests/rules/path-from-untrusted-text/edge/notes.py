"""The path comes from the settings of the operator, not from the caller."""

import os

from langchain_core.tools import tool


@tool
def search_notes(words: str) -> list[str]:
    """Search the notes."""
    with open(os.environ["NOTES_FILE"], encoding="utf-8") as file:
        return [line for line in file if words in line]

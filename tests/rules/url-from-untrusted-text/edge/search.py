"""The text only fills a parameter of a fixed address."""

import requests
from langchain_core.tools import tool


@tool
def search(words: str) -> str:
    """Search the handbook."""
    return requests.get("https://search.example.com/api", params={"q": words}, timeout=10).text

"""A tool that fetches pages."""

import requests
from langchain_core.tools import tool


@tool
def fetch(url: str) -> str:
    """Fetch a page."""
    # The metadata service answers here, too.
    return requests.get(url, timeout=10).text

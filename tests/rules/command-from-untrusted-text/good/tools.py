import subprocess

from langchain_core.tools import tool

KNOWN_HOSTS = {"gateway", "database"}


@tool
def ping(host: str) -> str:
    """Check whether a known host answers."""
    if host not in KNOWN_HOSTS:
        raise ValueError("unknown host")
    return subprocess.run(["ping", "-c1", "--", host], capture_output=True, text=True, timeout=5).stdout

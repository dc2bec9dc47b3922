import subprocess

from langchain_core.tools import tool


@tool
def ping(host: str) -> str:
    """Check whether a host answers."""
    command = f"ping -c1 {host}"
    return subprocess.run(command, shell=True, capture_output=True, text=True).stdout

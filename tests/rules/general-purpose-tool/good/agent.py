"""An agent with narrow tools, and files of one folder."""

from langchain_community.agent_toolkits import FileManagementToolkit
from langchain_core.tools import tool
from langgraph.prebuilt import create_react_agent


@tool
def disk_usage() -> str:
    """Say how full the disk is."""
    return "41 %"


toolkit = FileManagementToolkit(root_dir="work/drafts", selected_tools=["read_file", "list_directory"])
agent = create_react_agent("openai:gpt-4o", [disk_usage, *toolkit.get_tools()])

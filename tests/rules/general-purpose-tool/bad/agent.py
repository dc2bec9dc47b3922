"""An agent with a shell."""

from langchain_community.tools import ShellTool
from langgraph.prebuilt import create_react_agent

tools = [ShellTool()]
agent = create_react_agent("openai:gpt-4o", tools)

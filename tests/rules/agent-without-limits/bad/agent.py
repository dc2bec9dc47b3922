"""An agent that goes on until it is done."""

from langchain.agents import AgentExecutor


def build(agent, tools):
    return AgentExecutor(agent=agent, tools=tools, max_iterations=None)

from langchain.agents import AgentExecutor


def build(agent, tools):
    return AgentExecutor(agent=agent, tools=tools, max_iterations=8, max_execution_time=60)

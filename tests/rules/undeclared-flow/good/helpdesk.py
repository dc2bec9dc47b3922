"""A helpdesk that can pay money back."""

from fastapi import FastAPI
from langchain_core.tools import tool
from langgraph.prebuilt import create_react_agent

app = FastAPI()


@tool
def refund(order: str) -> str:
    """Pay money back."""
    with open(f"orders/{order}", "w") as handle:
        handle.write("refunded")
    return "done"


agent = create_react_agent("openai:gpt-4o-2024-08-06", [refund])


@app.post("/chat")
def chat(question: str):
    return agent.invoke({"messages": [question]})

"""Answers questions of customers and pays money back."""

from fastapi import FastAPI
from langchain.agents import create_agent
from langchain_core.tools import tool

app = FastAPI()


@tool
def pay_back(order: str, amount: float) -> str:
    """Pay money back for an order."""
    bank.transfer(order, amount)
    return "paid"


agent = create_agent("openai:gpt-5.4-mini-2026-03-17", tools=[pay_back])


@app.post("/ask")
def ask(question: str) -> str:
    """Answer one question."""
    return agent.invoke({"messages": [{"role": "user", "content": question}]})["messages"][-1].content

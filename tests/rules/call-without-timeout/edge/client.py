"""Clients with a limit of their own, and a mapping called requests."""

import httpx
from openai import OpenAI

client = OpenAI()
pending = {"a": 1}


def ask(prompt):
    pending.get(prompt)
    return httpx.post("https://llm.example.com/v1", json={"prompt": prompt}).json()

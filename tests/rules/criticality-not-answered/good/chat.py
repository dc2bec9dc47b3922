"""Answers questions about the handbook."""

from fastapi import FastAPI
from openai import OpenAI

app = FastAPI()
client = OpenAI()
SYSTEM_PROMPT = "You answer questions about the handbook."


@app.post("/chat")
def chat(question: str):
    messages = [{"role": "system", "content": SYSTEM_PROMPT}, {"role": "user", "content": question}]
    completion = client.chat.completions.create(model="gpt-4o-2024-08-06", messages=messages)
    return {"answer": completion.choices[0].message.content}

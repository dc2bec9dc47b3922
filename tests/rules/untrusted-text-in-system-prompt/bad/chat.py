"""Answers questions."""

from fastapi import FastAPI
from openai import OpenAI

app = FastAPI()
client = OpenAI()


@app.post("/chat")
def chat(persona: str, question: str):
    system = f"You are {persona}. Answer politely."
    messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
    completion = client.chat.completions.create(model="gpt-4o-2024-08-06", messages=messages)
    return {"answer": completion.choices[0].message.content}

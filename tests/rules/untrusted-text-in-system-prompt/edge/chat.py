"""The system prompt is formatted, but with the day and not with what somebody wrote."""

from datetime import date

from fastapi import FastAPI
from openai import OpenAI

app = FastAPI()
client = OpenAI()


@app.post("/chat")
def chat(question: str):
    system = f"You answer questions about the handbook. Today is {date.today()}."
    messages = [
        {"role": "system", "content": system},
        {"role": "user", "content": f"<question>{question}</question>"},
    ]
    completion = client.chat.completions.create(model="gpt-4o-2024-08-06", messages=messages)
    return {"answer": completion.choices[0].message.content}

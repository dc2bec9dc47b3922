from fastapi import FastAPI
from openai import OpenAI

app = FastAPI(title="Triage", version="1.4.0")
client = OpenAI()


@app.post("/chat")
def chat(prompt: str):
    return client.responses.create(model="gpt-4o-2024-08-06", input=prompt).output_text

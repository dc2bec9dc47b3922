from fastapi import FastAPI
from openai import OpenAI

app = FastAPI()
client = OpenAI()


@app.post("/v1/chat")
def chat(prompt: str):
    return client.responses.create(model="gpt-4o-2024-08-06", input=prompt).output_text

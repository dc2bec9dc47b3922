from fastapi import FastAPI, Request
from openai import OpenAI

client = OpenAI()
app = FastAPI()


@app.post("/chat")
def chat(request: Request, text: str):
    return client.chat.completions.create(model="gpt-4o-2024-08-06", messages=[{"role": "user", "content": text}])

from fastapi import FastAPI, Request
from openai import OpenAI
from slowapi import Limiter
from slowapi.util import get_remote_address

limiter = Limiter(key_func=get_remote_address)

client = OpenAI()
app = FastAPI()


@app.post("/chat")
@limiter.limit("5/minute")
def chat(request: Request, text: str):
    return client.chat.completions.create(model="gpt-4o-2024-08-06", messages=[{"role": "user", "content": text}])

import hashlib
import logging

from fastapi import FastAPI
from openai import OpenAI

app = FastAPI()
client = OpenAI()
logger = logging.getLogger(__name__)


@app.post("/v1/chat")
def chat(prompt: str):
    digest = hashlib.sha256(prompt.encode()).hexdigest()
    logger.info("prompt of %d characters, sha256 %s", len(prompt), digest)
    messages = [{"role": "user", "content": prompt}]
    completion = client.chat.completions.create(model="gpt-4o-2024-08-06", messages=messages)
    logger.info(f"answered {completion.id} with {completion.usage.total_tokens} tokens")
    return {"answer": completion.choices[0].message.content}

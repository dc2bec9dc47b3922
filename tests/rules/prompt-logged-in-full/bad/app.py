import logging

from fastapi import FastAPI
from openai import OpenAI

app = FastAPI()
client = OpenAI()
logger = logging.getLogger(__name__)


@app.post("/v1/chat")
def chat(prompt: str):
    logger.info("prompt: %s", prompt)
    messages = [{"role": "user", "content": prompt}]
    completion = client.chat.completions.create(model="gpt-4o-2024-08-06", messages=messages)
    answer = completion.choices[0].message.content
    logger.info(f"answered {answer} for {completion.id}")
    return {"answer": answer}

from fastapi import FastAPI
from openai import OpenAI

client = OpenAI()
pages = FastAPI()


@pages.get("/chat")
def chat():
    return "<main></main>"


def embed(text: str):
    return client.embeddings.create(model="text-embedding-3-large", input=text)

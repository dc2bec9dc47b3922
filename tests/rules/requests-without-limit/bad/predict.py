from fastapi import FastAPI
from openai import OpenAI

app = FastAPI()
client = OpenAI()


@app.get("/predict")
def predict(text: str):
    return client.embeddings.create(model="text-embedding-3-large", input=text)

from fastapi import APIRouter, FastAPI
from openai import OpenAI

app = FastAPI(title="Triage")
router = APIRouter(prefix="/v1")
client = OpenAI()


@router.post("/chat")
def chat(prompt: str):
    return client.responses.create(model="gpt-4o-2024-08-06", input=prompt).output_text


app.include_router(router)

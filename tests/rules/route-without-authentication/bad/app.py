from fastapi import FastAPI

app = FastAPI()


@app.post("/chat")
def chat(text: str) -> str:
    return text

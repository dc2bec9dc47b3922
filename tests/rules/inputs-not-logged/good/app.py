import logging

from fastapi import FastAPI
from prometheus_client import Counter

log = logging.getLogger("chat")
ANSWERS = Counter("answers", "Answers given", ["model"])
app = FastAPI()


@app.post("/chat")
def chat(text: str) -> str:
    ANSWERS.labels(model="small").inc()
    log.info("request", extra={"length": len(text)})
    return text

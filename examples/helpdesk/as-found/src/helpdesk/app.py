import logging
import traceback
from typing import Optional

import uvicorn
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from helpdesk import agent, settings, store

logging.basicConfig(level=logging.DEBUG, filename="helpdesk.log")

app = FastAPI(title="Helpdesk", debug=settings.DEBUG)
app.add_middleware(
    CORSMiddleware,
    allow_origins=["*"],
    allow_credentials=True,
    allow_methods=["*"],
    allow_headers=["*"],
)


class Chat(BaseModel):
    message: str
    customer_name: str = ""
    ticket_id: Optional[str] = None
    history: list = []


@app.get("/health")
def health():
    return {"status": "ok"}


@app.post("/chat")
def chat(body: Chat):
    try:
        return {"answer": agent.answer(body.message, body.customer_name, body.ticket_id, body.history)}
    except Exception:
        return {"error": traceback.format_exc()}


@app.get("/embed", response_class=HTMLResponse)
def embed(q: str):
    """Answer as a page, for the iframe in the shop."""
    return f"<html><body><h3>{q}</h3><p>{agent.answer(q)}</p></body></html>"


@app.post("/admin/reindex")
def reindex(url: Optional[str] = None):
    # FIXME: only admins should be able to do this
    return {"articles": store.reindex(url)}


@app.get("/tickets/{ticket_id}")
def ticket(ticket_id: str):
    return store.ticket(ticket_id)


if __name__ == "__main__":
    uvicorn.run("helpdesk.app:app", host="0.0.0.0", port=8000, reload=True, log_level="debug")

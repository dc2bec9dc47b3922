"""A page that greets."""

import html

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

app = FastAPI()


@app.get("/hello")
def hello(name: str):
    return HTMLResponse(f"<p>Hello {html.escape(name)}</p>")

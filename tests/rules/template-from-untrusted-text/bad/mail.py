"""Renders greetings."""

import jinja2
from flask import Flask, request

app = Flask(__name__)


@app.post("/greeting")
def greeting():
    text = request.json["greeting"]
    return jinja2.Template(text).render(user="guest")

"""The name of the template is constant; the text is only a value."""

from flask import Flask, render_template, request

app = Flask(__name__)


@app.post("/greeting")
def greeting():
    return render_template("greeting.html", name=request.json["name"])

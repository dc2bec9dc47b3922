import jinja2
from flask import Flask, request

app = Flask(__name__)
TEMPLATE = jinja2.Template("Hello {{ name }}", autoescape=True)


@app.post("/greeting")
def greeting():
    return TEMPLATE.render(name=request.json["name"])

import json

from flask import Flask, request

app = Flask(__name__)


@app.post("/predict")
def predict():
    rows = json.loads(request.get_data())
    return {"rows": len(rows)}

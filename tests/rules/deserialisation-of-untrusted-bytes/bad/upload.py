"""Accepts a model."""

import pickle

from flask import Flask, request

app = Flask(__name__)


@app.post("/predict")
def predict():
    frame = pickle.loads(request.get_data())
    return {"rows": len(frame)}

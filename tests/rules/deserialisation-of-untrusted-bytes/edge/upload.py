"""A pickle is loaded, but it is the service's own; the request only says which row."""

import pickle

from flask import Flask, request

app = Flask(__name__)
with open("model.pkl", "rb") as file:
    MODEL = pickle.load(file)


@app.post("/predict")
def predict():
    return {"score": float(MODEL.predict([request.json["row"]])[0])}

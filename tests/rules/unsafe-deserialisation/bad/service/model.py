"""Loads the model of the service."""

import urllib.request

import joblib

MODEL_URL = "https://models.internal.example/churn.joblib"


def load_model():
    path = "/tmp/churn.joblib"
    urllib.request.urlretrieve(MODEL_URL, path)
    # Whatever lies at that address runs here.
    return joblib.load(path)

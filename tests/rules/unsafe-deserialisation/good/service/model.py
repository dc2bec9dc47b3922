"""Loads the model of the service."""

import onnxruntime


def load_model(path: str = "models/churn.onnx"):
    return onnxruntime.InferenceSession(path)

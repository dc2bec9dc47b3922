from evidently import Report
from evidently.presets import DataDriftPreset
from fastapi import FastAPI
from safetensors.numpy import load_file

app = FastAPI()
weights = load_file("models/classifier.safetensors")


@app.post("/v1/predict")
def predict(features: list[float]):
    return {"score": float((weights["w"] * features).sum())}


def compare(window, reference):
    return Report([DataDriftPreset()]).run(window, reference)

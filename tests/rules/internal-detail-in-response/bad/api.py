"""Predicts."""

import traceback

from fastapi import FastAPI
from fastapi.responses import JSONResponse

app = FastAPI()


@app.post("/predict")
def predict(values: list[float]):
    try:
        return {"mean": sum(values) / len(values)}
    except Exception:
        # The caller sees paths and lines.
        return JSONResponse(status_code=500, content={"error": traceback.format_exc()})

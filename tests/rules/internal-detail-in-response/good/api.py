import logging
from uuid import uuid4

from fastapi import FastAPI, HTTPException

app = FastAPI()
logger = logging.getLogger(__name__)


@app.post("/predict")
def predict(values: list[float]):
    try:
        return {"mean": sum(values) / len(values)}
    except Exception:
        reference = uuid4().hex
        logger.exception("answer %s failed", reference)
        raise HTTPException(status_code=500, detail=f"internal error {reference}")
